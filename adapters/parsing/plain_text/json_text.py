"""JSON and JSON Lines: parsed, and written as records and paths with the letters they stand for."""

import json
import re
from typing import Any

from adapters.parsing.markup.records import Records
from rag.documents import ParsedDocument

_STARTS = re.compile(r"\s*(?:\{\s*[\"}]|\[\s*[{\[\"\d\]-])")
_FIRST_LINE = 100_000  # characters
_MOST_BROKEN = 0.1  # share of lines that may be cut off or damaged


def parse_json(value: Any) -> ParsedDocument:
    """Return what the value of a JSON text says: a line for each record or path."""
    records = Records()
    records.write(value)
    records.out.note(*records.noise.notes())
    return records.out.document("json")


def looks_like_json(text: str) -> bool:
    """Return True for text that begins and ends as JSON with objects or lists does."""
    if not _STARTS.match(text):
        return False
    first = text.lstrip()[:_FIRST_LINE].partition("\n")[0]  # of JSON Lines, the last may be cut off
    return any(end.rstrip().endswith(("}", "]")) for end in (text[-_FIRST_LINE:], first))


def load_json(text: str) -> Any | None:
    """Return the value of a JSON text, a list for JSON Lines; None where it holds no object."""
    text = text.strip().lstrip("\ufeff")
    if not text.startswith(("{", "[")):
        return None
    value = _loaded(text)
    if value is None:
        return _lines(text)
    return value if isinstance(value, dict | list) else None


def _loaded(text: str) -> Any | None:
    """Parse one value; numbers stay as they are written. None where it is damaged or too deep."""
    try:
        return json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None


def _lines(text: str) -> list[Any] | None:
    """Parse a value a line; lines that are damaged stay text, and if they are many, all is."""
    lines = [line.strip() for line in text.split("\n")]
    lines = [line for line in lines if line]
    values: list[Any] = []
    broken = 0
    for line in lines:
        value = _loaded(line) if line.startswith(("{", "[")) else None
        if value is None:
            broken += 1
            if broken > 1 + _MOST_BROKEN * len(lines):
                return None
            value = {"": line}
        values.append(value)
    return values if broken * 2 < len(lines) else None
