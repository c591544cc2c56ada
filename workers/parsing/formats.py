"""The one entry to the parsers: bytes of any file in, its text and structure out."""

import re
from collections.abc import Callable

from rag.documents import ParsedDocument
from rag.errors import NoText
from workers.parsing.detection import detect
from workers.parsing.docx_flat import packaged
from workers.parsing.docx_text import parse_docx
from workers.parsing.pdf_text import parse_pdf
from workers.parsing.text_formats import parse_text

_FROM_BYTES: dict[str, Callable[[bytes], ParsedDocument]] = {"pdf": parse_pdf, "docx": parse_docx}
_NOTHING = {
    "pdf": "The PDF holds no text layer; if it is scanned, run text recognition on it.",
    "docx": "The Word file holds no text.",
    "html": "The page holds no visible text.",
    "json": "The JSON holds no values.",
    "xml": "The XML holds no text.",
    "notebook": "The notebook holds no text.",
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
    read = _FROM_BYTES.get(kind)
    document = read(data) if read else parse_text(data, filename=filename)
    if not _WRITTEN.search(document.text):
        nothing = _NOTHING.get(document.kind, "The file holds nothing but white space.")
        raise NoText(" ".join([nothing, *document.notes]))
    return document
