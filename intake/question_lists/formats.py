"""Lists of questions in CSV (RFC 4180), in lines of JSON, and in JSON, taken apart."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

import orjson

from rag.errors import InvalidRequest

#: What may stand between the cells of a table: Excel writes semicolons where commas are decimal.
_DELIMITERS: Final = (",", ";", "\t")
_BOM: Final = b"\xef\xbb\xbf"


class Entry(NamedTuple):
    """
    A question as it was sent: where it stands, and what it holds.

    *error*, if it is not empty, says why *value* could not be read.
    """

    where: str
    value: object
    error: str = ""


def from_list(given: object, where: str) -> Iterator[Entry]:
    """Yield the entries of a list in JSON; raises InvalidRequest, which names *where* it stood."""
    if not isinstance(given, list):
        raise InvalidRequest(where, "must be a list of {question, id, …}")
    for n, entry in enumerate(given):
        yield Entry(f"{where}[{n}]", entry)


def from_lines(data: bytes) -> Iterator[Entry]:
    """Yield the entries of lines of JSON; blank lines count and are passed over."""
    for n, line in enumerate(data.removeprefix(_BOM).split(b"\n"), start=1):
        if line.strip():
            try:
                yield Entry(f"line {n}", orjson.loads(line))
            except orjson.JSONDecodeError as error:
                yield Entry(f"line {n}", None, f"is not JSON: {error}")


def from_csv(data: bytes) -> Iterator[Entry]:
    """
    Yield the entries of a table, whose first row names the fields.

    Rows are numbered as spreadsheets do, the first one 1; blank rows are passed over.

    Raises:
        InvalidRequest: It is no UTF-8, or its first row names no `question`.
    """
    try:
        table = data.removeprefix(_BOM).decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest(
            "body", "must be UTF-8; spreadsheets call that format `CSV UTF-8`"
        ) from error
    reader = csv.reader(
        io.StringIO(table, newline=""), delimiter=_delimiter(table), strict=True
    )  # fmt: skip
    number = 1
    try:
        names = _names(next(reader, []))
        for number, cells in enumerate(reader, start=2):
            if any(cell.strip() for cell in cells):
                yield _row(f"row {number}", names, cells)
    except csv.Error as error:
        yield Entry(f"row {number + 1}", None, f"is no CSV: {error}")


def from_text(name: str, told: str, where: str) -> object:
    """
    Return the value of a field that came as text, as JSON would have it.

    Raises:
        InvalidRequest: It should hold JSON, and does not.
    """
    read = _READ.get(name)
    if read is None:
        return told
    try:
        return read(told)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(where, f"must hold JSON: {error}") from error
    except ValueError:
        return told  # the field's own kind says what it should be


def _row(where: str, names: Sequence[str], cells: Sequence[str]) -> Entry:
    """Read a row; an empty cell says nothing, and neither does a column without a name."""
    if any(cell.strip() for cell in cells[len(names) :]):
        return Entry(where, None, f"has more cells than the first row, which has {len(names)}")
    try:
        return Entry(
            where,
            {
                name: from_text(name, cell, f"{where}.{name}")
                for name, cell in zip(names, cells, strict=False)
                if name and cell.strip()
            },
        )
    except InvalidRequest as error:
        return Entry(error.field, None, error.message)


def _names(header: Sequence[str]) -> list[str]:
    """Return the names of the columns; raises InvalidRequest."""
    names = [cell.strip().lower() for cell in header]
    if "question" not in names:
        raise InvalidRequest("row 1", "must name the columns, one of them `question`")
    for n, name in enumerate(names):
        if name and name in names[:n]:
            raise InvalidRequest("row 1", f"names the column {name!r} twice")
    return names


def _delimiter(table: str) -> str:
    """Return what stands between the cells: that with which a column is called `question`."""
    first = table.partition("\n")[0]
    for delimiter in _DELIMITERS:
        names = next(csv.reader([first], delimiter=delimiter), [])
        if "question" in (name.strip().lower() for name in names):
            return delimiter
    return _DELIMITERS[0]


def _whole(told: str) -> int:
    """Read a whole number of at most 18 digits; raises ValueError."""
    if not (told.strip().isascii() and told.strip().isdigit() and len(told) < 19):  # noqa: PLR2004  # 64 bits
        raise ValueError(told)
    return int(told)


#: How fields become what they are in JSON; all others are text.
_READ: Final[dict[str, Callable[[str], object]]] = {
    "top_k": _whole,
    "max_tokens": _whole,
    "deadline_s": _whole,
    "temperature": float,
    "filters": orjson.loads,
    "history": orjson.loads,
}
