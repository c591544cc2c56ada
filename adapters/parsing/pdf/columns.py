"""PDF: the parts of a page in the order of reading: columns, tables, and text across them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from adapters.parsing.pdf.characters import Word
from adapters.parsing.pdf.gutters import (
    Gutter,
    cells_of,
    column_gutters,
    filled,
    gaps,
    is_table,
    narrowed,
    split,
)
from adapters.parsing.pdf.lines import Line, line_of, rows_of
from adapters.parsing.pdf.segments import Row, row_of
from adapters.parsing.pdf.tables import Table, cell_text, read_from_right, table_of, written

_DEPTH = 4
_SPARE_ROWS = 500  # looked at as columns or a table before the page is taken for mere text
_LOOKS = 3  # or so often each
_COLUMNS = 40
_NAMES = 3  # rows of a header
_EMPTY_BAND = 3.5  # an empty height, in font sizes, that ends columns
_PITCHES = 2.2  # or in distances of lines

# Entries of a table of contents
_ENTRY = re.compile(r"\(?\w{1,4}[.)]|\[|\d+$")
_ENTRY_LINES = 7
_ENTRY_PITCH = 1.4  # of the font size
_ENTRY_SIZE = 0.1  # relative difference
_ENTRY_WIDTH = 0.5  # of the whole width: a line that goes on below


@dataclass(slots=True)
class _Band:
    """Rows *first* to *end* with the gutters that no row crosses."""

    first: int
    end: int
    gutters: list[Gutter]
    names: int  # rows before this one have names that each stand over several columns


Item = Line | Table


def ordered(words: Iterable[Word], *, depth: int = 0) -> list[Item]:
    """Return the lines and tables of words that run in one direction, in the order of reading."""
    rows = [row_of(row) for row in rows_of(words, columns=True)]
    items: list[Item] = []
    n = 0
    budget = _SPARE_ROWS + _LOOKS * len(rows) if depth < _DEPTH else 0
    while n < len(rows):
        found = _contents(rows, n)
        band = _band(rows, n) if not found and budget > 0 else None
        if band:
            found = _side_by_side(rows, band, depth)
            budget -= 0 if found else band.end - band.first
        if found is None:
            items += _plain(rows[n])
            n += 1
            continue
        more, n = found
        items += more
        if n < len(rows):
            following = _plain_start(rows, n)
            items += following
            n += bool(following)
    return items


def _plain_start(rows: list[Row], n: int) -> list[Item]:
    """Return row *n* as the first after columns or a table, nothing where others begin there."""
    if len(rows[n].segments) > 1:
        return []
    items = _plain(rows[n])
    _freshen(items)
    return items


def _plain(row: Row) -> list[Item]:
    """Return a row as the lines it holds; its tables stand alone."""
    words = [word for segment in row.segments for word in segment.words]
    base = words[0].base
    if all(word.base == base and not word.table for word in words):
        return [line_of(words)]
    items: list[Item] = [line_of(strict) for strict in rows_of(w for w in words if not w.table)]
    for word in words:
        table = word.table
        for cell in (table and table.cells) or ():
            inner = ordered(cell, depth=_DEPTH - 1)
            _freshen(inner)
            items += inner
        if table and not table.cells:
            items.append(table)
    return items


def _freshen(items: Sequence[Item]) -> None:
    """Mark the first line as the beginning of another part of the page."""
    if items and isinstance(items[0], Line):
        items[0].fresh = True


def _contents(rows: list[Row], n: int) -> tuple[list[Item], int] | None:
    """Return a table of contents, or a like list with dots, that begins at row *n*."""
    cells: list[list[list[Word]]] = []
    held: list[Word] = []  # the first lines of an entry
    end, count = n, 0
    while end < len(rows) and (rows[end].leader or _leads_on(rows, end)):
        row = rows[end]
        if len(row.segments) > 1 + len(row.led):
            break  # lists with dots, side by side
        if held and _ENTRY.match(row.segments[0].words[0].text):
            cells.append([held])
            held = []
        held = [*held, *row.segments[0].words]
        if row.leader:
            cells.append([held, *(segment.words for segment in row.segments[1:])])
            held, count = [], count + 1
        end += 1
    if count < 2:  # noqa: PLR2004 - one row is no table
        return None
    lines = [written([cell_text(cell) for cell in row]) for row in cells]
    return [Table(lines, 0, rows[n].size, max(map(len, cells)))], end


def _leads_on(rows: list[Row], n: int) -> bool:
    """Return True if row *n* is a first line of an entry that ends in dots some rows below."""
    row = rows[n]
    if len(row.segments) != 1:
        return False
    for above, below in pairwise(rows[n : n + _ENTRY_LINES]):
        near = above.base - below.base <= _ENTRY_PITCH * above.size
        if not near or abs(above.size - below.size) > _ENTRY_SIZE * above.size:
            return False
        if below.leader:
            wide = below.segments[-1].right - row.segments[0].left
            return row.segments[0].right >= row.segments[0].left + _ENTRY_WIDTH * wide
        if len(below.segments) != 1:
            return False
    return False


def _side_by_side(rows: list[Row], band: _Band, depth: int) -> tuple[list[Item], int] | None:
    """Return the columns or the table of a band, and the row after them; None for mere text."""
    parts = rows[band.first : band.end]
    columns = column_gutters(parts, band.gutters)
    if columns:
        end = _without_heading(rows, band, columns)
        items: list[Item] = []
        for words in read_from_right(split(rows[band.first : end], columns, dots=True)):
            found = ordered(words, depth=depth + 1)
            _freshen(found)
            items += found
        return items, end
    end = _table_end(rows, band)
    cells = [
        read_from_right(cells_of(rows[n], band.gutters, names=n < band.names))
        for n in range(band.first, end)
    ]
    if not is_table(cells):
        return None
    if any(word.table is not None for row in cells for cell in row for word in cell):
        return None
    return [table_of(cells)], end


def _fullest(rows: list[Row], n: int) -> int:
    """Return the row that shows the columns: below names that each stand over several, not *n*."""
    for m in range(n, min(n + _NAMES, len(rows))):
        segments = rows[m].segments
        if m > n and len(segments) > max(_NAMES, len(rows[n].segments) + 1):
            wide = segments[-1].right - segments[0].left
            over = [s for row in rows[n:m] for s in row.segments]
            return m if all(s.right - s.left < wide / 2 for s in over) else n
        if len(segments) < 2 or (m > n and _is_far(rows[m - 1], rows[m])):  # noqa: PLR2004
            break
    return n


def _is_far(above: Row, row: Row) -> bool:
    """Return True if more than a line's distance lies between two rows."""
    return above.base - row.base > _PITCHES * row.size


