"""ODS: the sheets of an OpenDocument spreadsheet, as the cells show them."""

from dataclasses import replace

from lxml import etree

from adapters.parsing.opendocument.odf_text import core_title, opened
from adapters.parsing.opendocument.odf_words import Notes, Styles, comment, whole, words
from adapters.parsing.shared.assembly import Assembly
from adapters.parsing.shared.grids import one_line
from adapters.parsing.shared.number_formats import general
from adapters.parsing.shared.packages import attribute, local, reading
from adapters.parsing.shared.titles import given_title
from adapters.parsing.spreadsheets.sheets import (
    Area,
    Cell,
    Sheet,
    add_sheet,
    hidden,
    without_values,
)
from rag.documents import ParsedDocument
from rag.errors import Unreadable

_WHAT = "an OpenDocument spreadsheet"
_MOST_CELLS = 2_000_000
_MOST_REPEATED = 1000  # cells or rows of the same words: more are there for their looks
_GROUPS = frozenset({"table-row-group", "table-rows", "table-header-rows"})


def parse_ods(data: bytes) -> ParsedDocument:
    """
    Return the sheets that can be seen; hidden sheets are named in a note.

    Raises:
        Unreadable: `corrupt`, `encrypted`, `too_large` (a zip bomb), or `unsafe` (entities).
    """
    with reading(_WHAT):
        package, content = opened(data, _WHAT)
        styles = Styles.of(package, content)
        out = Assembly()
        tables = content.iterfind("{*}body/{*}spreadsheet/{*}table")
        for number, table in enumerate(tables, start=1):
            name = one_line(attribute(table, "name"))
            if attribute(table, "style-name") in styles.unseen:
                out.note(hidden(name))
                continue
            out.page(number, label=name)
            add_sheet(out, _Reader(styles, out, name).sheet(table))
        title = given_title(core_title(package))
        return replace(out.document("ods", title=title), title=title)


class _Reader:
    """Reads one sheet."""

    def __init__(self, styles: Styles, out: Assembly, name: str) -> None:
        self._styles = styles
        self._out = out
        self._sheet = Sheet(name)
        self._missing = 0
        self._row = 0
        self._count = 0

    def sheet(self, table: etree._Element) -> Sheet:
        """Return the cells of *table* that hold something."""
        self._rows(table)
        if self._missing:
            self._out.note(without_values(self._sheet.title, self._missing))
        return self._sheet

    def _rows(self, parent: etree._Element) -> None:
        """Read the rows below an element, through groups of rows."""
        for child in parent:
            kind = local(child)
            if kind in _GROUPS:
                first = self._row
                self._rows(child)
                if kind == "table-header-rows" and self._row > first:
                    self._sheet.name(Area(first, 0, self._row - 1, 2**20))
            elif kind == "table-row":
                times = _times(child, "number-rows-repeated")
                cells = self._cells(child)
                for row in range(self._row, self._row + min(times, _MOST_REPEATED) * bool(cells)):
                    self._count += len(cells)
                    if self._count > _MOST_CELLS:
                        raise Unreadable(
                            "too_large", f"A sheet has more than {_MOST_CELLS:,} cells."
                        )
                    self._sheet.rows[row] = dict(cells)
                self._row += times

    def _cells(self, row: etree._Element) -> dict[int, Cell]:
        """Return the cells of a row that hold something."""
        column = 0
        cells = {}
        for child in row:
            kind = local(child)
            if kind not in ("table-cell", "covered-table-cell"):
                continue
            times = _times(child, "number-columns-repeated")
            cell = self._cell(child) if kind == "table-cell" else None
            if cell:
                down = _times(child, "number-rows-spanned")
                across = _times(child, "number-columns-spanned")
                if down > 1 or across > 1:
                    area = Area(self._row, column, self._row + down - 1, column + across - 1)
                    self._sheet.merged.append(area)
                for n in range(column, column + min(times, _MOST_REPEATED)):
                    cells[n] = cell
            column += times
        return cells

    def _cell(self, cell: etree._Element) -> Cell | None:
        """Return what a cell shows: its paragraphs, or else its stored value."""
        texts = []
        for child in cell:
            if local(child) == "p":
                texts.append(words(child, Notes(), self._styles.hides).text)
            elif local(child) == "annotation":
                self._sheet.beside.append(comment(child, self._styles.hides))
        kind = attribute(cell, "value-type")
        text = one_line(" ".join(texts)) or _stored(cell, kind)
        if not text:
            self._missing += bool(attribute(cell, "formula")) and not kind
            return None
        bold = attribute(cell, "style-name") in self._styles.bold
        if kind in ("date", "time"):
            return Cell(text, "date", bold)
        return Cell(text, "words" if kind in ("string", "") else "figure", bold)


def _stored(cell: etree._Element, kind: str) -> str:
    """Return the value of a cell that has no text of its own, as some programs write them."""
    value = attribute(cell, "value")
    if kind == "percentage" and value:
        return f"{general(round(float(value) * 100, 10))}%"
    if kind in ("float", "currency") and value:
        return f"{general(float(value))} {attribute(cell, 'currency')}".strip()
    if kind == "date":
        return attribute(cell, "date-value").replace("T00:00:00", "").replace("T", " ")
    if kind == "boolean":
        return attribute(cell, "boolean-value").upper()
    return one_line(attribute(cell, "string-value")) if kind == "string" else ""


def _times(element: etree._Element, name: str) -> int:
    """Return how often something is repeated, or how far it reaches."""
    return max(whole(element, name), 1)
