"""Errors of a replica's own index."""

from rag.errors import Broken, QuernError


class IndexUnusable(QuernError):
    """Raised when the files are corrupt or of another format; the remedy is a rebuild."""


class IndexInUse(Broken):
    """Raised when another process is writing the same index."""
