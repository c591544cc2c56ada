"""Charts of Office files: titles, categories and values as the file keeps them."""

import math

from lxml import etree

from adapters.parsing.drawings.slide_paragraphs import paragraph_text
from adapters.parsing.shared.assembly import Assembly
from adapters.parsing.shared.grids import one_line, row_line
from adapters.parsing.shared.number_formats import formatted, general
from adapters.parsing.shared.packages import attribute, below, local, whole
from rag.documents import BlockKind

_MOST_POINTS = 20_000  # of all series of a chart

#: Kind, text, and how many lines of a table name its columns.
ChartPiece = tuple[BlockKind, str, int]
_Series = tuple[str, dict[int, str], list[tuple[str, dict[int, str]]]]


def add_chart(out: Assembly, root: etree._Element) -> bool:
    """Append a chart as tables of its categories and values; return True if it has any."""
    pieces = chart_pieces(root)
    for kind, text, header in pieces:
        out.add(kind, text, header=header)
    return any(kind == "table" for kind, _, _ in pieces)


def chart_pieces(root: etree._Element) -> list[ChartPiece]:
    """
    Return a chart as blocks: its title, its axes, and a table for series of the same categories.

    The values are what the file keeps of the sheet behind the chart; without any there is no table.
    """
    titles = [_title(title) for title in below(root, "title")]
    chart = next((c for c in below(root, "chart")), root)
    own = next((_title(t) for t in chart.iterfind("{*}title")), "")
    series = [_series(one) for one in below(root, "ser")] or _extended(root)
    series = [one for one in series if any(values for _, values in one[2])]
    pieces: list[ChartPiece] = [("paragraph", own, 0)] if own else []
    if not series:
        return pieces
    axes = [title for title in titles if title and title != own]
    scatter = any(True for _ in below(root, "scatterChart", "bubbleChart"))
    # The points of a scatter chart have two values each, and its first axis is of the first.
    kinds = ("valAx",) if scatter else ("catAx", "dateAx")
    named = (
        _title(t)
        for axis in root.iter(*("{*}" + k for k in kinds))
        for t in axis.iterfind("{*}title")
    )
    first = next(named, "") or ("X" if scatter else "Category")
    if axes:
        pieces.append(("paragraph", "Axes: " + "; ".join(axes), 0))
    shared: list[list[_Series]] = []
    for one in series:
        if shared and shared[-1][0][1] == one[1]:
            shared[-1].append(one)
        else:
            shared.append([one])
    return [*pieces, *(("table", _table(first, group), 1) for group in shared)]


def _table(first: str, group: list[_Series]) -> str:
    """Return the rows of the series of a chart that have the same categories, names first."""
    columns = [
        (f"{name} {part}".strip() if part else name or "Value", values)
        for name, _, parts in group
        for part, values in parts
    ]
    categories = group[0][1]
    places = sorted(set(categories).union(*(values for _, values in columns)))
    lines = [row_line([first, *(name for name, _ in columns)])]
    for place in places[: _MOST_POINTS // len(columns)]:
        row = [categories.get(place) or str(place + 1)]
        lines.append(row_line([*row, *(values.get(place, "") for _, values in columns)]))
    return "\n".join(lines)


def _series(one: etree._Element) -> _Series:
    """Return a series: its name, its categories by place, and its named rows of values."""
    name = one.find("{*}tx")
    texts = list(below(name, "v")) if name is not None else []
    categories = one.find("{*}cat")
    places = one.find("{*}xVal") if categories is None else categories
    parts = []
    for tag, part in (("val", ""), ("yVal", ""), ("bubbleSize", "size")):
        values = one.find("{*}" + tag)
        if values is not None:
            parts.append((part, _points(values)))
    label = one_line(" ".join(text.text or "" for text in texts))
    return label, _points(places) if places is not None else {}, parts


def _points(element: etree._Element) -> dict[int, str]:
    """Return the stored points by place, numbers as their format shows them, levels joined."""
    levels = list(below(element, "lvl"))
    if levels:  # the innermost comes first, and an outer one stands at the first it covers
        joined: dict[int, str] = {}
        inner = _cached(levels[0])
        outer = [_cached(level) for level in reversed(levels[1:])]
        last = [""] * len(outer)
        for place in sorted(inner):
            last = [level.get(place, old) for level, old in zip(outer, last, strict=True)]
            joined[place] = " ".join([*filter(None, last), inner[place]])
        return joined
    return _cached(element)


def _cached(element: etree._Element) -> dict[int, str]:
    """Return the points below an element by place."""
    code = next((c.text or "" for c in below(element, "formatCode")), "General")
    numbers = any(True for _ in below(element, "numCache", "numLit"))
    points = {}
    for point in below(element, "pt"):
        value = next((v.text or "" for v in point.iterfind("{*}v")), "")
        if value.strip():
            own = point.get("formatCode") or code
            points[whole(point.get("idx"))] = _shown(value, own) if numbers else one_line(value)
    return points


def _shown(value: str, code: str) -> str:
    """Return a stored number as its format shows it."""
    try:
        number = float(value)
    except ValueError:
        return one_line(value)
    if not math.isfinite(number):
        return ""
    return formatted(number, code) if code else general(number)


def _extended(root: etree._Element) -> list[_Series]:
    """Return the series of a chart of the newer kind (`chartex`): waterfalls, funnels, trees."""
    found = []
    names = [
        one_line(" ".join(v.text or "" for v in below(one, "v"))) for one in below(root, "series")
    ]
    for n, data in enumerate(below(root, "data")):
        words: dict[int, str] = {}
        values: dict[int, str] = {}
        for dimension in data:
            code = next((attribute(lvl, "formatCode") for lvl in below(dimension, "lvl")), "")
            for level in reversed(list(below(dimension, "lvl"))):
                for point in below(level, "pt"):
                    place, text = whole(point.get("idx")), point.text or ""
                    if local(dimension) == "strDim":
                        words[place] = f"{words.get(place, '')} {one_line(text)}".strip()
                    else:
                        values[place] = _shown(text, code)
        found.append((names[n] if n < len(names) else "", words, [("", values)]))
    return found


def _title(title: etree._Element) -> str:
    """Return the words of a title: written in it, or taken from a cell."""
    texts = [paragraph_text(p) for p in below(title, "p")] or [
        v.text or "" for v in below(title, "v")
    ]
    return one_line(" ".join(texts))
