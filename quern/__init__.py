"""The Python client of the HTTP API, with and without asyncio; the command is made of it."""
