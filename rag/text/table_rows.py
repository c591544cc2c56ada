"""The rows of tables in a passage, each with the names of its columns."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from rag.documents import Passage
from rag.text.spans import trimmed
from rag.text.table_headers import CUT, header_of, is_rule

_LINE = re.compile(r"[^\n]*")
_FIRST_FIELD = re.compile(r"(?P<field>[^\s:;|][^:;|\n]{0,60}: [^;\n]{1,80}); ")
_SEPARATOR = re.compile(r"(?<!\\)\|")

_Span = tuple[int, int]


def written(cells: Iterable[tuple[str, str]]) -> str:
    """Write cells as `name: text; name: text`."""
    return "; ".join(f"{name}: {text}" if name not in ("", text) else text for name, text in cells)


def narrowed(
    cells: Sequence[tuple[str, str]], matters: Callable[[str], bool], *, most: int
) -> list[tuple[str, str]]:
    """
    Return the cells of a row that *most* code points hold when written.

    Of a row that is too wide these are the first, which says what it is about, and those that
    *matters* says yes to, by name and text.
    """
    if len(written(cells)) <= most:
        return list(cells)
    kept = [cells[0], *(cell for cell in cells[1:] if matters(written([cell])))]
    while len(kept) > 1 and len(written(kept)) > most:
        kept.pop()
    if len(written(kept)) > most:
        text = kept[0][1]
        kept = [("", text if len(text) <= most else f"{text[: most - 1]}{CUT}")]
    return kept


def key_before(text: str, start: int) -> str:
    """
    Return the first field of a record that was cut before *start*; empty where none was.

    A record is a line such as `number: 7; site: Split; remark: none`.
    """
    line = text.rfind("\n", 0, start) + 1
    field = _FIRST_FIELD.match(text, line, start)
    return field["field"] if field else ""


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of a table: its span, its columns' names, and whether it is what names them."""

    start: int
    end: int
    names: tuple[str, ...]
    is_header: bool = False


class TableRows:
    """
    What of a passage's text lies in tables.

    A table begins with its header: where the passage says that one lies, where a line of Markdown
    parts it from the rows, or with the passage and its context. It ends with its lines. Places
    count from the beginning of the passage's text.
    """

    def __init__(self, passage: Passage) -> None:
        self._text = passage.text
        self._rows = list(_rows(passage))
        self._starts = [row.start for row in self._rows]

    def is_header(self, start: int, end: int) -> bool:
        """Return True if a span only names columns."""
        row = self._at(start)
        return row is not None and row.is_header and end <= row.end

    def cells(self, start: int, end: int) -> list[tuple[str, str]] | None:
        """
        Return the (name, text) of each cell of a row, or of the part of one; empty ones left out.

        A part has the first cell too, which says what the row is about. None where it is in no
        table, or has not as many cells as there are names.
        """
        row = self._at(start)
        if row is None or row.is_header or end > row.end:
            return None
        cells = _cells(self._text, row.start, row.end)
        named = _named(row.names, [self._text[a:b].strip() for a, b in cells])
        if named is None:
            return None
        told: list[tuple[str, str]] = []
        for (first, last), (name, cell) in zip(cells, named, strict=True):
            inside = self._text[max(first, start) : max(first, min(last, end))].strip()
            if text := (inside if told else cell).replace("\\|", "|"):
                told.append((name, text))
        return told

    def _at(self, start: int) -> _Row | None:
        """Return the line of a table that holds a place."""
        at = bisect_right(self._starts, start) - 1
        return self._rows[at] if at >= 0 and start < self._rows[at].end else None


def _rows(passage: Passage) -> Iterator[_Row]:
    """Yield the lines of tables, in order."""
    text = passage.text
    contexts = {part.start - passage.start: part.context for part in passage.chunks}
    headers = [(start - passage.start, end - passage.start) for start, end in passage.headers]
    if not headers and not any(contexts.values()) and "|" not in text:
        return
    lines = [match.span() for match in _LINE.finditer(text) if match.end() > match.start()]
    names: tuple[str, ...] = ()
    header: list[str] = []
    end = 0
    for n, (start, stop) in enumerate(lines):
        line = text[start:stop].strip()
        if not line or text.count("\n", end, start) > 1:
            names, header = (), []  # with a blank line a table ends
        end = stop
        if context := contexts.get(start):
            names = _names(context.split("\n"))
        following = text[slice(*lines[n + 1])] if n + 1 < len(lines) else ""
        if any(first <= start < last for first, last in headers) or _heads(line, following):
            header.append(line)
            yield _Row(start, stop, (), is_header=True)
        elif line and (header or names):
            if header:
                names, header = _names(header_of("\n".join(header)).split("\n")), []
            rule = is_rule(line)
            yield _Row(start, stop, () if rule else names, is_header=rule)


def _heads(line: str, following: str) -> bool:
    """Return True if a line is the header of a table of Markdown, by the line that follows it."""
    return "|" in line and "|" in following and "-" in following and is_rule(following.strip())


def _names(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the names of columns out of a header's lines: what stands above each other is one."""
    split = [[cell.strip() for cell in _SEPARATOR.split(line.strip())] for line in lines]
    width = len(split[-1])
    above = [cells for cells in split if len(cells) == width]
    return tuple(
        " ".join(dict.fromkeys(filter(None, column))) for column in zip(*above, strict=True)
    )


def _cells(text: str, start: int, end: int) -> list[_Span]:
    """Return the spans of a row's cells."""
    start, end = trimmed(text, start, end)
    cuts = [match.start() for match in _SEPARATOR.finditer(text, start, end)]
    return list(zip([start, *(cut + 1 for cut in cuts)], [*cuts, end], strict=True))


def _named(names: Sequence[str], cells: Sequence[str]) -> list[tuple[str, str]] | None:
    """Put names and cells together; None where they do not fit."""
    known = list(names)
    if known and known[-1] == CUT:
        known[-1:] = [""] * max(0, len(cells) - len(known) + 1)
    # Of Markdown, strokes may stand around the header alone, or around the row alone.
    if len(known) == len(cells) + 2 and not known[0] and not known[-1]:
        known = known[1:-1]
    elif len(known) + 2 == len(cells) and not cells[0] and not cells[-1]:
        known = ["", *known, ""]
    # Another number is that of a merged cell, or of the part of a row.
    return list(zip(known, cells, strict=True)) if any(known) and len(known) == len(cells) else None
