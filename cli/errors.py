"""Errors of the command alone, apart from the client of the API, which takes long to import."""

from rag.errors import QuernError


class Unreachable(QuernError):
    """Raised when no Quern answers at the address."""
