"""What tests look at when a file was read: its blocks, or why it was refused."""

import pytest

from adapters.parsing.formats import parse
from rag.documents import ParsedDocument
from rag.errors import Unreadable


def blocks(document: ParsedDocument) -> list[tuple[str, str]]:
    """Return kind and text of each block."""
    return [(b.kind, document.text[b.start : b.end]) for b in document.blocks]


def refused(data: bytes, filename: str = "file") -> Unreadable:
    """Read a file that is refused; returns how."""
    with pytest.raises(Unreadable) as caught:
        parse(data, filename=filename)
    return caught.value
