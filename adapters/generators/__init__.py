"""Generators of answers: extractive quotes, vLLM, or a server with OpenAI's API."""
