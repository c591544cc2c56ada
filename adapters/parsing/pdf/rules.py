"""PDF: tables whose cells are drawn with lines."""

import ctypes
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from pypdfium2 import raw

from adapters.parsing.pdf.characters import Word, framed
from adapters.parsing.pdf.tables import Table, cell_text, table_of_texts

_OBJECTS = 3000  # a page that draws more is a drawing
_GRID_SEGMENTS = 400
_LINES = 500
_FIELDS = 4000
_SLANT = 1.0  # points
_SHORT = 4.0
_NEAR = 3.0
_FILLED = 0.4
_LONG = 45  # words of a cell, on the average: more is running text
_OWN = 0.3  # of the fields: cells of their own; less is a drawing with some words
_Stroke = tuple[float, float, float]  # where it lies, where it begins, where it ends


def ruled_tables(page: Any, words: list[Word], turn: int) -> list[Word]:
    """
    Return *words* with a placeholder for each table that lines draw on the page.

    The words of its cells go into the table; *turn* is the direction of the words.
    """
    across, down = _strokes(page, turn)
    if len(across) < 3 or len(down) < 3 or len(across) + len(down) > _LINES:  # noqa: PLR2004
        return words
    for xs, ys, grid_across, grid_down in _grids(across, down):
        inside = [
            w for w in words if xs[0] <= _middle(w) <= xs[-1] and ys[0] <= _height(w) <= ys[-1]
        ]
        table = _table(xs, ys, grid_across, grid_down, inside) if inside else None
        if table is None:
            continue
        taken = set(map(id, inside))
        size = table.size
        place = Word("", xs[0], xs[-1], ys[-1] - size, size, turn=turn, n=inside[0].n, table=table)
        words = [*(w for w in words if id(w) not in taken), place]
    return words


def _middle(word: Word) -> float:
    return (word.left + word.right) / 2


def _height(word: Word) -> float:
    return word.base + 0.3 * word.size


def _strokes(page: Any, turn: int) -> tuple[list[_Stroke], list[_Stroke]]:
    """Return the level and the upright strokes of a page."""
    across: list[_Stroke] = []
    down: list[_Stroke] = []
    for x0, y0, x1, y1 in _segments(page):
        (ax, ay), (bx, by) = framed(x0, y0, turn), framed(x1, y1, turn)
        if abs(ay - by) <= _SLANT and abs(ax - bx) >= _SHORT:
            across.append((ay, min(ax, bx), max(ax, bx)))
        elif abs(ax - bx) <= _SLANT and abs(ay - by) >= _SHORT:
            down.append((ax, min(ay, by), max(ay, by)))
    return _joined(across), _joined(down)


def _segments(page: Any) -> Iterator[tuple[float, float, float, float]]:
    """Yield the straight lines that the page draws, as two points."""
    count = raw.FPDFPage_CountObjects(page)
    if count > _OBJECTS:
        return
    x, y, matrix = ctypes.c_float(), ctypes.c_float(), raw.FS_MATRIX()
    for n in range(count):
        drawn = raw.FPDFPage_GetObject(page, n)
        if raw.FPDFPageObj_GetType(drawn) != raw.FPDF_PAGEOBJ_PATH:
            continue
        parts = raw.FPDFPath_CountSegments(drawn)
        if parts > _GRID_SEGMENTS or not raw.FPDFPageObj_GetMatrix(drawn, matrix):
            continue
        a, b, c, d, e, f = matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f
        points: list[tuple[int, float, float, bool]] = []
        for k in range(parts):
            segment = raw.FPDFPath_GetPathSegment(drawn, k)
            kind = raw.FPDFPathSegment_GetType(segment)
            if kind == raw.FPDF_SEGMENT_BEZIERTO:
                break  # a curve: no line of a table
            raw.FPDFPathSegment_GetPoint(segment, x, y)
            px, py = x.value, y.value
            closes = bool(raw.FPDFPathSegment_GetClose(segment))
            points.append((kind, a * px + c * py + e, b * px + d * py + f, closes))
        else:
            yield from _edges(points)


def _edges(
    points: list[tuple[int, float, float, bool]],
) -> Iterator[tuple[float, float, float, float]]:
    """Yield the lines of a path."""
    start = last = (0.0, 0.0)
    for kind, x, y, closes in points:
        if kind == raw.FPDF_SEGMENT_MOVETO:
            start = last = (x, y)
            continue
        yield (*last, x, y)
        last = (x, y)
        if closes:
            yield (*last, *start)


def _joined(strokes: list[_Stroke]) -> list[_Stroke]:
    """Return strokes on one line that touch each other as one."""
    done: list[_Stroke] = []
    for at, a, b in sorted(strokes, key=lambda s: (round(s[0] / _NEAR), s[1])):
        if done and abs(done[-1][0] - at) <= _NEAR and a <= done[-1][2] + _NEAR:
            old = done[-1]
            done[-1] = (old[0], old[1], max(old[2], b))
        else:
            done.append((at, a, b))
    return done


_Grid = tuple[list[float], list[float], list[_Stroke], list[_Stroke]]


