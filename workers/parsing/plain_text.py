"""Plain text, tables of comma-separated values, and source code: taken as they are."""

from rag.documents import BlockKind, ParsedDocument
from workers.parsing.assembly import cleaned, paragraphs

_BLOCKS: dict[str, BlockKind] = {"table": "table", "code": "code"}


def parse_plain(text: str, kind: str) -> ParsedDocument:
    """Return *text* with one block for each piece between blank lines."""
    text = cleaned(text)
    blocks = paragraphs(text, kind=_BLOCKS.get(kind, "paragraph"))
    return ParsedDocument(text, kind, None, tuple(blocks))
