"""XLSX and XLSM: the stored values of every sheet, as the cells show them."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

from lxml import etree

from adapters.parsing.shared.assembly import Assembly
from adapters.parsing.shared.grids import one_line
from adapters.parsing.shared.number_formats import BUILT_IN, formatted, general, is_date
from adapters.parsing.shared.packages import Package, attribute, below, local, reading, streamed
from adapters.parsing.shared.titles import given_title
from adapters.parsing.spreadsheets.sheet_remarks import beside_cells
from adapters.parsing.spreadsheets.sheets import (
    Area,
    Cell,
    Sheet,
    add_sheet,
    hidden,
    without_values,
)
from rag.documents import ParsedDocument

_WHAT = "an Excel file"
_REFERENCE = re.compile(r"\$?([A-Z]{1,3})\$?(\d{1,7})")
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_MOST_MERGES = 100_000


def parse_xlsx(data: bytes) -> ParsedDocument:
    """
    Return the stored values of the sheets that can be seen; hidden sheets are named in a note.

    Raises:
        Unreadable: `corrupt`, `encrypted`, `too_large` (a zip bomb), or `unsafe` (entities).
    """
    with reading(_WHAT):
        package = Package(data, what=_WHAT)
        return _Workbook(package, package.main_part("xl/workbook.xml")).document()


@dataclass(slots=True)
class _Styles:
    """What the styles of cells say of numbers, and which are bold."""

    codes: list[str] = field(default_factory=list)
    dates: list[bool] = field(default_factory=list)
    bold: list[bool] = field(default_factory=list)

    @classmethod
    def of(cls, root: etree._Element | None) -> "_Styles":
        """Read the styles part."""
        styles = cls()
        if root is None:
            return styles
        named = {one.get("numFmtId"): one.get("formatCode", "") for one in below(root, "numFmt")}
        fonts = next(root.iterfind("{*}fonts"), None)
        heavy = [_is_on(font.find("{*}b")) for font in fonts] if fonts is not None else []
        for style in root.iterfind("{*}cellXfs/{*}xf"):
            number = style.get("numFmtId", "0")
            code = named.get(number) or BUILT_IN.get(int(number), "General")
            font = int(style.get("fontId", "0"))
            styles.codes.append(code)
            styles.dates.append(is_date(code))
            styles.bold.append(font < len(heavy) and heavy[font])
        return styles


class _Workbook:
    """One workbook that is being read."""

    def __init__(self, package: Package, main: str) -> None:
        self._package = package
        self._root = package.xml(main)
        self._relations = package.relations(main)
        parts = {relation.kind: relation.target for relation in self._relations.values()}
        self._styles = _Styles.of(package.optional(parts.get("styles", "xl/styles.xml")))
        shared = parts.get("sharedStrings", "xl/sharedStrings.xml")
        self._strings = list(_strings(package.read(shared))) if shared in package else []
        properties = self._root.find("{*}workbookPr")
        day = properties.get("date1904", "0") if properties is not None else "0"
        self._from_1904 = day in ("1", "true")
        self._out = Assembly()

    def document(self) -> ParsedDocument:
        """Return all sheets in their order, each a page that is called as the sheet is."""
        for number, entry in enumerate(self._root.iterfind("{*}sheets/{*}sheet"), start=1):
            name = one_line(_unescaped(entry.get("name", "")))
            relation = self._relations.get(attribute(entry, "id"))
            if entry.get("state", "visible") != "visible":
                self._out.note(hidden(name))
            elif relation is None or relation.target not in self._package:
                self._out.note(f'The sheet "{name}" is missing in the file.')
            elif relation.kind == "worksheet":
                self._out.page(number, label=name)
                add_sheet(self._out, self._sheet(name, relation.target))
        title = given_title(self._package.core_title())
        # Without a title of its own a workbook is called by its file, not by its first sheet.
        return replace(self._out.document("xlsx", title=title), title=title)

    def _sheet(self, name: str, part: str) -> Sheet:
        """Read one sheet."""
        sheet = Sheet(name)
        missing = row = 0
        for element in _elements(self._package.read(part)):
            kind = local(element)
            if kind == "row":
                row = int(element.get("r", row + 1))
                missing += self._row(sheet, element, row - 1)
            elif kind == "mergeCell" and len(sheet.merged) < _MOST_MERGES:
                sheet.merged.extend(_area(element.get("ref", "")))
            elif kind == "autoFilter":
                for area in _first_rows(element.get("ref", ""), 1):
                    sheet.name(area)
        self._related(sheet, part)
        if missing:
            self._out.note(without_values(name, missing))
        return sheet

    def _related(self, sheet: Sheet, part: str) -> None:
        """Take from the parts beside a sheet which rows name columns, comments and boxes."""
        for relation in self._package.relations(part).values():
            if relation.kind == "table":
                table = self._package.optional(relation.target)
                if table is not None:
                    count = int(table.get("headerRowCount", "1"))
                    for area in _first_rows(table.get("ref", ""), count):
                        sheet.name(area)
        sheet.beside.extend(beside_cells(self._package, part))

    def _row(self, sheet: Sheet, element: etree._Element, row: int) -> int:
        """Keep the cells of a row, and return how many are formulas without a value."""
        column = -1
        missing = 0
        for cell in element:
            if not cell.tag.endswith("}c"):
                continue
            place = _REFERENCE.match(cell.get("r", ""))
            column = _column(place[1]) if place else column + 1
            value, formula, rich = _parts(cell)
            kind = cell.get("t", "n")
            if value is None and kind != "inlineStr":
                missing += formula
            elif kind == "s":
                number = int(value or "")
                text = self._strings[number] if number < len(self._strings) else ""
                sheet.set(row, column, Cell(text, "words", self._bold(cell)))
            elif kind == "inlineStr":
                sheet.set(row, column, Cell(one_line(rich), "words", self._bold(cell)))
            elif value:
                sheet.set(row, column, self._valued(kind, value, cell))
        return missing

    def _bold(self, cell: etree._Element) -> bool:
        """Return True if a cell's style is bold."""
        style = int(cell.get("s", "0"))
        return style < len(self._styles.bold) and self._styles.bold[style]

    def _valued(self, kind: str, value: str, cell: etree._Element) -> Cell:
        """Return a cell whose value stands in the sheet itself."""
        style = int(cell.get("s", "0"))
        known = style < len(self._styles.codes)
        bold = known and self._styles.bold[style]
        if kind in _NOT_NUMBERS:
            shown, sort = _NOT_NUMBERS[kind](value)
            return Cell(one_line(shown), sort, bold)
        code = self._styles.codes[style] if known else "General"
        whole = value.strip()
        try:
            number = float(whole)
        except ValueError:
            return Cell(one_line(value), "words", bold)
        if code not in ("General", "@"):
            shown = formatted(number, code, from_1904=self._from_1904)
            return Cell(one_line(shown), "date" if self._styles.dates[style] else "figure", bold)
        # As a float a long number would lose digits.
        return Cell(whole if whole.lstrip("-").isdigit() else general(number), "figure", bold)