def _grids(across: list[_Stroke], down: list[_Stroke]) -> Iterator[_Grid]:
    """Yield the places of columns and rows of strokes that cross each other, with the strokes."""
    group = list(range(len(across) + len(down)))

    def root(n: int) -> int:
        while group[n] != n:
            group[n] = group[group[n]]
            n = group[n]
        return n

    for i, (y, left, right) in enumerate(across):
        for k, (x, low, high) in enumerate(down):
            if left - _NEAR <= x <= right + _NEAR and low - _NEAR <= y <= high + _NEAR:
                group[root(i)] = root(len(across) + k)
    parts: dict[int, tuple[list[_Stroke], list[_Stroke]]] = defaultdict(lambda: ([], []))
    for i, stroke in enumerate(across):
        parts[root(i)][0].append(stroke)
    for k, stroke in enumerate(down):
        parts[root(len(across) + k)][1].append(stroke)
    for level, upright in parts.values():
        xs, ys = _places(upright), _places(level)
        if len(xs) > 2 and len(ys) > 2 and len(xs) * len(ys) <= _FIELDS:  # noqa: PLR2004 - a table
            yield xs, ys, level, upright


def _places(strokes: Sequence[_Stroke]) -> list[float]:
    """Return where strokes lie, those that lie side by side once."""
    places: list[float] = []
    for at, _, _ in sorted(strokes):
        if not places or at - places[-1] > _NEAR:
            places.append(at)
    return places


def _table(
    xs: list[float],
    ys: list[float],
    across: list[_Stroke],
    down: list[_Stroke],
    words: list[Word],
) -> Table | None:
    """Return the table of a grid, None where it is a frame or a drawing."""
    columns, rows = len(xs) - 1, len(ys) - 1
    owners = _cells(xs, ys, across, down)
    inside: dict[int, list[Word]] = defaultdict(list)
    for word in words:
        column = min(max(bisect_right(xs, _middle(word)) - 1, 0), columns - 1)
        row = min(max(bisect_right(ys, _height(word)) - 1, 0), rows - 1)
        inside[owners[row * columns + column]].append(word)
    if len(words) > _LONG * len(inside) and len(inside) > 1:
        return _laid_out(columns, inside)
    texts = {cell: cell_text(held) for cell, held in inside.items()}
    bold = {cell: all(word.bold for word in held) for cell, held in inside.items()}
    grid: list[list[str]] = []
    bolds: list[bool] = []
    for row in range(rows - 1, -1, -1):
        cells = owners[row * columns : (row + 1) * columns]
        if any(cell in texts for cell in cells):
            whole = len(set(cells)) == 1 and columns > 1  # a line over all columns
            row_texts = [texts.get(cell, "") for cell in cells]
            grid.append([row_texts[0], *[""] * (columns - 1)] if whole else row_texts)
            bolds.append(all(bold[cell] for cell in cells if cell in bold))
    used = sum(map(bool, (cell for row in grid for cell in row)))
    full = sum(any(column) for column in zip(*grid, strict=True)) if grid else 0
    fields = len(grid) * columns
    if len(grid) < 2 or full < 2 or len(inside) < max(3, _OWN * fields) or used < _FILLED * fields:  # noqa: PLR2004
        return None
    keep = [n for n in range(columns) if any(row[n] for row in grid)]
    grid = [[row[n] for n in keep] for row in grid]
    if any(word.rtl_page for word in words):
        grid = [row[::-1] for row in grid]
    size = max(word.size for word in words)
    return table_of_texts(grid, bold=bolds, size=size)


def _laid_out(columns: int, cells: dict[int, list[Word]]) -> Table:
    """Return the cells of a grid that holds running text, to be read one after the other."""
    order = sorted(cells, key=lambda cell: (-(cell // columns), cell % columns))
    size = max(word.size for held in cells.values() for word in held)
    return Table([], 0, size, columns, cells=[cells[cell] for cell in order])


def _cells(
    xs: list[float], ys: list[float], across: list[_Stroke], down: list[_Stroke]
) -> list[int]:
    """Return for each field of the grid, row by row from below, the field whose cell it is in."""
    columns, rows = len(xs) - 1, len(ys) - 1
    owner = list(range(columns * rows))
    for row in range(rows):
        for column in range(columns):
            here = row * columns + column
            middle_x, middle_y = (xs[column] + xs[column + 1]) / 2, (ys[row] + ys[row + 1]) / 2
            if column and not _drawn(down, xs[column], middle_y):
                owner[here] = owner[here - 1]
            if row and not _drawn(across, ys[row], middle_x):
                below = owner[here - columns]
                if owner[here] != here:  # left and below are one cell
                    old = owner[here]
                    owner = [below if o == old else o for o in owner]
                owner[here] = below
    return owner


def _drawn(strokes: list[_Stroke], at: float, place: float) -> bool:
    """Return True if a stroke lies at *at* and passes *place*."""
    return any(
        abs(where - at) <= _NEAR and first - _SHORT <= place <= last + _SHORT
        for where, first, last in strokes
    )
