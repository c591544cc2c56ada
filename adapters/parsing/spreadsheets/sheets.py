"""Sheets of cells as text: where their tables are, which rows name the columns, a record a line."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from adapters.parsing.shared.assembly import Assembly
from adapters.parsing.shared.grids import record, row_line

_MOST_FILLED = 500_000  # cells that merges of one sheet may repeat
_MOST_NAMED = 100  # places of a row that the file itself calls names
_HEADER_ROWS = 4  # that one header may have
_TOP_ROWS = 12  # of a table among which its header is looked for
_NAME_CHARACTERS = 120  # a cell with more is no name of a column
_TITLE_CHARACTERS = 150
_COVERED = 0.6  # of a table's columns that a header names
_MOST_FIELDS = 40  # of a form
_SOME = 0.3  # share of a form's values that are words
_MOSTLY = 0.6  # share of cells from which a column or row counts as being of one kind


class Cell(NamedTuple):
    """What a cell shows, and of which kind its value is: truth values and errors are figures."""

    text: str
    kind: Literal["words", "figure", "date"]
    bold: bool = False

    @property
    def words(self) -> bool:
        """Whether it holds text, neither figures nor dates."""
        return self.kind == "words"


class Area(NamedTuple):
    """Rows and columns from the first to the last, both included, counted from 0."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(slots=True)
class Sheet:
    """
    The cells of a sheet that hold something, by row, then by column, both counted from 0.

    *named* are, by row, the places known to name columns, because the file says so.
    *beside* are the texts of comments and of boxes that lie over the cells.
    """

    title: str
    rows: dict[int, dict[int, Cell]] = field(default_factory=dict)
    merged: list[Area] = field(default_factory=list)
    named: dict[int, list[Area]] = field(default_factory=dict)
    beside: list[str] = field(default_factory=list)

    def set(self, row: int, column: int, cell: Cell) -> None:
        """Keep a cell that shows something."""
        if cell.text:
            self.rows.setdefault(row, {})[column] = cell

    def name(self, area: Area) -> None:
        """Note that the cells of an area name the columns below them."""
        for row in range(area.top, min(area.bottom, area.top + _HEADER_ROWS) + 1):
            if len(areas := self.named.setdefault(row, [])) < _MOST_NAMED:
                areas.append(area)

    def fill_merged(self) -> None:
        """Repeat the words of merged cells in every row and column they cover, within limits."""
        right = max((max(row) for row in self.rows.values()), default=-1)
        own = sorted(self.rows)
        left = _MOST_FILLED
        for area in self.merged:
            cell = self.rows.get(area.top, {}).get(area.left)
            if cell is None:
                continue
            # Rows of nothing but the merge say nothing that its first row does not.
            for row in own[bisect_left(own, area.top) : bisect_right(own, area.bottom)]:
                for column in range(area.left, min(area.right, max(right, area.left)) + 1):
                    left -= 1
                    if left < 0:
                        return
                    self.rows[row].setdefault(column, cell)


_Row = tuple[int, dict[int, Cell]]  # its number, and its cells by column
_Rows = list[_Row]
_Names = dict[int, str]  # of columns


def hidden(name: str) -> str:
    """Return the note on a hidden sheet."""
    return f'The sheet "{name}" is hidden and was left out.'


def without_values(name: str, count: int) -> str:
    """Return the note on a sheet with *count* formulas that no program has worked out."""
    return (
        f'On the sheet "{name}" {count:,} formulas have no stored value; open the file in a'
        " spreadsheet program, save it there, and hand it over again."
    )


def add_sheet(out: Assembly, sheet: Sheet) -> None:
    """Append a sheet: its name as a heading, its titles, and its tables, a record a line."""
    sheet.fill_merged()
    if not sheet.rows and not sheet.beside:
        return
    out.add("heading", sheet.title, level=1)
    before: _Names | None = None
    tables = list(_tables(sheet))
    for n, table in enumerate(tables):
        below = tables[n + 1] if n + 1 < len(tables) else None
        before = _add_table(out, table, sheet, before, below)
    for text in sheet.beside:
        out.add("paragraph", text)


