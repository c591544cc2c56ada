"""Tables of a Word file: their cells, merged ones in every place they cover, and rows of names."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from lxml import etree

from adapters.parsing.docx.package import W
from adapters.parsing.docx.styles import Styles, looks_at_first_row, shaded, switch, value
from adapters.parsing.docx.tree import rows_of
from adapters.parsing.shared.grids import row_line
from adapters.parsing.shared.header_rows import are_names, names_columns
from adapters.parsing.shared.packages import whole

_LONG = 400  # characters: a merged cell with more is prose, and stands once
_MOST_GROWTH = 4  # times as many places as cells: spans of a broken grid do not fill the memory
_SPARE_PLACES = 1000
_MOST_REPEATED = 2_000_000  # characters that merged cells of one table may add
_LOOKED_AT = 4  # rows at the top of a table whose look may tell that they name the columns


@dataclass(slots=True)
class Cell:
    """A cell: how many columns of the grid it covers, and how it is merged with the row above."""

    text: str
    span: int = 1
    begins: bool = False  # goes on in the rows below
    goes_on: bool = False  # belongs to the cell above
    marked: bool = False  # bold or on a ground of its own


@dataclass(slots=True)
class Row:
    """The cells of a row, and the columns of the grid before the first and after the last."""

    cells: list[Cell] = field(default_factory=list)
    before: int = 0
    after: int = 0
    names: bool = False  # repeated by Word on each page: the row names the columns


@dataclass(frozen=True, slots=True)
class Grid:
    """A table as text: *captions* stood above it, *header* counts the first of its *lines*."""

    captions: tuple[str, ...]
    lines: tuple[str, ...]
    header: int


_Placed = list[tuple[int, int, Cell]]  # first column, column after the last, cell


def seen_rows(table: etree._Element, leave_out: Callable[[str], None]) -> Iterator[etree._Element]:
    """Yield the rows that are neither deleted nor hidden; *leave_out* is told of the others."""
    for row in rows_of(table):
        properties = row.find(f"{W}trPr")
        if properties is not None and properties.find(f"{W}del") is not None:
            leave_out("Text deleted in tracked changes was left out.")
        elif switch(properties, "hidden", otherwise=False):
            leave_out("Hidden text was left out.")
        else:
            yield row


def read_grid(
    table: etree._Element,
    rows: Sequence[tuple[etree._Element, Sequence[etree._Element]]],
    *,
    styles: Styles,
    text: Callable[[etree._Element], str],
) -> Grid:
    """
    Read a table and lay it out; see `grid`.

    Args:
        table: The table.

        rows: Those of its rows that are read, each with its cells.

        styles: Tell how the words of a cell look.

        text: Returns what a cell says.
    """
    properties = table.find(f"{W}tblPr")
    styled = looks_at_first_row(properties) and styles.header_rows.get(
        value(properties, "tblStyle"), False
    )
    read = []
    for n, (row, cells) in enumerate(rows):
        of = row.find(f"{W}trPr")
        read.append(
            Row(
                [_cell(cell, text(cell), styles if n < _LOOKED_AT else None) for cell in cells],
                whole(value(of, "gridBefore")),
                whole(value(of, "gridAfter")),
                switch(of, "tblHeader", otherwise=False),
            )
        )
    return grid(read, styled=styled)


def grid(rows: Sequence[Row], *, styled: bool = False) -> Grid:
    """
    Lay out *rows*; a line is written `a | b | c`, and empty cells keep their place.

    A merged cell is repeated in every row and column it covers. A row of one cell among rows of
    several stands alone: above the table it is a caption. Rows without words are left out.
    *styled* tells that the table's style sets the first row apart.
    """
    rows = [row for row in rows if row.cells]
    captions = []
    while len(rows) > 1 and _alone(rows[0]) and not rows[0].names and _wide(rows):
        captions.append(rows.pop(0).cells[0].text)
    placed = _placed(rows)
    filled = _filled(placed)
    kept = [n for n, places in enumerate(filled) if any(places)]
    names = _header(rows, filled, styled=styled)
    header = sum(n < names for n in kept)
    lines = tuple(row_line(filled[n]) for n in kept)
    return Grid(tuple(filter(None, captions)), lines, header)


def _cell(cell: etree._Element, text: str, styles: Styles | None) -> Cell:
    """Return a cell of that text; without *styles* it does not matter how it looks."""
    properties = cell.find(f"{W}tcPr")
    merge = properties.find(f"{W}vMerge") if properties is not None else None
    begins = merge is not None and merge.get(f"{W}val") == "restart"
    return Cell(
        text,
        max(whole(value(properties, "gridSpan"), 1), 1),
        begins,
        merge is not None and not begins,
        styles is not None and (shaded(properties) or _bold(cell, styles)),
    )


def _bold(cell: etree._Element, styles: Styles) -> bool:
    """Return True if all words of a cell are bold."""
    runs = [
        switch(
            run.find(f"{W}rPr"),
            "b",
            styles.paragraph(value(p.find(f"{W}pPr"), "pStyle")).bold,
        )
        for p in cell.iter(f"{W}p")
        for run in p.iter(f"{W}r")
        if any((t.text or "").strip() for t in run.iterfind(f"{W}t"))
    ]
    return bool(runs) and all(runs)


def _alone(row: Row) -> bool:
    """Return True if a row is one cell from edge to edge."""
    return len(row.cells) == 1 and not row.before and not row.after and not row.cells[0].begins


def _wide(rows: Sequence[Row]) -> bool:
    """Return True if any row has several cells."""
    return any(len(row.cells) > 1 for row in rows)


def _placed(rows: Sequence[Row]) -> list[_Placed]:
    """
    Return the cells of each row with the columns they cover.

    Word's grid has a column for every edge that somebody dragged. Where all rows have as many
    cells, these are the columns; else each edge that some cell has begins one.
    """
    full = [row for row in rows if not _alone(row)]
    counts = {len(row.cells) + bool(row.before) + bool(row.after) for row in full}
    if len(counts) <= 1:
        return [_by_count(row) for row in rows]
    placed = [_by_grid(row) for row in rows]
    edges = sorted({edge for cells in placed for first, last, _ in cells for edge in (first, last)})
    cells = sum(map(len, placed))
    if len(edges) * len(rows) > _MOST_GROWTH * cells + _SPARE_PLACES:
        return [_by_count(row) for row in rows]
    return [
        [(bisect_left(edges, a), bisect_left(edges, b), cell) for a, b, cell in cells]
        for cells in placed
    ]


def _by_count(row: Row) -> _Placed:
    """Place each cell in one column."""
    first = bool(row.before)
    placed = [(n, n + 1, cell) for n, cell in enumerate(row.cells, first)]
    blanks = [(0, 1, Cell(""))] if first else []
    last = len(blanks) + len(placed)
    return [*blanks, *placed, *([(last, last + 1, Cell(""))] if row.after else [])]


def _by_grid(row: Row) -> _Placed:
    """Place each cell in the columns of the grid that it covers."""
    placed = [(0, row.before, Cell(""))] if row.before else []
    at = row.before
    for cell in row.cells:
        placed.append((at, at + cell.span, cell))
        at += cell.span
    if row.after:
        placed.append((at, at + row.after, Cell("")))
    return placed


def _filled(placed: Sequence[_Placed]) -> list[list[str]]:
    """Return what stands in each column of each row."""
    filled = []
    spare = _MOST_REPEATED
    above: dict[int, str] = {}  # what is merged downwards, by first column
    for cells in placed:
        places: list[str] = []
        merged = {}
        for first, last, cell in cells:
            text = cell.text
            if cell.goes_on and first in above:
                text = above[first]
                spare -= len(text)
            covered = max(last - first, 1)
            again = len(text) <= _LONG and spare > 0
            if again and (cell.begins or cell.goes_on):
                merged[first] = text
            if len(cells) == 1:
                covered = 1
            spare -= len(text) * (covered - 1) if again else 0
            places.extend([text] * covered if again else [text, *[""] * (covered - 1)])
        filled.append(places)
        above = merged
    return filled


def _header(rows: Sequence[Row], filled: Sequence[Sequence[str]], *, styled: bool) -> int:
    """Return how many of the first rows name the columns."""
    count = 0
    while count < len(rows) and rows[count].names:
        count += 1
    if count:
        return count if count < len(rows) else 0
    if len(rows) < 2 or len(rows[0].cells) < 2:  # noqa: PLR2004 - one row or column has no names
        return 0
    if not names_columns(filled, stands_out=styled or _stands_out(rows)):
        return 0
    count = 1
    while count < len(rows) - 1 and any(cell.goes_on for cell in rows[count].cells):
        count += 1
    parted = any(cell.span > 1 for cell in rows[0].cells) and len(rows[1].cells) > len(
        rows[0].cells
    )
    if count == 1 and parted and len(rows) > 2 and are_names(filled[1], bare=True):  # noqa: PLR2004 - a row below
        count = 2
    return count


def _stands_out(rows: Sequence[Row]) -> bool:
    """Return True if the first row looks unlike the one below it."""
    looks = all(cell.marked for cell in rows[0].cells if cell.text)
    # A first column that stands out everywhere names rows, and tells nothing of the first row.
    below = [cell for cell in rows[1].cells[1:] if cell.text]
    return looks and not (below and all(cell.marked for cell in below))
