"""Grids of cells as text: merged cells filled, a line a row."""

import re
from collections.abc import Iterable, Mapping, Sequence

from adapters.parsing.shared.header_rows import names_columns

_MOST_FILLED = 200_000  # cells that merges of one grid may repeat
_MOST_COLUMNS = 1000
_SEPARATOR = re.compile(r"(?<!\\)\|")

Place = tuple[int, int]  # row and column, counted from 0


def one_line(text: str) -> str:
    """Return a text on one line, each run of white space as one blank."""
    return " ".join(text.split())


def row_line(cells: Iterable[str]) -> str:
    r"""
    Return cells as a row `a | b | c`; empty ones keep their place.

    A stroke inside a cell is written `\|`, as in Markdown (GitHub Flavored Markdown, 4.10), so that
    the row has as many columns as the table.
    """
    return " | ".join(cell.replace("|", "\\|") if "|" in cell else cell for cell in cells).strip()


def listed(row: str) -> str:
    """Return a row of `row_line` as words after commas, for a place that no table fits in."""
    cells = (cell.strip() for cell in _SEPARATOR.split(row))
    return ", ".join(filter(None, cells)).replace("\\|", "|")


class Grid:
    """
    Cells set by row and column span, as tables of slides and OpenDocument files give them.

    A cell's words are repeated in each row and column that it covers.
    """

    def __init__(self) -> None:
        self._rows: list[dict[int, str]] = []
        self._plain: set[int] = set()  # rows with a cell that does not stand out
        self._below: dict[int, dict[int, str]] = {}  # what merges put into rows to come
        self._column = 0
        self._filled = 0

    def row(self) -> None:
        """Begin a row."""
        self._rows.append(self._below.pop(len(self._rows), {}))
        self._column = 0

    def cell(self, text: str, *, columns: int = 1, rows: int = 1, stands_out: bool = False) -> None:
        """Set the next cell that no merge from above covers; *stands_out*: bold, or of a style."""
        if text and not stands_out:
            self._plain.add(len(self._rows) - 1)
        line = self._rows[-1]
        while self._column in line:
            self._column += 1
        columns = max(1, min(columns, _MOST_COLUMNS - self._column))
        self._filled += columns - 1
        if self._filled > _MOST_FILLED:
            columns = rows = 1
        text = one_line(text)
        for column in range(self._column, self._column + columns):
            line[column] = text
        number = len(self._rows)
        for row in range(number, number + max(rows, 1) - 1):
            self._filled += columns
            if self._filled > _MOST_FILLED:
                break
            covered = self._below.setdefault(row, {})
            for column in range(self._column, self._column + columns):
                covered[column] = text
        self._column += columns

    def lines(self) -> list[str]:
        """Return a line for each row; rows and columns without any words are left out."""
        return [row_line(row) for _, row in self._filled_rows()]

    def header(self) -> int:
        """Return how many of the lines name the columns, by the look and the words of the first."""
        numbered = self._filled_rows()
        stands_out = bool(numbered) and numbered[0][0] not in self._plain
        differs = any(number in self._plain for number, _ in numbered[1:])
        return int(names_columns([row for _, row in numbered], stands_out=stands_out and differs))

    def _filled_rows(self) -> list[tuple[int, list[str]]]:
        """Return the rows with words, each with its number; columns without any are left out."""
        used = sorted({c for row in self._rows for c, text in row.items() if text})
        rows = ([row.get(c, "") for c in used] for row in self._rows)
        return [(number, row) for number, row in enumerate(rows) if any(row)]

    def filled(self) -> int:
        """Return how many rows with words there are so far."""
        return sum(any(row.values()) for row in self._rows)


def record(names: Sequence[str], row: Mapping[int, str]) -> str:
    """Return a row as `name: value; name: value`; empty cells are left out."""
    parts = []
    for column, value in sorted(row.items()):
        if value:
            name = names[column] if column < len(names) else ""
            parts.append(f"{name}: {value}" if name and name != value else value)
    return "; ".join(parts)
