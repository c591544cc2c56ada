"""The description of the API: OpenAPI 3.1, and the same as a page for people."""
