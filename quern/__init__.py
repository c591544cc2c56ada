"""
The Python client of Quern's HTTP API: `quern.client.Client`, and `quern.aio.AsyncClient`.

Nothing is imported here, so that what needs the errors alone does not wait for an HTTP client.
"""
