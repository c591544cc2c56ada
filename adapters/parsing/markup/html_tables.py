"""Tables of a page as a grid: cells that span rows or columns stand in each of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

from adapters.parsing.shared.grids import row_line
from adapters.parsing.shared.header_rows import names_columns

_MOST_CELLS = 2_000_000  # of a grid; above that spans are not repeated
_MOST_REPEATED = 4_000_000  # characters that spans repeat
_MOST_COLUMNS = 1000  # HTML clamps a column span to this, and a row span to 65,534
_MOST_ROWS = 65_534
_DATUM = 500  # characters of a cell that may be a datum where no heading says so
_PROSE = 5000  # characters above which a cell is no datum at all
_TALK = 200  # characters of a cell beside a heading that tell sections of a page
_SECTIONS: Final = {"thead": 0, "tbody": 1, "tfoot": 2}
#: Roles that make a table of other elements (WAI-ARIA 1.2).
TABLE_ROLES: Final = {
    "table": "table", "grid": "table", "treegrid": "table", "row": "tr", "rowgroup": "tbody",
    "cell": "td", "gridcell": "td", "columnheader": "th", "rowheader": "th",
}  # fmt: skip


@dataclass(slots=True)
class Cell:
    """One cell: its words so far, how far it reaches, and whether it is a heading."""

    rows: int = 1
    columns: int = 1
    heading: bool = False
    parts: list[str] = field(default_factory=list)
    between: str = ""  # what parts the next words from those before
    picture: str = ""  # what a picture says that stands for words

    def add(self, text: str) -> None:
        """Add words behind what is there."""
        if self.parts:
            self.parts.append(self.between or " ")
        self.between = ""
        self.parts.append(text)

    @property
    def text(self) -> str:
        """What the cell says, on one line."""
        return " ".join("".join(self.parts).split()) or self.picture


@dataclass(slots=True)
class _Row:
    """One row: the section of the table that it is in, and the number of its group of rows."""

    section: int
    group: int
    cells: list[Cell] = field(default_factory=list)


@dataclass(slots=True)
class Grid:
    """Collects the rows of one table and writes them as lines."""

    rows: list[_Row] = field(default_factory=list)
    caption: list[str] = field(default_factory=list)
    captioned: bool = False  # the caption is open
    section: int = 1
    group: int = 0  # counts row groups: a span ends with its own
    open_row: bool = False

    def enter_section(self, tag: str) -> None:
        """Begin a head, body or foot."""
        self.section = _SECTIONS[tag]
        self.group += 1
        self.open_row = False

    def enter_row(self) -> None:
        """Begin a row."""
        self.rows.append(_Row(self.section, self.group))
        self.open_row = True

    def enter_cell(self, node: LexborNode, *, heading: bool) -> None:
        """Begin a cell with the spans that its element names."""
        if not self.open_row:
            self.enter_row()
        attributes = node.attributes
        rows = _span(attributes.get("rowspan") or attributes.get("aria-rowspan"), _MOST_ROWS)
        columns = _span(attributes.get("colspan") or attributes.get("aria-colspan"), _MOST_COLUMNS)
        columns = columns or 1  # a row span of 0 reaches to the end of its group
        self.rows[-1].cells.append(Cell(_MOST_ROWS if rows == 0 else rows, columns, heading))

    @property
    def cell(self) -> Cell:
        """The cell that is open; words outside cells get one of their own."""
        if not self.rows or not self.open_row:
            self.enter_row()
        cells = self.rows[-1].cells
        if not cells:
            cells.append(Cell())
        return cells[-1]

    def lines(self) -> tuple[list[str], int]:
        """Return a line `a | b |  | d` for each row that holds something, and how many head it."""
        rows = sorted(self.rows, key=lambda row: row.section)
        written: list[str] = []
        laid: list[list[str]] = []
        heads = 0
        heading = True
        for row, cells in zip(rows, _laid(rows), strict=True):
            texts = [text for text, _ in cells]
            if not any(texts):
                continue
            laid.append(texts)
            heading = heading and (row.section == 0 or all(th for text, th in cells if text))
            heads += heading
            whole = len(row.cells) == 1 and len(set(texts)) == 1
            written.append(row_line(texts[:1] if whole else texts))
        if heads == len(written):  # a table of headings alone: the first row names the others
            heads = 1 if len(written) > 1 else 0
        told = any(cell.heading for row in rows for cell in row.cells)
        if not heads and not told and names_columns(laid):
            heads = 1
        return written, heads


def _width(rows: list[_Row]) -> int:
    """Return how many columns there are: a last cell may name more than there are."""
    begins = [0] * (len(rows) + 1)  # columns that begin to reach into a row, less those done
    ends = {row.group: at + 1 for at, row in enumerate(rows)}
    width = reaching = 0
    for at, row in enumerate(rows):
        reaching += begins[at]
        width = max(width, reaching + 1 + sum(cell.columns for cell in row.cells[:-1]))
        for cell in row.cells:
            last = min(at + cell.rows, ends[row.group])
            if last > at + 1:
                begins[at + 1] += cell.columns
                begins[last] -= cell.columns
    return width


def _laid(rows: list[_Row]) -> list[list[tuple[str, bool]]]:
    """Return each row's cells (text, whether a heading) with those that reach into it."""
    width = _width(rows)
    spans = _Spans(width, _MOST_REPEATED if width * len(rows) <= _MOST_CELLS else 0)
    laid: list[list[tuple[str, bool]]] = []
    for _, group in groupby(rows, key=lambda row: row.group):
        spans.below = {}
        laid.extend(spans.row(row.cells) for row in group)
    return laid


