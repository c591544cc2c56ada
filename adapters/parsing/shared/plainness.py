"""Plain text: what Python code reads, without any library of formats."""

from typing import Final

_PLAIN: Final = frozenset({"text", "log", "code", "table"})


class NotPlain(Exception):
    """Raised before a file is read that is no plain text, where only plain text may be read."""


def is_plain(kind: str, text: str) -> bool:
    """Return True if decoded text is plain; Markdown is unless it may hold HTML."""
    return kind in _PLAIN or (kind == "markdown" and "<" not in text)
