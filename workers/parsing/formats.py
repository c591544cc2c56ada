"""The one entry to the parsers: bytes of any file in, its text and structure out."""

import re
from collections.abc import Callable
from dataclasses import replace

from rag.documents import ParsedDocument
from rag.errors import NoText
from workers.parsing.code_text import parse_code
from workers.parsing.detection import decode_named, detect, named_kind, text_kind
from workers.parsing.docx_text import parse_docx
from workers.parsing.html_text import parse_html
from workers.parsing.json_text import load_json, parse_json
from workers.parsing.markdown_text import parse_markdown
from workers.parsing.notebook_text import is_notebook, parse_notebook
from workers.parsing.pdf_text import parse_pdf
from workers.parsing.plain_text import parse_plain
from workers.parsing.separated_text import parse_separated
from workers.parsing.xml_text import parse_xml


def _parse_data(text: str) -> ParsedDocument | None:
    """Read JSON as the notebook or the records that it is; None where it is no JSON."""
    value = load_json(text)
    if value is None:
        return None
    return parse_notebook(value) if is_notebook(value) else parse_json(value)


_FROM_BYTES: dict[str, Callable[[bytes], ParsedDocument]] = {"pdf": parse_pdf, "docx": parse_docx}
#: Readers of text; one that finds the text to be of another kind after all returns None.
_FROM_TEXT: dict[str, Callable[[str], ParsedDocument | None]] = {
    "html": parse_html,
    "markdown": parse_markdown,
    "json": _parse_data,
    "xml": parse_xml,
    "code": parse_code,
}
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
    kind = detect(data, filename=filename)
    if kind == "text":
        text, encoding = decode_named(data)
        document = replace(_from_text(text, filename), encoding=encoding)
    else:
        document = _FROM_BYTES[kind](data)
    if not _WRITTEN.search(document.text):
        nothing = _NOTHING.get(document.kind, "The file holds nothing but white space.")
        raise NoText(" ".join([nothing, *document.notes]))
    return document


def _from_text(text: str, filename: str) -> ParsedDocument:
    """Read decoded text by its kind; what turns out to be another is read as its name says."""
    kind = text_kind(text, filename=filename)
    document = _as(kind, text, filename)
    if document is None and kind in ("json", "xml"):
        kind = named_kind(text, filename=filename)
        document = _as(kind, text, filename)
    return parse_plain(text, kind) if document is None else document


def _as(kind: str, text: str, filename: str) -> ParsedDocument | None:
    """Read text as one kind; None where it turns out to be none of it."""
    if kind == "table":
        return parse_separated(text, filename=filename)
    read = _FROM_TEXT.get(kind)
    return read(text) if read else parse_plain(text, kind)
