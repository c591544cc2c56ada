"""PDF: rows of cells become the lines of a table; wrapped cells are joined to their row."""

import re
from collections import Counter
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise

from adapters.parsing.pdf.characters import Word
from adapters.parsing.pdf.hyphens import CUT, is_cut
from adapters.parsing.pdf.lines import lines_of
from adapters.parsing.shared.grids import one_line, row_line
from adapters.parsing.shared.header_rows import names_columns

_DIGIT = re.compile(r"\d")
_NUMBER = re.compile(r"[^\w]*(?:[A-Z]{3}|[\w%°]{1,2})?\s?[-+−(]?\d[\d.,:\s'’%/-]*\)?\s*\S{0,4}")  # noqa: RUF001 - signs
_YEAR = re.compile(r"(?:19|20)\d\d(?:\s*[-/]\s*\d\d(?:\d\d)?)?")
_SHAPE = re.compile(r"\d+|\s+")
_ITEM = re.compile(r"[•‣▪◦●○■□–*\uf0b7-]\s")  # noqa: RUF001 - bullets
_TIGHT = 1.35  # lines of one cell are nearer than this, in font sizes
_LOOSE = 1.2  # rows stand further apart than lines of a cell by this
_GROUP = 6
_SHARE = 0.6
_FEW = 2
_NAMES = 3  # rows of a header


@dataclass(slots=True)
class Table:
    """A table: a line for each row, of which the first *header* name the columns."""

    lines: list[str]
    header: int
    size: float
    columns: int
    cells: list[list[Word]] | None = None  # of a frame for running text, instead of lines


@dataclass(slots=True)
class _Record:
    """A row with the baselines of its first and last line."""

    cells: list[str]
    top: float
    bottom: float
    bold: bool


def is_number(text: str) -> bool:
    """Return True if a cell holds a number, with its unit or currency."""
    return bool(_NUMBER.fullmatch(text))


def cell_text(words: list[Word]) -> str:
    """Return the lines of a cell as one, the items of a list in it parted."""
    text = ""
    for line in lines_of(words):
        text = _on(text, line.text, "; " if _ITEM.match(line.text) else " ")
    return text


def _on(text: str, more: str, blank: str = " ") -> str:
    """Go on with *text*; a hyphen that may cut a word is judged with the whole document."""
    if text and more and is_cut(text, more):
        return text + CUT + more
    return text + blank + more if text and more else text or more


def read_from_right(columns: list[list[Word]]) -> list[list[Word]]:
    """Return columns in the order of reading: from the right on a page that is read so."""
    words = [word for column in columns for word in column]
    return columns[::-1] if any(word.rtl_page for word in words) else columns


def table_of(cells: list[list[list[Word]]]) -> Table:
    """Return the table of rows of cells of words."""
    size = max(word.size for row in cells for cell in row for word in cell)
    records = [_record(row) for row in cells]
    records = _by_distance(records, size) or _by_empty_cells(records, size)
    return table_of_texts(
        [record.cells for record in records],
        bold=[record.bold for record in records],
        size=size,
    )


def table_of_texts(rows: list[list[str]], *, bold: list[bool], size: float) -> Table:
    """Return the table of rows of texts; *bold* tells of each row whether all of it is."""
    lines = [written(row) for row in rows]
    return Table(lines, _header(rows, bold), size, len(rows[0]))


def written(cells: list[str]) -> str:
    """Return a row as a line."""
    return row_line(map(one_line, cells))


def _record(row: list[list[Word]]) -> _Record:
    """Return a row of words as texts."""
    words = [word for cell in row for word in cell]
    texts = [cell_text(cell) if cell else "" for cell in row]
    bases = [word.base for word in words]
    return _Record(texts, max(bases), min(bases), all(word.bold for word in words))


