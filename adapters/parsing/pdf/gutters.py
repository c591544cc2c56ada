"""PDF: strips that no word crosses, and whether they part columns of text or cells of a table."""

from dataclasses import dataclass
from itertools import pairwise

from adapters.parsing.pdf.characters import Word
from adapters.parsing.pdf.lines import Line, lines_of
from adapters.parsing.pdf.segments import Row
from adapters.parsing.pdf.tables import is_number

_GUTTER = 0.5  # of the font size: no strip is narrower
_ALIGNED = 0.25  # of the font size: baselines of a row

# What running text looks like
_PROSE_LINES = 3
_PROSE_WORDS = 3.0
_PROSE_CHARACTERS = 14
_FULL = 0.75  # of the column's width: a line that fills it
_FULL_SHARE = 0.5

# What rows of a table look like
_CELLS_SHARE = 0.4
_ALIGNED_SHARE = 0.7
_BESIDE_SHARE = 0.25
_FILLED = 0.4  # of all cells
_WORDS_SHARE = 0.7
_LOWER = 0.8  # cells that begin in the middle of a sentence: text with wide blanks
_APART_STEP = 1.3  # of the usual distance of lines: rows of several lines
_APART_ROWS = 3
_APART_SHARE = 0.25


@dataclass(slots=True)
class Gutter:
    """A strip without words."""

    left: float
    right: float

    @property
    def middle(self) -> float:
        """Where words on one side of it are told from those on the other."""
        return (self.left + self.right) / 2


def gaps(row: Row) -> list[Gutter]:
    """Return the strips between the segments of a row."""
    segments = row.segments
    return [Gutter(a.right, b.left) for a, b in pairwise(segments)]


def narrowed(gutters: list[Gutter], row: Row) -> list[Gutter]:
    """Return what *row* leaves free of the strips."""
    alive: list[Gutter] = []
    for gutter in gutters:
        pieces = [(gutter.left, gutter.right)]
        for segment in row.segments:
            if segment.right <= gutter.left or segment.left >= gutter.right:
                continue
            pieces = [
                piece
                for a, b in pieces
                for piece in (
                    [(a, b)]
                    if segment.right <= a or segment.left >= b
                    else [(a, min(b, segment.left)), (max(a, segment.right), b)]
                )
            ]
        wide = [(a, b) for a, b in pieces if b - a >= _GUTTER * row.size]
        alive += [Gutter(a, b) for a, b in wide]
    return alive


def place_of(word: Word, gutters: list[Gutter]) -> int:
    """Return the number of the column that a word stands in."""
    middle = (word.left + word.right) / 2
    return sum(middle > gutter.middle for gutter in gutters)


def filled(row: Row, gutters: list[Gutter]) -> int:
    """Count the columns of *row* that hold words."""
    return len({place_of(segment.words[0], gutters) for segment in row.segments})


def split(rows: list[Row], gutters: list[Gutter], *, dots: bool = False) -> list[list[Word]]:
    """Return the words of the rows by columns, with the *dots* that lead from one to another."""
    columns: list[list[Word]] = [[] for _ in range(len(gutters) + 1)]
    for row in rows:
        words = row.words if dots else (w for segment in row.segments for w in segment.words)
        for word in words:
            columns[place_of(word, gutters)].append(word)
    return columns


def cells_of(row: Row, gutters: list[Gutter], *, names: bool) -> list[list[Word]]:
    """
    Return the words of a row by columns; a run of words that crosses a strip stays together.

    It stands in each column that it covers where the row has *names* of columns, or in its first.
    """
    middles = [gutter.middle for gutter in gutters]
    columns: list[list[Word]] = [[] for _ in range(len(gutters) + 1)]
    for segment in row.segments:
        crossed = [w for w in segment.words if any(w.left < x < w.right for x in middles)]
        if not names and not crossed:
            for word in segment.words:
                columns[place_of(word, gutters)].append(word)
            continue
        first = sum(x < segment.left for x in middles)
        last = sum(x < segment.right for x in middles) if names else first
        for column in range(first, last + 1):
            columns[column] += segment.words
    return columns


def column_gutters(rows: list[Row], gutters: list[Gutter]) -> list[Gutter]:
    """Return the strips that part columns of running text; none where the rows are a table's."""
    whole = [lines_of(column) for column in split(rows, gutters)]
    if all(_is_prose(lines) for lines in whole):
        return [] if _has_records(rows, gutters) else gutters
    for gutter in gutters if len(gutters) > 1 else ():
        sides = [lines_of(column) for column in split(rows, [gutter])]
        if all(_is_prose(lines) for lines in sides) and not _has_cells(rows, gutters, gutter):
            return [gutter]
    unled = [gutter for gutter in gutters if not _is_led(rows, gutter)]
    if 0 < len(unled) < len(gutters):
        return unled  # lists with dots, side by side
    if not _aligned(rows, gutters):
        return gutters
    return gutters if _written_apart(rows, gutters) and not _has_numbers(whole) else []


