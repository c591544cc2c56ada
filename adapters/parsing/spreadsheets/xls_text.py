"""XLS: the stored values of the sheets of an Excel 97-2003 file, as the cells show them."""

import io
from dataclasses import replace
from typing import IO, Any, cast

import olefile
import xlrd
from xlrd.compdoc import CompDocError

from adapters.parsing.shared.assembly import Assembly
from adapters.parsing.shared.compound_streams import stream
from adapters.parsing.shared.grids import one_line
from adapters.parsing.shared.number_formats import BUILT_IN, formatted, is_date
from adapters.parsing.shared.packages import reading
from adapters.parsing.shared.refusals import locked
from adapters.parsing.spreadsheets.sheets import Area, Cell, Sheet, add_sheet, hidden
from rag.documents import ParsedDocument

_WHAT = "an Excel 97-2003 file"
_BOLD = 600  # the weight of a font from which it is bold


class _Nowhere:
    """A log for the library's remarks on odd files, which are dropped."""

    def write(self, _: str) -> int:
        return 0


def parse_xls(data: bytes) -> ParsedDocument:
    """
    Return the stored values of the sheets that can be seen; hidden sheets are named in a note.

    Raises:
        Unreadable: `corrupt` or `encrypted`.
    """
    log = cast(IO[str], _Nowhere())
    with reading(_WHAT):
        try:
            book = xlrd.open_workbook(
                file_contents=_workbook(data), formatting_info=True, on_demand=True, logfile=log
            )
            return _document(book)
        except xlrd.XLRDError as error:
            if "encrypted" in str(error).lower():
                raise locked() from error
            raise ValueError(str(error)) from error
        except (AssertionError, CompDocError) as error:
            raise ValueError(str(error)) from error


def _workbook(data: bytes) -> bytes:
    """Return the workbook's stream: xlrd itself follows chains that run in circles for ever."""
    with olefile.OleFileIO(io.BytesIO(data)) as ole:
        streams = (stream(ole, [name]) for name in ("Workbook", "Book"))
        return next(filter(None, streams), data)


def _document(book: Any) -> ParsedDocument:
    """Return all sheets in their order, each a page that is called as the sheet is."""
    out = Assembly()
    for number, name in enumerate(book.sheet_names(), start=1):
        source = book.sheet_by_index(number - 1)
        if source.visibility:
            out.note(hidden(name))
        else:
            out.page(number, label=one_line(name))
            add_sheet(out, _sheet(book, source, one_line(name)))
        book.unload_sheet(number - 1)
    return replace(out.document("xls"), title=None)


def _sheet(book: Any, source: Any, name: str) -> Sheet:
    """Read one sheet."""
    sheet = Sheet(name)
    for row in range(source.nrows):
        for column in range(source.row_len(row)):
            cell = source.cell(row, column)
            if cell.value != "":
                sheet.set(row, column, _cell(book, cell))
    for top, bottom, left, right in source.merged_cells:  # the second of each is past the end
        sheet.merged.append(Area(top, left, bottom - 1, right - 1))
    return sheet


def _cell(book: Any, cell: Any) -> Cell:
    """Return what a cell shows."""
    style = book.xf_list[cell.xf_index]
    bold = book.font_list[style.font_index].weight >= _BOLD
    if cell.ctype == xlrd.XL_CELL_TEXT:
        return Cell(one_line(str(cell.value)), "words", bold)
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return Cell("TRUE" if cell.value else "FALSE", "figure", bold)
    if cell.ctype == xlrd.XL_CELL_ERROR:
        return Cell(xlrd.error_text_from_code.get(cell.value, "#N/A"), "figure", bold)
    known = book.format_map.get(style.format_key)
    # The library gives the short date its American form; see `number_formats.BUILT_IN`.
    code = BUILT_IN.get(style.format_key) or (known.format_str if known else "General")
    shown = formatted(float(cell.value), code, from_1904=bool(book.datemode))
    return Cell(one_line(shown), "date" if is_date(code) else "figure", bold)