@dataclass(slots=True)
class _Spans:
    """Lays cells into the columns of a row, from top to bottom of a group of rows."""

    width: int
    left: int  # characters that may still be repeated
    below: dict[int, tuple[str, bool, int]] = field(default_factory=dict)

    def row(self, cells: list[Cell]) -> list[tuple[str, bool]]:
        """Return one row; *below* holds by column what reaches on: text, heading, rows to go."""
        above, self.below = self.below, {}
        last = max(above, default=-1)
        row: list[tuple[str, bool]] = []
        waiting = iter(cells)
        cell = next(waiting, None)
        while cell is not None or len(row) <= last:
            reached = above.get(len(row))
            if reached is not None:
                text, heading, rows = reached
                if rows > 1 and self.left > 0:
                    self.below[len(row)] = (text, heading, rows - 1)
                self.left -= len(text)
                row.append((text, heading))
            elif cell is None:
                row.append(("", False))
            else:
                self._place(cell, row, above)
                cell = next(waiting, None)
        return row

    def _place(self, cell: Cell, row: list[tuple[str, bool]], above: Mapping[int, object]) -> None:
        """Put a cell into its columns, and into those of the rows that it reaches into."""
        text = cell.text
        columns = min(cell.columns, max(self.width - len(row), 1)) if self.left > 0 else 1
        self.left -= (columns - 1) * len(text)
        for _ in range(columns):
            if len(row) in above:
                break  # two spans overlap: the one from above stays
            if cell.rows > 1 and self.left > 0:
                self.below[len(row)] = (text, cell.heading, cell.rows - 1)
            row.append((text, cell.heading))


def is_bold(cell: LexborNode) -> bool:
    """Return True for a cell that is wholly bold: in a first row it names its column."""
    bold = cell.css("b, strong")
    words = "".join(cell.text(deep=True).split()) if bold else ""
    return bool(words) and words == "".join("".join(b.text(deep=True).split()) for b in bold)


def _span(value: str | None, most: int) -> int:
    """Read a span as HTML does: 1 where it is no number, never more than *most*."""
    digits = (value or "").strip()
    if not digits.isascii() or not digits.isdigit():
        return 1
    return min(int(digits[:6]), most)


def layout_tables(tree: LexborHTMLParser) -> set[int]:
    """Return the ids of tables that arrange a page instead of holding data."""
    return {table.mem_id for table in tree.css("table") if _arranges(table)}


def _arranges(table: LexborNode) -> bool:
    """Return True if a table is there for the look of a page: its cells are no data."""
    role = table.attributes.get("role")
    if role in ("presentation", "none"):
        return True
    if role in ("table", "grid", "treegrid"):
        return False
    shape = _Shape()
    shape.measure(table)
    if shape.headed:
        return shape.longest > _PROSE or shape.cells <= 1
    if shape.widest <= 1 or shape.longest > _DATUM or shape.tables:
        return True
    if shape.rows == 1:
        return shape.headings or shape.blocks
    return shape.headings and shape.longest > _TALK


@dataclass(slots=True)
class _Shape:
    """What tells data from layout, of one table without the tables inside it."""

    rows: int = 0
    cells: int = 0
    widest: int = 0
    longest: int = 0  # characters of a cell
    headed: bool = False
    headings: bool = False
    blocks: bool = False  # lists or preformatted text
    tables: bool = False

    def measure(self, table: LexborNode) -> None:
        """Look once at everything in the table that no table inside it holds."""
        stack = [(child, [0]) for child in _children(table)]
        while stack:
            node, size = stack.pop()
            tag = node.tag
            if node.is_text_node:
                size[0] += len((node.text_content or "").strip())
                self.longest = max(self.longest, size[0])
                continue
            if tag == "table":
                self.tables = True
                continue
            self._look(node, tag or "")
            inside = [0] if tag in ("td", "th") else size
            stack.extend((child, inside) for child in _children(node))

    def _look(self, node: LexborNode, tag: str) -> None:
        """Note the evidence of one element."""
        if tag in ("th", "caption", "thead"):
            self.headed = True
        if tag == "tr":
            self.rows += 1
            self.widest = max(self.widest, sum(c.tag in ("td", "th") for c in _children(node)))
        elif tag in ("td", "th"):
            self.cells += 1
        elif tag in ("h1", "h2", "h3"):
            self.headings = True
        elif tag in ("ul", "ol", "pre"):
            self.blocks = True


def _children(node: LexborNode) -> list[LexborNode]:
    """Return what is directly below an element."""
    found = []
    child = node.first_child
    while child is not None:
        found.append(child)
        child = child.next
    return found