def _is_led(rows: list[Row], gutter: Gutter) -> bool:
    """Return True if dots mostly lead over a strip."""
    led = both = 0
    for row in rows:
        after = [n for n, segment in enumerate(row.segments) if segment.left >= gutter.right]
        if after and after[0]:
            both += 1
            led += after[0] in row.led
    return 2 * led > both


def _has_records(rows: list[Row], gutters: list[Gutter]) -> bool:
    """Return True if all columns are parted at the same heights, as the rows of a table are."""
    steps = [a.base - b.base for a, b in pairwise(rows)]
    usual = sorted(steps)[len(steps) // 3]
    wide = [row for step, row in zip(steps, rows[1:], strict=True) if step > _APART_STEP * usual]
    return len(wide) > 1 and all(
        filled(row, gutters) > len(gutters) and _is_level(row, gutters) for row in wide
    )


def _is_level(row: Row, gutters: list[Gutter]) -> bool:
    """Return True if the words of a row stand on one baseline in all columns."""
    bases: dict[int, float] = {}
    for segment in row.segments:
        for word in segment.words:
            bases.setdefault(place_of(word, gutters), word.base)
    return max(bases.values()) - min(bases.values()) <= _ALIGNED * row.size


def _has_cells(rows: list[Row], gutters: list[Gutter], parting: Gutter) -> bool:
    """Return True if most rows beside *parting* have words on both sides of another strip."""
    middle = parting.middle
    for left in (True, False):
        inner = [g for g in gutters if g is not parting and (g.left < middle) == left]
        sides = [
            Row([s for s in row.segments if (s.left < middle) == left], 0.0, 0.0) for row in rows
        ]
        counts = [count for row in sides if row.segments and (count := filled(row, inner))]
        if inner and sum(count > 1 for count in counts) > _CELLS_SHARE * len(counts):
            return True
    return False


def _is_prose(lines: list[Line]) -> bool:
    """Return True if lines of a column fill it, as running text does."""
    if len(lines) < _PROSE_LINES:
        return False
    left, right = min(line.left for line in lines), max(line.right for line in lines)
    words = sum(len(line.text.split()) for line in lines) / len(lines)
    long = sum(len(line.text) for line in lines) / len(lines) >= _PROSE_CHARACTERS
    full = sum(line.right >= left + _FULL * (right - left) for line in lines[:-1])
    return words >= _PROSE_WORDS and long and full >= _FULL_SHARE * (len(lines) - 1)


def _aligned(rows: list[Row], gutters: list[Gutter]) -> bool:
    """Return True if words on both sides of a strip stand on one baseline, as those of a row do."""
    alone = sum(filled(row, gutters) == 1 for row in rows)
    beside = [row for row in rows if filled(row, gutters) > 1]
    both, level = len(beside), sum(_is_level(row, gutters) for row in beside)
    return level >= _ALIGNED_SHARE * both and (len(gutters) > 1 or both >= _BESIDE_SHARE * alone)


def _written_apart(rows: list[Row], gutters: list[Gutter]) -> bool:
    """Return True if the file writes each column as a whole, or nearly so, one after the other."""
    if len(rows) < _APART_ROWS:
        return False
    places = [
        (word.n, place_of(word, gutters))
        for row in rows
        for segment in row.segments
        for word in segment.words
    ]
    places.sort()
    changes = sum(a[1] != b[1] for a, b in pairwise(places))
    return changes < _APART_SHARE * sum(filled(row, gutters) for row in rows)


def _has_numbers(columns: list[list[Line]]) -> bool:
    """Return True if a column holds numbers alone, but for its name."""
    for lines in columns[1:]:
        numbers = sum(is_number(line.text) for line in lines)
        if numbers > 1 and numbers >= len(lines) - 1 - len(lines) // 5:
            return True
    return False


def is_table(cells: list[list[list[Word]]]) -> bool:
    """Return True if rows of words by columns are a table's, and not a formula's."""
    counts = [sum(map(bool, row)) for row in cells]
    texts = ["".join(word.text for word in cell) for row in cells for cell in row if cell]
    words = sum(any(map(str.isalnum, text)) and (len(text) > 1 or text.isdigit()) for text in texts)
    if len(texts) < _FILLED * len(cells) * len(cells[0]):
        return False
    if words < _WORDS_SHARE * len(texts) or sum(t[:1].islower() for t in texts) > _LOWER * len(
        texts
    ):
        return False
    return sum(count > 1 for count in counts) >= (2 if len(cells[0]) > 2 else 3)  # noqa: PLR2004