#: How values are shown that are no numbers, by the type of their cells.
_NOT_NUMBERS: dict[str, Callable[[str], tuple[str, Literal["words", "figure", "date"]]]] = {
    "str": lambda value: (_unescaped(value), "words"),
    "e": lambda value: (value, "figure"),
    "b": lambda value: ("TRUE" if value.strip() in ("1", "true") else "FALSE", "figure"),
    "d": lambda value: (_day(value), "date"),
}


def _day(value: str) -> str:
    """Return a date of ISO 8601 as it is read best."""
    return value.replace("T00:00:00", "").replace("T", " ").rstrip("Z")


def _elements(data: bytes) -> Iterator[etree._Element]:
    """Yield what counts in a sheet's part, one at a time, and forget it."""
    return streamed(data, ("{*}row", "{*}mergeCell", "{*}autoFilter"), what=_WHAT)


def _strings(data: bytes) -> Iterator[str]:
    """Yield the shared strings, without readings of East Asian words."""
    for element in streamed(data, ("{*}si",), what=_WHAT):
        yield one_line(_rich(element))


def _rich(element: etree._Element) -> str:
    """Return the text of a string item: its own or that of its runs."""
    parts = []
    for child in element:
        kind = local(child)
        if kind == "t":
            parts.append(child.text or "")
        elif kind == "r":
            parts.extend(text.text or "" for text in child.iterfind("{*}t"))
    return _unescaped("".join(parts))


def _parts(cell: etree._Element) -> tuple[str | None, bool, str]:
    """Return a cell's stored value, whether it has a formula, and its own rich text."""
    value, formula, rich = None, False, ""
    for child in cell:
        tag = child.tag
        if tag.endswith("}v"):
            value = child.text
        elif tag.endswith("}f"):
            formula = True
        elif tag.endswith("}is"):
            rich = _rich(child)
    return value, formula, rich


def _unescaped(text: str) -> str:
    """Return text with the characters that XML cannot hold, which are written `_x000D_`."""
    return _ESCAPE.sub(lambda m: chr(int(m[1], 16)), text) if "_x" in text else text


@lru_cache(maxsize=20_000)
def _column(letters: str) -> int:
    """Return the number of a column, counted from 0."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def _area(reference: str) -> list[Area]:
    """Return the area that a reference such as `A1:C3` names."""
    places = _REFERENCE.findall(reference)
    if not places:
        return []
    (left, top), (right, bottom) = places[0], places[-1]
    return [Area(int(top) - 1, _column(left), int(bottom) - 1, _column(right))]


def _first_rows(reference: str, count: int) -> list[Area]:
    """Return the first rows of an area, which name its columns."""
    return [
        area._replace(bottom=min(area.bottom, area.top + count - 1))
        for area in _area(reference)
        if count > 0
    ]


def _is_on(element: etree._Element | None) -> bool:
    """Return True if a property such as bold is there and not switched off."""
    return element is not None and element.get("val", "1") not in ("0", "false")
