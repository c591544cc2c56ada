"""Who writes answers: quotes, vLLM, or a server that speaks OpenAI's API."""
