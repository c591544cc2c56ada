"""What `/v1` answers with: OpenAI's objects, made from ours."""
