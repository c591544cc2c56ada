"""Vector stores of `/v1`: collections as OpenAI's clients see them, with files as documents."""
