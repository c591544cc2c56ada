"""Text of every kind: its encoding told, then read as what its content and its name say it is."""

from collections.abc import Callable
from dataclasses import replace

from adapters.parsing.detection import decode_named, named_kind, text_kind
from adapters.parsing.markup.html_text import parse_html
from adapters.parsing.markup.markdown_text import parse_markdown
from adapters.parsing.markup.notebook_text import is_notebook, parse_notebook
from adapters.parsing.markup.xml_text import parse_xml
from adapters.parsing.plain_text.code_text import parse_code
from adapters.parsing.plain_text.json_text import load_json, parse_json
from adapters.parsing.plain_text.plain_text import parse_plain
from adapters.parsing.plain_text.separated_text import parse_separated
from adapters.parsing.shared.plainness import NotPlain, is_plain
from rag.documents import ParsedDocument


def parse_text(data: bytes, *, filename: str, plain_only: bool = False) -> ParsedDocument:
    """
    Return the text of a file of letters, with its encoding; *filename* is a hint.

    Raises:
        Unreadable: `binary`, `unsafe`, `corrupt`, or `unsupported` for an encoding nobody can tell.
        NotPlain: *plain_only*, and it is HTML or another kind that a library reads.
    """
    text, encoding = decode_named(data)
    kind = text_kind(text, filename=filename)
    if plain_only and not is_plain(kind, text):
        raise NotPlain
    return replace(_from_text(kind, text, filename), encoding=encoding)


def _parse_data(text: str) -> ParsedDocument | None:
    """Read JSON as the notebook or the records that it is; None where it is no JSON."""
    value = load_json(text)
    if value is None:
        return None
    return parse_notebook(value) if is_notebook(value) else parse_json(value)


#: Readers of text; one that finds the text to be of another kind after all returns None.
_FROM_TEXT: dict[str, Callable[[str], ParsedDocument | None]] = {
    "html": parse_html,
    "markdown": parse_markdown,
    "json": _parse_data,
    "xml": parse_xml,
    "code": parse_code,
}


def _from_text(kind: str, text: str, filename: str) -> ParsedDocument:
    """Read decoded text by its kind; what turns out to be another is read as its name says."""
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
