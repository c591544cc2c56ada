"""PDF: the parts of a page in the order of reading: columns, tables, and text across them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from workers.parsing.pdf_characters import Word
from workers.parsing.pdf_lines import Line, line_of, lines_of, rows_of
from workers.parsing.pdf_tables import Table, is_number, read_from_right, table_of

_LEADER = re.compile(r"\.{4,}|·{4,}|…{2,}|_{4,}")
_LEADERS = ("....", "····", "……", "____")
_DOT = re.compile(r"[.·]+")
_MARKER = re.compile(
    r"(?:[•‣▪◦●○■□–—*\uf0b7\uf0a7-]|\(?(?:\d{1,3}|[a-zA-Z]|[ivxlcIVXLC]{1,5})[.):]"  # noqa: RUF001 - bullets
    r"|\d{1,2}(?:\.\d{1,3})*\.?|\[\d{1,3}\]|[¹²³⁴-⁹⁰])"
)
_DEPTH = 4
_TRIES = 60  # rows of a page that look like the first of columns and are not
_COLUMNS = 40
_WIDE = 0.9  # of the font size: more than a blank
_GUTTER = 0.5
_MARKER_GAP = 4.0
_ALIGNED = 0.25
_EMPTY_BAND = 3.5  # an empty height, in font sizes, that ends columns
_PITCHES = 2.2  # or in distances of lines
_DOTS = 4

# What running text looks like
_PROSE_LINES = 3
_PROSE_WORDS = 3.0
_PROSE_CHARACTERS = 14
_FULL = 0.75
_FULL_SHARE = 0.5
_CELLS_SHARE = 0.4

# What rows of a table look like
_ALIGNED_SHARE = 0.7
_BESIDE_SHARE = 0.25
_WORDS_SHARE = 0.7
_LOWER = 0.8  # cells that begin in the middle of a sentence: text with wide blanks
_APART_STEP = 1.3
_APART_ROWS = 3
_APART_SHARE = 0.25


@dataclass(slots=True)
class _Segment:
    """Words of a row without a wide gap between them."""

    words: list[Word]
    left: float
    right: float


@dataclass(slots=True)
class _Row:
    """A row of segments; *leader* tells that dots lead from one to the next."""

    segments: list[_Segment]
    base: float
    size: float
    leader: bool = False


@dataclass(slots=True)
class _Gutter:
    """A strip without words."""

    left: float
    right: float


@dataclass(slots=True)
class _Band:
    """Rows *first* to *end* with the gutters that no row crosses."""

    first: int
    end: int
    gutters: list[_Gutter]


Item = Line | Table


def ordered(words: Iterable[Word], *, depth: int = 0) -> list[Item]:
    """Return the lines and tables of words that run in one direction, in the order of reading."""
    rows = [_row(row) for row in rows_of(words, columns=True)]
    items: list[Item] = []
    n = 0
    tries = _TRIES if depth < _DEPTH else 0
    while n < len(rows):
        found = _contents(rows, n)
        if not found and tries and len(rows[n].segments) > 1:
            found = _side_by_side(rows, n, depth)
            tries -= not found
        if found is None:
            items += _plain(rows[n])
            n += 1
            continue
        more, n = found
        items += more
        if n < len(rows):
            following = _plain_start(rows, n)
            items += following
            n += bool(following)
    return items


def _plain_start(rows: list[_Row], n: int) -> list[Item]:
    """Return row *n* as the first after columns or a table, nothing where others begin there."""
    if len(rows[n].segments) > 1:
        return []
    items = _plain(rows[n])
    _freshen(items)
    return items


def _plain(row: _Row) -> list[Item]:
    """Return a row as the lines it holds; its tables stand alone."""
    words = [word for segment in row.segments for word in segment.words]
    base = words[0].base
    if all(word.base == base and not word.table for word in words):
        return [line_of(words)]
    items: list[Item] = [line_of(strict) for strict in rows_of(w for w in words if not w.table)]
    for word in words:
        table = word.table
        for cell in (table and table.cells) or ():
            inner = ordered(cell, depth=_DEPTH - 1)
            _freshen(inner)
            items += inner
        if table and not table.cells:
            items.append(table)
    return items


def _freshen(items: Sequence[Item]) -> None:
    """Mark the first line as the beginning of another part of the page."""
    if items and isinstance(items[0], Line):
        items[0].fresh = True


def _row(words: list[Word]) -> _Row:
    """Part the words of a row at wide gaps and at dots that lead over one."""
    size = max(word.size for word in words)
    base = max(words, key=lambda word: (word.size, len(word.text))).base
    words, ends, leader = _without_leaders(words)
    segments: list[_Segment] = []
    last: Word | None = None
    for n, word in enumerate(words):
        gap = word.left - segments[-1].right if segments else 0.0
        wide = gap > _WIDE * max(word.size, last.size if last else 0.0)
        if (segments and not (n in ends or wide)) or (segments and _hangs(segments, word, gap)):
            segments[-1].words.append(word)
            segments[-1].right = max(segments[-1].right, word.right)
        else:
            segments.append(_Segment([word], word.left, word.right))
        last = word
    return _Row(segments, base, size, leader)


def _hangs(segments: list[_Segment], word: Word, gap: float) -> bool:
    """Tell whether *word* belongs to the marker, number or label before it in spite of a gap."""
    last = segments[-1]
    if word.field:
        return True
    alone = len(segments) == 1 and len(last.words) == 1
    marker = last.words[0].text
    if not alone or gap > _MARKER_GAP * word.size or not _MARKER.fullmatch(marker):
        return False
    return not marker.isdigit()


def _without_leaders(words: list[Word]) -> tuple[list[Word], set[int], bool]:
    """Return the words without rows of dots, and the numbers of those that dots lead to."""
    whole = "".join(word.text for word in words)
    if not any(dots in whole for dots in _LEADERS):
        return words, set(), False
    kept: list[Word] = []
    ends: set[int] = set()
    n = 0
    found = False
    while n < len(words):
        until = n
        while until < len(words) and _DOT.fullmatch(words[until].text):
            until += 1
        dots = sum(len(word.text) for word in words[n:until])
        if dots >= _DOTS or (until == n and _LEADER.fullmatch(words[n].text)):
            n = max(until, n + 1)
            if kept and n < len(words):
                ends.add(len(kept))
                found = True
            continue
        word = words[n]
        led = re.fullmatch(r"(.*?[^.…·])\s*(?:[.·]{4,}|…{2,})([^.…·]*)", word.text)
        if led and not word.rtl:  # "Soup......4.50" without a blank
            share = len(led[1]) / len(word.text)
            middle = word.left + share * (word.right - word.left)
            kept.append(_part(word, led[1], word.left, middle))
            found = True
            if led[2]:
                ends.add(len(kept))
                share = len(led[2]) / len(word.text)
                kept.append(
                    _part(word, led[2], word.right - share * (word.right - word.left), word.right)
                )
            elif n + 1 < len(words):
                ends.add(len(kept))
            n += 1
            continue
        led = re.fullmatch(r"(?:[.·]{4,}|…{2,})([^.…·].*)", word.text)
        if led and kept and not word.rtl:
            ends.add(len(kept))
            found = True
            share = len(led[1]) / len(word.text)
            word = _part(word, led[1], word.right - share * (word.right - word.left), word.right)
        kept.append(word)
        n += 1
    return (kept, ends, found) if kept else (words, set(), False)


def _part(word: Word, text: str, left: float, right: float) -> Word:
    """Return a part of a word."""
    return Word(text, left, right, word.base, word.size, word.bold, word.turn, word.n, word.blank)


def _contents(rows: list[_Row], n: int) -> tuple[list[Item], int] | None:
    """Return a table of contents, or a like list with dots, that begins at row *n*."""
    if not rows[n].leader and not (n + 1 < len(rows) and rows[n + 1].leader and _leads_on(rows, n)):
        return None
    cells: list[list[list[Word]]] = []
    held: list[Word] = []
    end, count = n, 0
    while end < len(rows):
        row = rows[end]
        if row.leader:
            first = [*held, *row.segments[0].words]
            cells.append([first, *(segment.words for segment in row.segments[1:])])
            held, count = [], count + 1
        elif end + 1 < len(rows) and rows[end + 1].leader and _leads_on(rows, end):
            held = row.segments[0].words
        else:
            break
        end += 1
    if count < 2:  # noqa: PLR2004 - one row is no table
        return None
    lines = [" | ".join(_cell(cell) for cell in row) for row in cells]
    return [Table(lines, 0, rows[n].base, rows[n].size, len(cells[0]))], end


def _leads_on(rows: list[_Row], n: int) -> bool:
    """Tell whether row *n* is the first line of an entry that ends in dots on the next row."""
    row, after = rows[n], rows[n + 1]
    near = row.base - after.base <= 1.4 * row.size
    return near and len(row.segments) == 1 and abs(row.size - after.size) <= 0.1 * row.size


def _cell(words: list[Word]) -> str:
    """Return the words of a cell as one line."""
    return " ".join(line.text for line in lines_of(words))


def _side_by_side(rows: list[_Row], n: int, depth: int) -> tuple[list[Item], int] | None:
    """Return the columns or the table that begin at row *n*, and the row after them."""
    band = _band(rows, n)
    if band is None:
        return None
    parts = rows[band.first : band.end]
    columns = _column_gutters(parts, band.gutters)
    if columns:
        end = _without_heading(rows, band, columns)
        items: list[Item] = []
        for words in read_from_right(_split(rows[band.first : end], columns)):
            found = ordered(words, depth=depth + 1)
            _freshen(found)
            items += found
        return items, end
    end = _table_end(rows, band)
    cells = [read_from_right(_split([row], band.gutters)) for row in rows[band.first : end]]
    if not _is_table(cells):
        return None
    if any(word.table is not None for row in cells for cell in row for word in cell):
        return None
    return [table_of(cells)], end


def _band(rows: list[_Row], n: int) -> _Band | None:
    """Return the rows from *n* on that leave a strip free; None where they are too few."""
    gutters = _gaps(rows[n])
    if not 0 < len(gutters) <= _COLUMNS:
        return None
    end = n + 1
    pitch = 0.0
    while end < len(rows):
        step = rows[end - 1].base - rows[end].base
        if step > _EMPTY_BAND * rows[end].size and step > _PITCHES * pitch:
            break
        alive = _narrowed(gutters, rows[end])
        lost = len(alive) < len(gutters)
        if not alive or (lost and len(gutters) > 1 and len(rows[end].segments) == 1):
            break
        if lost and end + 1 < len(rows) and len(_narrowed(gutters, rows[end + 1])) >= len(gutters):
            end += 1  # one long cell does not end a column
            continue
        gutters = alive
        pitch = max(pitch, step)
        end += 1
    both = sum(_filled(row, gutters) > 1 for row in rows[n:end])
    enough = 2 if len(gutters) > 1 else 3
    return _Band(n, end, gutters) if both >= enough else None


def _gaps(row: _Row) -> list[_Gutter]:
    """Return the strips between the segments of a row."""
    segments = row.segments
    return [_Gutter(a.right, b.left) for a, b in pairwise(segments)]


def _narrowed(gutters: list[_Gutter], row: _Row) -> list[_Gutter]:
    """Return what *row* leaves free of the strips."""
    alive: list[_Gutter] = []
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
        alive += [_Gutter(a, b) for a, b in wide]
    return alive


def _place(word: Word, gutters: list[_Gutter]) -> int:
    """Return the number of the column that a word stands in."""
    middle = (word.left + word.right) / 2
    return sum(middle > (gutter.left + gutter.right) / 2 for gutter in gutters)


def _filled(row: _Row, gutters: list[_Gutter]) -> int:
    """Count the columns of *row* that hold words."""
    return len({_place(segment.words[0], gutters) for segment in row.segments})


def _split(rows: list[_Row], gutters: list[_Gutter]) -> list[list[Word]]:
    """Return the words of the rows by columns."""
    columns: list[list[Word]] = [[] for _ in range(len(gutters) + 1)]
    for row in rows:
        for segment in row.segments:
            for word in segment.words:
                columns[_place(word, gutters)].append(word)
    return columns


def _column_gutters(rows: list[_Row], gutters: list[_Gutter]) -> list[_Gutter]:
    """Return the strips that part columns of running text; none where the rows are a table's."""
    whole = [lines_of(column) for column in _split(rows, gutters)]
    if all(_is_prose(lines) for lines in whole):
        return [] if _has_records(rows, gutters) else gutters
    for gutter in gutters if len(gutters) > 1 else ():
        sides = [lines_of(column) for column in _split(rows, [gutter])]
        if all(_is_prose(lines) for lines in sides) and not _has_cells(rows, gutters, gutter):
            return [gutter]
    if not _aligned(rows, gutters):
        return gutters
    return gutters if _written_apart(rows, gutters) and not _has_numbers(whole) else []


