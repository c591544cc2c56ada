"""The one entry to the parsers: bytes of any file in, its text and structure out."""

import re
from collections.abc import Callable

from rag.documents import ParsedDocument
from rag.errors import NoText
from workers.parsing.detection import decode, detect, text_kind
from workers.parsing.docx_flat import packaged
from workers.parsing.docx_text import parse_docx
from workers.parsing.html_text import parse_html
from workers.parsing.markdown_text import parse_markdown
from workers.parsing.pdf_text import parse_pdf
from workers.parsing.plain_text import parse_plain

_FROM_BYTES: dict[str, Callable[[bytes], ParsedDocument]] = {"pdf": parse_pdf, "docx": parse_docx}
_FROM_TEXT: dict[str, Callable[[str], ParsedDocument]] = {
    "html": parse_html,
    "markdown": parse_markdown,
}
_NOTHING = {
    "pdf": "The PDF holds no text layer; if it is scanned, run text recognition on it.",
    "docx": "The Word file holds no text.",
    "html": "The page holds no visible text.",
}
_WRITTEN = re.compile(r"\S")


def parse(data: bytes, *, filename: str) -> ParsedDocument:
    """
    Return the text of a file; its kind is told by its bytes, *filename* is a hint.

    Not for the process that must live on: run it in a `ParserPool`.

    Raises:
        NoText: The file is readable but holds nothing to index.
        Unreadable: `unsupported`, `encrypted`, `corrupt`, `binary`, `unsafe` or `too_large`.
    """
    if not data:
        raise NoText("The file is empty (0 bytes).")
    data = packaged(data) or data
    kind = detect(data, filename=filename)
    if kind == "text":
        text = decode(data)
        kind = text_kind(text, filename=filename)
        read = _FROM_TEXT.get(kind)
        document = read(text) if read else parse_plain(text, kind)
    else:
        document = _FROM_BYTES[kind](data)
    if not _WRITTEN.search(document.text):
        raise NoText(_NOTHING.get(kind, "The file holds nothing but white space."))
    return document
