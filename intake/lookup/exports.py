"""A list of questions with its answers as a file: a table for spreadsheets, or lines of JSON."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import orjson

FORMATS: Final = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
COLUMNS: Final = (
    "n", "id", "question", "state", "answered", "confidence", "answer", "sources", "error",
)  # fmt: skip
#: Bytes that are handed on together.
_PIECE: Final = 64 * 1024
#: Without it Excel takes UTF-8 for something else.
_BOM: Final = "\ufeff"
#: A cell that begins so may be run as a formula by a spreadsheet (OWASP, CSV Injection), in the
#: wide forms of East Asian keyboards too.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def export(rows: Iterable[Mapping[str, Any]], form: str) -> Iterator[bytes]:
    """
    Yield a file of one of FORMATS of the *rows* of a `QuestionTable`, a piece at a time.

    No more than a piece and one row is in memory.
    """
    piece = bytearray()
    for line in _lines(rows) if form == "jsonl" else _table(rows):
        piece += line
        if len(piece) >= _PIECE:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)


def _lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Yield lines of JSON."""
    for row in rows:
        yield orjson.dumps(row) + b"\n"


def _table(rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Yield a table for spreadsheets."""
    yield (_BOM + _line(COLUMNS)).encode()
    for row in rows:
        yield _line([_cell(value) for value in _values(row)]).encode()


def _values(row: Mapping[str, Any]) -> list[object]:
    """Return what the columns say of a question."""
    told = dict(row) | {"sources": _sources(row["citations"]), "error": _error(row)}
    return [told[name] for name in COLUMNS]


def _sources(citations: Iterable[Mapping[str, Any]]) -> str:
    """Return the documents that an answer quotes, with their pages, each once."""
    return "; ".join(dict.fromkeys(_place(citation) for citation in citations))


def _place(citation: Mapping[str, Any]) -> str:
    """Return where a quote stands: `report.pdf, page iv`, or the document alone."""
    called = citation.get("page_label") or citation.get("page")
    page = f", {citation.get('page_kind') or 'page'} {called}" if called else ""
    return f"{citation['document_id']}{page}"


def _error(row: Mapping[str, Any]) -> str:
    """Return in words why there is no answer."""
    if "error" in row:
        return f"{row['error']['title']}: {row['error']['detail']}"
    return str(row.get("note", ""))


def _cell(value: object) -> object:
    """Return a value as a cell has it, which no spreadsheet takes for a formula."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def _line(cells: Iterable[object]) -> str:
    """Write a row as RFC 4180 has it."""
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()
