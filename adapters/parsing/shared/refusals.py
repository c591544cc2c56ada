"""Errors for files of kinds that are recognised but not read."""

from rag.errors import Unreadable

READS = (
    "this version reads text, Markdown, HTML, PDF, Word, PowerPoint, Excel, OpenDocument, EPUB,"
    " RTF, mail, and archives of such files"
)


def unsupported(name: str, remedy: str = "") -> Unreadable:
    """Return the error for a kind of file that is known but not read; *remedy* says what to do."""
    return Unreadable("unsupported", f"The file is {name}; {remedy or READS}.")


def binary() -> Unreadable:
    """Return the error for bytes that are no text, of no kind that is known."""
    return Unreadable("binary", f"The file holds binary data and no text; {READS}.")


def locked() -> Unreadable:
    """Return the error for a document that is protected by a password."""
    return Unreadable("encrypted", "The file is protected by a password; save it without one.")