def _has_records(rows: list[_Row], gutters: list[_Gutter]) -> bool:
    """Tell whether all columns are parted at the same heights, as the rows of a table are."""
    steps = [a.base - b.base for a, b in pairwise(rows)]
    usual = sorted(steps)[len(steps) // 3]
    wide = [row for step, row in zip(steps, rows[1:], strict=True) if step > _APART_STEP * usual]
    return len(wide) > 1 and all(
        _filled(row, gutters) > len(gutters) and _is_level(row, gutters) for row in wide
    )


def _is_level(row: _Row, gutters: list[_Gutter]) -> bool:
    """Tell whether the words of a row stand on one baseline in all columns."""
    bases: dict[int, float] = {}
    for segment in row.segments:
        for word in segment.words:
            bases.setdefault(_place(word, gutters), word.base)
    return max(bases.values()) - min(bases.values()) <= _ALIGNED * row.size


def _has_cells(rows: list[_Row], gutters: list[_Gutter], parting: _Gutter) -> bool:
    """Tell whether most rows on one side of *parting* have words on both sides of another strip."""
    middle = (parting.left + parting.right) / 2
    for left in (True, False):
        inner = [g for g in gutters if g is not parting and (g.left < middle) == left]
        sides = [
            _Row([s for s in row.segments if (s.left < middle) == left], 0.0, 0.0) for row in rows
        ]
        filled = [count for row in sides if row.segments and (count := _filled(row, inner))]
        if inner and sum(count > 1 for count in filled) > _CELLS_SHARE * len(filled):
            return True
    return False


def _is_prose(lines: list[Line]) -> bool:
    """Tell whether lines of a column fill it, as running text does."""
    if len(lines) < _PROSE_LINES:
        return False
    left, right = min(line.left for line in lines), max(line.right for line in lines)
    words = sum(len(line.text.split()) for line in lines) / len(lines)
    long = sum(len(line.text) for line in lines) / len(lines) >= _PROSE_CHARACTERS
    full = sum(line.right >= left + _FULL * (right - left) for line in lines[:-1])
    return words >= _PROSE_WORDS and long and full >= _FULL_SHARE * (len(lines) - 1)


def _aligned(rows: list[_Row], gutters: list[_Gutter]) -> bool:
    """Tell whether words on both sides of a strip stand on one baseline, as those of a row do."""
    alone = sum(_filled(row, gutters) == 1 for row in rows)
    beside = [row for row in rows if _filled(row, gutters) > 1]
    both, level = len(beside), sum(_is_level(row, gutters) for row in beside)
    return level >= _ALIGNED_SHARE * both and (len(gutters) > 1 or both >= _BESIDE_SHARE * alone)


def _written_apart(rows: list[_Row], gutters: list[_Gutter]) -> bool:
    """Tell whether the file writes each column as a whole, or nearly so, one after the other."""
    if len(rows) < _APART_ROWS:
        return False
    places = [
        (word.n, _place(word, gutters))
        for row in rows
        for segment in row.segments
        for word in segment.words
    ]
    places.sort()
    changes = sum(a[1] != b[1] for a, b in pairwise(places))
    return changes < _APART_SHARE * sum(_filled(row, gutters) for row in rows)


def _has_numbers(columns: list[list[Line]]) -> bool:
    """Tell whether a column holds numbers alone, but for its name."""
    for lines in columns[1:]:
        numbers = sum(is_number(line.text) for line in lines)
        if numbers > 1 and numbers >= len(lines) - 1 - len(lines) // 5:
            return True
    return False


def _without_heading(rows: list[_Row], band: _Band, gutters: list[_Gutter]) -> int:
    """Return where the band ends without a heading at its end, which belongs to what follows."""
    end = band.end
    if end == len(rows):
        return end
    last = end
    while last > band.first and _filled(rows[last - 1], gutters) == 1:
        last -= 1
    usual = sorted(
        a.base - b.base
        for a, b in zip(rows[band.first :], rows[band.first + 1 : last], strict=False)
    )
    pitch = usual[len(usual) // 2] if usual else 0.0
    for n in range(max(last, band.first + 1), end):
        if rows[n - 1].base - rows[n].base > 1.4 * pitch and n >= end - 2:
            return n
    return end


def _table_end(rows: list[_Row], band: _Band) -> int:
    """Return where a table ends: a single line that runs over a strip is a note below it."""
    end = band.end
    while end > band.first + 1 and len(rows[end - 1].segments) == 1:
        row, above = rows[end - 1], rows[end - 2]
        far = above.base - row.base > 1.6 * _pitch(rows, band)
        crosses = len(_narrowed(band.gutters, row)) < len(band.gutters)
        if not far and not crosses:
            break
        end -= 1
    return end


def _pitch(rows: list[_Row], band: _Band) -> float:
    """Return the usual distance of a band's rows."""
    steps = sorted(
        a.base - b.base
        for a, b in zip(rows[band.first :], rows[band.first + 1 : band.end], strict=False)
    )
    return steps[len(steps) // 2] if steps else 0.0


def _is_table(cells: list[list[list[Word]]]) -> bool:
    """Tell whether rows of words by columns are a table's, and not a formula's."""
    filled = [sum(map(bool, row)) for row in cells]
    texts = ["".join(word.text for word in cell) for row in cells for cell in row if cell]
    words = sum(any(map(str.isalnum, text)) and (len(text) > 1 or text.isdigit()) for text in texts)
    if words < _WORDS_SHARE * len(texts) or sum(t[:1].islower() for t in texts) > _LOWER * len(
        texts
    ):
        return False
    return sum(count > 1 for count in filled) >= (2 if len(cells[0]) > 2 else 3)  # noqa: PLR2004