def _by_distance(records: list[_Record], size: float) -> list[_Record] | None:
    """Join lines that stand nearer to each other than rows do; None where distances are alike."""
    steps = [a.bottom - b.top for a, b in pairwise(records)]
    tight = [step for step in steps if step <= _TIGHT * size]
    if not tight or len(tight) == len(steps):
        return None
    near = max(tight)
    if min(step for step in steps if step > _TIGHT * size) < _LOOSE * near:
        return None
    groups: list[list[_Record]] = [[records[0]]]
    for step, record in zip(steps, records[1:], strict=True):
        if step <= near:
            groups[-1].append(record)
        else:
            groups.append([record])
    if len(groups) <= _FEW or max(map(len, groups)) > _GROUP or any(map(_numbers_twice, groups)):
        return None
    return [_merged(group) for group in groups]


def _numbers_twice(group: list[_Record]) -> bool:
    """Return True if two lines of a group have a number in the same column, as rows do."""
    for column in zip(*(record.cells for record in group), strict=True):
        if sum(map(is_number, column)) > 1:
            return True
    return False


def _by_empty_cells(records: list[_Record], size: float) -> list[_Record]:
    """Join lines that leave most cells empty to the row above them, whose cells they go on with."""
    done: list[_Record] = []
    columns = len(records[0].cells)
    for record in records:
        filled = [n for n, cell in enumerate(record.cells) if cell]
        above = done[-1] if done else None
        if (
            above
            and above.bottom - record.top <= _TIGHT * size
            and all(above.cells[n] for n in filled)
            and len(filled) <= max(1, (columns - 1) // 2)
            and sum(map(bool, above.cells)) > len(filled)
            and (not record.cells[0] or record.cells[0][0].islower())
            and not any(is_number(record.cells[n]) for n in filled)
        ):
            done[-1] = _merged([above, record])
        else:
            done.append(record)
    return done


def _merged(group: list[_Record]) -> _Record:
    """Return lines of one row as the row."""
    cells = [
        reduce(_on, column) for column in zip(*(record.cells for record in group), strict=True)
    ]
    return _Record(cells, group[0].top, group[-1].bottom, all(record.bold for record in group))


def _header(rows: list[list[str]], bold: list[bool]) -> int:
    """Count the first rows that name the columns."""
    if len(rows) < 2:  # noqa: PLR2004 - a row alone names nothing
        return 0
    first, rest = rows[0], rows[1:]
    if bold[0] and not all(bold):
        return next(n for n, is_bold in enumerate(bold) if not is_bold)
    if any(cell.endswith(":") for cell in first):
        return 0
    named = not any(_DIGIT.search(cell) and not _YEAR.fullmatch(cell) for cell in first)
    for n, name in enumerate(first):
        below = [row[n] for row in rest if row[n]]
        if named and _numeric(below) and _differs(name, below):
            return _named(rows, n)
    if len(rows) > _FEW and first[0] and not is_number(first[0]):
        columns = [[row[n] for row in rest if row[n]] for n in range(1, len(first))]
        plain = all(_shape(name) in ("#", "year") for name in first[1:])
        if plain and all(
            _numeric(column) and _differs(name, column)
            for name, column in zip(first[1:], columns, strict=True)
        ):
            return 1
    return int(named and len(first) > _FEW and all(first) and names_columns(rows))


def _named(rows: list[list[str]], column: int) -> int:
    """Count the first rows up to the one where the numbers of a column begin."""
    count = 1
    for row in rows[1:_NAMES]:
        if is_number(row[column]) or sum(map(bool, row)) < _FEW:
            break
        count += 1
    return count if count < len(rows) else 1


def _numeric(cells: list[str]) -> bool:
    """Return True if most cells of a column hold numbers."""
    return bool(cells) and sum(map(is_number, cells)) >= _SHARE * len(cells)


def _differs(name: str, below: list[str]) -> bool:
    """Return True if a cell differs in kind from most below: 7 above 06:10, 2024 above 3.5."""
    shapes = Counter(map(_shape, below))
    return 2 * shapes[_shape(name)] < len(below)


def _shape(cell: str) -> str:
    """Return what a cell looks like."""
    if _YEAR.fullmatch(cell):
        return "year"
    return _SHAPE.sub("#", cell) if is_number(cell) else "words"
