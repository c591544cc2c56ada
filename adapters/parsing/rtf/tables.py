"""The rows of tables in RTF: cells with the merges that a row's definition names."""

from dataclasses import dataclass, field

from adapters.parsing.shared.grids import one_line, row_line
from adapters.parsing.shared.header_rows import names_columns


@dataclass(slots=True)
class _Definition:
    """What a row's definition says of one of its cells."""

    goes_down: bool = False
    from_above: bool = False
    from_left: bool = False


@dataclass(slots=True)
class TableRows:
    """Collects the rows of one table; merged cells are repeated."""

    rows: list[list[str]] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    names: int = 0  # rows at the top that are repeated on each page: they name the columns
    _defined: list[_Definition] = field(default_factory=list)
    _next: _Definition = field(default_factory=_Definition)
    _heads: bool = False

    @property
    def open(self) -> bool:
        """Whether a row has begun."""
        return bool(self.cells)

    def define(self, word: str) -> None:
        """Take what a control word says of the row or its next cell."""
        if word == "trowd":
            self._defined, self._next, self._heads = [], _Definition(), False
        elif word == "trhdr":
            self._heads = True
        elif word == "clvmgf":
            self._next.goes_down = True
        elif word == "clvmrg":
            self._next.from_above = True
        elif word == "clmrg":
            self._next.from_left = True
        elif word == "cellx":
            self._defined.append(self._next)
            self._next = _Definition()

    def cell(self, text: str) -> None:
        """Keep the text of a cell."""
        self.cells.append(text)

    def end_row(self) -> None:
        """Keep the cells so far as a row."""
        above = self.rows[-1] if self.rows else []
        row: list[str] = []
        for n, text in enumerate(self.cells):
            about = self._defined[n] if n < len(self._defined) else _Definition()
            if about.from_above and n < len(above) and not text:
                row.append(above[n])
            elif about.from_left and row and not text:
                row.append(row[-1])
            else:
                row.append(text)
        if any(row):
            if self._heads and self.names == len(self.rows):
                self.names += 1
            self.rows.append(row)
        self.cells = []

    def take(self) -> tuple[list[str], int]:
        """Return the lines so far and how many of them name columns, and begin anew."""
        if self.cells:
            self.end_row()
        rows = [list(map(one_line, row)) for row in self.rows]
        lines = list(map(row_line, rows))
        names = min(self.names, len(lines)) or int(names_columns(rows))
        self.rows, self.names = [], 0
        return lines, names
