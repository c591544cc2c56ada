"""A sheet of line charts as SVG, without a library."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT, COLUMNS = 440, 230, 2
LEFT, RIGHT, TOP, BOTTOM = 52, 20, 30, 58
WIDE, HIGH = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
COLOURS = ("#4a7db8", "#c9772b", "#4f9a66", "#a0559c", "#b8a02a", "#777777", "#c04f4f", "#3aa0a0")
MOST = len(COLOURS)


@dataclass(frozen=True, slots=True)
class Chart:
    """
    One chart: values by time, seconds from the start of the run.

    Args:
        unit: As Grafana calls it; what its numbers are written with.

        marked: A span of time that is shaded, and what it is called.
    """

    title: str
    unit: str
    lines: Mapping[str, Sequence[tuple[float, float]]]
    marked: tuple[float, float, str] | None = None


def sheet(charts: Sequence[Chart], *, span_s: float) -> str:
    """Return an SVG with the charts in two columns, all over the same span of time."""
    rows = math.ceil(len(charts) / COLUMNS)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH * COLUMNS} {HEIGHT * rows}">',
        '<g font-family="sans-serif" font-size="11" fill="#888">',
    ]
    for n, chart in enumerate(charts):
        x, y = n % COLUMNS * WIDTH, n // COLUMNS * HEIGHT
        parts += [f'<g transform="translate({x} {y})">', *_drawn(chart, span_s), "</g>"]
    return "\n".join([*parts, "</g></svg>", ""])


def written(value: float, unit: str) -> str:
    """Return a value in the words of its unit: 0.25 of `percentunit` is 25 %."""
    if unit == "percentunit":
        return f"{value * 100:.3g} %"
    if unit == "bytes":
        return f"{value / 1e6:.3g} MB"
    suffix = {"s": " s", "reqps": "/s", "ops": "/s", "Bps": " B/s"}.get(unit, "")
    return f"{value:.3g}{suffix}"


def _drawn(chart: Chart, span_s: float) -> list[str]:
    """Draw one chart at the origin."""
    values = [value for line in chart.lines.values() for _, value in line if math.isfinite(value)]
    top = _nice(max(values, default=1.0) or 1.0)
    title = escape(chart.title)
    parts = [f'<text x="{LEFT}" y="18" font-size="13" font-weight="bold">{title}</text>']
    if chart.marked:
        begin, end, name = chart.marked
        x, width = LEFT + WIDE * begin / span_s, WIDE * (end - begin) / span_s
        box = f'x="{x:.1f}" y="{TOP}" width="{width:.1f}" height="{HIGH}"'
        parts.append(f'<rect {box} fill="#888" fill-opacity="0.18"/>')
        parts.append(f'<text x="{x + 3:.1f}" y="{TOP + 11}" font-size="9">{escape(name)}</text>')
    parts += _axes(chart.unit, top=top, span_s=span_s)
    for n, (name, line) in enumerate(list(chart.lines.items())[:MOST]):
        drawn = f'fill="none" stroke="{COLOURS[n]}" stroke-width="1.6"'
        for run in _runs(line):
            points = " ".join(
                f"{LEFT + WIDE * at / span_s:.1f},{TOP + HIGH * (1 - value / top):.1f}"
                for at, value in run
            )
            parts.append(f'<polyline points="{points}" {drawn}/>')
        x, y = LEFT + n % 4 * (WIDE / 4), TOP + HIGH + 31 + n // 4 * 15
        parts.append(f'<rect x="{x:.1f}" y="{y - 8}" width="9" height="9" fill="{COLOURS[n]}"/>')
        parts.append(f'<text x="{x + 13:.1f}" y="{y}">{escape(name)}</text>')
    return parts


def _axes(unit: str, *, top: float, span_s: float) -> list[str]:
    """Draw three lines with their values, and five moments below."""
    parts = []
    for n in range(3):
        y, value = TOP + HIGH * (1 - n / 2), escape(written(top * n / 2, unit))
        parts += [
            f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#888" stroke-opacity="0.3"/>',
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value}</text>',
        ]
    for n in range(5):
        x, minutes = LEFT + WIDE * n / 4, span_s * n / 4 / 60
        place = f'x="{x:.1f}" y="{TOP + HIGH + 14}" text-anchor="middle"'
        parts.append(f"<text {place}>{minutes:.3g} min</text>")
    return parts


def _runs(line: Sequence[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    """Return the pieces of a line between the moments at which there is no value."""
    runs: list[list[tuple[float, float]]] = [[]]
    for at, value in line:
        if math.isfinite(value):
            runs[-1].append((at, value))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _nice(value: float) -> float:
    """Return the next of 1, 2, 4, 5, 10 times a power of ten: an axis ends at a round number."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 5, 10) if step * power >= value * 0.999)