def _columns(rows: _Rows) -> list[int]:
    """Return the columns that hold something, in order."""
    return sorted({column for _, row in rows for column in row})


def _tables(sheet: Sheet) -> Iterator[_Rows]:
    """Yield what empty rows part, and within that what empty columns part."""
    band: _Rows = []
    for number in sorted(sheet.rows):
        if band and number > band[-1][0] + 1:
            yield from _side_by_side(band)
            band = []
        band.append((number, sheet.rows[number]))
    if band:
        yield from _side_by_side(band)


def _side_by_side(rows: _Rows) -> Iterator[_Rows]:
    """Yield the tables that stand beside each other; columns set apart for looks stay."""
    groups: list[list[int]] = []
    for column in _columns(rows):
        if groups and column == groups[-1][-1] + 1:
            groups[-1].append(column)
        else:
            groups.append([column])
    parts: list[list[int]] = []
    for group in groups:
        if parts and not _own_table(rows, group):
            parts[-1].extend(group)
        else:
            parts.append(group)
    if len(parts) == 1:
        yield rows
        return
    for columns in parts:
        wanted = set(columns)
        cut = (
            (number, {c: cell for c, cell in row.items() if c in wanted}) for number, row in rows
        )
        yield from _bands([(number, row) for number, row in cut if row])


def _bands(rows: _Rows) -> Iterator[_Rows]:
    """Yield the runs of rows without a gap."""
    start = 0
    for at in range(1, len(rows) + 1):
        if at == len(rows) or rows[at][0] > rows[at - 1][0] + 1:
            yield rows[start:at]
            start = at


def _own_table(rows: _Rows, columns: Sequence[int]) -> bool:
    """Return True if columns after an empty one are a table, not more figures of the one before."""
    if len(columns) < 2:  # noqa: PLR2004 - one column is a remark
        return False
    first = [row[columns[0]] for _, row in rows if columns[0] in row]
    body = first[1:]
    return bool(body) and sum(cell.words for cell in body) >= _MOSTLY * len(body)


def _add_table(
    out: Assembly, table: _Rows, sheet: Sheet, before: _Names | None, below: _Rows | None
) -> _Names | None:
    """Append one table, and return the names of its columns for one that goes on below."""
    rows = _without_titles(out, table, sheet, below)
    if not rows:
        return before
    if below and _goes_on(rows, below, sheet):
        return _joined(rows)
    labelled = [] if _known(rows[0][0], sheet, rows[0][1]) else _labelled(rows)
    if labelled:
        out.add("table", "\n".join(labelled))
        return None
    count = _header_rows(rows, sheet)
    if count:
        names = _joined(rows[:count])
    elif before and _belongs(rows, before):
        names = before
    else:
        _add_bare(out, rows)
        return None
    _add_records(out, rows[count:], names)
    if count == len(rows):
        out.add("table", row_line(names.values()))
    return names


def _without_titles(out: Assembly, rows: _Rows, sheet: Sheet, below: _Rows | None) -> _Rows:
    """Append the titles above a table, and return the rows of the table itself."""
    heads = below is not None and len(_columns(below)) > 1
    titles = 0
    while titles < len(rows) and _is_title(rows[titles : titles + _TOP_ROWS], sheet):
        titles += 1
    for _, row in rows[:titles]:
        text = "; ".join(dict.fromkeys(cell.text for _, cell in sorted(row.items())))
        short = len(text) <= _TITLE_CHARACTERS and (heads or titles < len(rows))
        out.add("heading" if short else "paragraph", text, level=2 if short else 0)
    return rows[titles:]


