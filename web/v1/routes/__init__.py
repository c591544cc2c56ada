"""The routes of `/v1`: each reads a request, calls one function, and answers."""