def _band(rows: list[Row], n: int) -> _Band | None:
    """Return the rows from *n* on that leave a strip free; None where they are too few."""
    first = _fullest(rows, n)
    gutters = gaps(rows[first])
    if not 0 < len(gutters) <= _COLUMNS:
        return None
    end = first + 1
    pitch = 0.0
    while end < len(rows):
        step = rows[end - 1].base - rows[end].base
        if step > _EMPTY_BAND * rows[end].size and step > _PITCHES * pitch:
            break
        alive = narrowed(gutters, rows[end])
        lost = len(alive) < len(gutters)
        if not alive or (lost and len(gutters) > 1 and len(rows[end].segments) == 1):
            break
        if lost and end + 1 < len(rows) and len(narrowed(gutters, rows[end + 1])) >= len(gutters):
            end += 1  # one long cell does not end a column
            continue
        gutters = alive
        pitch = max(pitch, step)
        end += 1
    both = sum(filled(row, gutters) > 1 for row in rows[n:end])
    enough = 2 if len(gutters) > 1 else 3
    return _Band(n, end, gutters, first) if both >= enough else None


def _without_heading(rows: list[Row], band: _Band, gutters: list[Gutter]) -> int:
    """Return where the band ends without a heading at its end, which belongs to what follows."""
    end = band.end
    if end == len(rows):
        return end
    last = end
    while last > band.first and filled(rows[last - 1], gutters) == 1:
        last -= 1
    pitch = _pitch(rows[band.first : last])
    for n in range(max(last, band.first + 1), end):
        if rows[n - 1].base - rows[n].base > 1.4 * pitch and n >= end - 2:
            return n
    return end


def _table_end(rows: list[Row], band: _Band) -> int:
    """Return where a table ends: a single line that runs over a strip is a note below it."""
    end, pitch = band.end, _pitch(rows[band.first : band.end])
    while end > band.first + 1 and len(rows[end - 1].segments) == 1:
        row, above = rows[end - 1], rows[end - 2]
        far = above.base - row.base > 1.6 * pitch
        crosses = len(narrowed(band.gutters, row)) < len(band.gutters)
        if not far and not crosses:
            break
        end -= 1
    return end


def _pitch(rows: list[Row]) -> float:
    """Return the usual distance of rows."""
    steps = sorted(a.base - b.base for a, b in pairwise(rows))
    return steps[len(steps) // 2] if steps else 0.0