def _goes_on(rows: _Rows, below: _Rows, sheet: Sheet) -> bool:
    """Return True if rows are nothing but names, for the table below an empty row."""
    if len(_columns(rows)) < 2 or len(rows) > 2:  # noqa: PLR2004 - no table, no names
        return False
    if len(rows) == 2 and len(rows[0][1]) >= len(rows[1][1]):  # noqa: PLR2004 - a table of its own
        return False
    if not all(cell.words or _like_a_name(cell) for _, row in rows for cell in row.values()):
        return False
    figures = any(not cell.words for _, row in below for cell in row.values())
    names = _joined(rows)
    return figures and _belongs(below, names) and not _header_rows(below, sheet)


def _belongs(rows: _Rows, names: _Names) -> bool:
    """Return True if rows stand under these names, but for a label before the first."""
    columns = _columns(rows)
    named = [column for column in columns if column in names]
    return len(named) > 1 and all(c in names or c < named[0] for c in columns)


def _add_records(out: Assembly, rows: _Rows, names: _Names) -> None:
    """Append rows under names; a row of one cell that reaches over several has no name."""
    listed = [names.get(column, "") for column in range(max(names) + 1)]
    lines = []
    for _, row in rows:
        texts = {column: cell.text for column, cell in row.items()}
        alone = len(set(texts.values())) == 1 and len(names) > 2  # noqa: PLR2004
        if alone and (len(texts) > 1 or next(iter(texts)) == min(names)):
            lines.append(next(iter(texts.values())))
        else:
            lines.append(record(listed, texts))
    out.add("table", "\n".join(lines))


def _add_bare(out: Assembly, rows: _Rows) -> None:
    """Append rows of which none names the columns: a grid, or the lines of a text."""
    columns = _columns(rows)
    if len(columns) == 1:
        texts = [row[columns[0]].text for _, row in rows]
        long = [text for text in texts if len(text) > _NAME_CHARACTERS]
        if long or len(texts) == 1:
            for text in texts:
                out.add("paragraph", text)
        else:
            out.add("table", "\n".join(texts))
        return
    empty = Cell("", "words")
    lines = [row_line(row.get(c, empty).text for c in columns) for _, row in rows]
    out.add("table", "\n".join(lines))


def _is_title(rows: _Rows, sheet: Sheet) -> bool:
    """Return True if the first of *rows* at the top is one text above a table that is wider."""
    number, row = rows[0]
    texts = {cell.text for cell in row.values()}
    if not all(cell.words for cell in row.values()) or _known(number, sheet, row):
        return False
    if len(texts) > 1:  # a unit and a period above many columns, not names of two of them
        after = rows[1][1] if len(rows) > 1 else {}
        apart = max(row) - min(row) > len(row) - 1
        return len(row) == 2 and apart and len(after) > 4 * len(texts) - 4  # noqa: PLR2004
    if len(row) > 1 and min(row) > min(min(r) for _, r in rows):
        return False  # the name of a group of columns
    return len(rows) == 1 or len(row) > 1 or any(len(r) > 1 for _, r in rows[1:])


def _known(number: int, sheet: Sheet, row: dict[int, Cell]) -> bool:
    """Return True if the file says that a row names columns."""
    areas = sheet.named.get(number, ())
    return any(area.left <= column <= area.right for area in areas for column in row)


def _labelled(rows: _Rows) -> list[str]:
    """Return the lines of a form: a label and its value in each row; empty if it is none."""
    columns = _columns(rows[:200])
    if len(columns) != 2:  # noqa: PLR2004 - label and value
        return []
    label, value = columns
    labels = [row.get(label) for _, row in rows]
    given = [cell for cell in labels if cell]
    colons = sum(cell.text.rstrip().endswith((":", "：")) for cell in given)  # noqa: RUF001
    values = [row[value] for _, row in rows if value in row]
    bold = all(c.bold for c in given) and not any(c.bold for c in values)
    told = colons >= _MOSTLY * len(given) or (bold and len(given) > 1) or _is_form(given, values)
    if not given or not told:
        return []
    lines = []
    for _, row in rows:
        name = row[label].text.rstrip().rstrip(":：") if label in row else ""  # noqa: RUF001
        said = row[value].text if value in row else ""
        lines.append(f"{name}: {said}" if name and said else name or said)
    return lines


def _is_form(labels: list[Cell], values: list[Cell]) -> bool:
    """Return True if labels have values of different kinds, as in no column of a table."""
    if not len(values) == len(labels) == len({cell.text for cell in labels}) <= _MOST_FIELDS:
        return False
    if not all(cell.words for cell in (*labels, values[0])) or labels[0].bold:
        return False
    words = sum(cell.words for cell in values[1:])
    return len(values) - 1 > words >= _SOME * (len(values) - 1) > 0


def _header_rows(rows: _Rows, sheet: Sheet) -> int:
    """Return how many of the first rows name the columns."""
    known = 0
    while known < min(len(rows), _HEADER_ROWS) and _known(rows[known][0], sheet, rows[known][1]):
        known += 1
    if known:
        return known
    width = len(_columns(rows))
    count = 0
    while count < min(_HEADER_ROWS, len(rows) - 1) and _names_columns(rows[count][1], count, rows):
        count += 1
        row = rows[count - 1][1]
        if _named(rows[:count]) >= _COVERED * width and _tells_apart(rows[:count], row):
            break
    else:
        return count if count and _named(rows[:count]) >= _COVERED * width else 0
    return count if width > 1 and _fits(rows, count) else 0


def _named(rows: Sequence[_Row]) -> int:
    """Return how many columns have a name in these rows."""
    return len({column for _, row in rows for column in row})


def _names_columns(row: dict[int, Cell], count: int, rows: _Rows) -> bool:
    """Return True if a row may be names: short texts, or years, above something else."""
    texts = [cell for cell in row.values() if cell.words or _like_a_name(cell)]
    if len(texts) < len(row) or any(len(cell.text) > _NAME_CHARACTERS for cell in texts):
        return False
    if any(cell.words for cell in texts) or count:
        return True
    # Years alone may be a row of figures, unless what is below has labels where they have none.
    return any(column not in row for column in rows[1][1])


def _like_a_name(cell: Cell) -> bool:
    """Return True if a date or number may name a column: a day, a month, a year."""
    year = cell.text.isdigit() and len(cell.text) == 4 and cell.text[:2] in ("19", "20")  # noqa: PLR2004
    return year or cell.kind == "date"


def _tells_apart(rows: Sequence[_Row], last: dict[int, Cell]) -> bool:
    """Return True if the names so far differ: below a group's name is a row of names."""
    names = list(_joined(rows).values())
    return len(set(names)) == len(names) or len({c.text for c in last.values()}) == len(last)


def _fits(rows: _Rows, count: int) -> bool:
    """Return True if rows below a header look unlike it, or at least do not contradict it."""
    header = rows[count - 1][1]
    body = [row for _, row in rows[count : count + 50]]
    if any(cell.bold for cell in header.values()) and not all(
        cell.bold for row in body for cell in row.values()
    ):
        return True
    for column, name in header.items():
        below = [row[column] for row in body if column in row]
        if below and name.words and sum(not cell.words for cell in below) >= _MOSTLY * len(below):
            return True
    # All is text: a header names each column by another word, and no row repeats it.
    texts = [cell.text for cell in header.values()]
    longest = max(map(len, texts))
    return len(set(texts)) == len(texts) > 1 and longest <= _NAME_CHARACTERS // 2


def _joined(rows: Sequence[_Row]) -> _Names:
    """Return the name of each column: what its rows of names say, from the top, once each."""
    names: dict[int, list[str]] = {}
    for _, row in rows:
        for column, cell in row.items():
            parts = names.setdefault(column, [])
            if cell.text not in parts:
                parts.append(cell.text)
    return {column: " ".join(parts) for column, parts in sorted(names.items())}
