"""A bar chart as SVG, without a library."""

from collections.abc import Sequence
from html import escape

WIDTH, ROW, LEFT = 720, 26, 150
SERIES = ("#9db7d5", "#c9a26b", "#7fae8e", "#a58bbd", "#4a7db8", "#b9b9b9", "#8d8d8d")


def bars(title: str, rows: Sequence[tuple[str, float]]) -> str:
    """Return an SVG with one bar per row of name and value; light and dark backgrounds both do."""
    most = max((value for _, value in rows), default=1.0) or 1.0
    height = ROW * (len(rows) + 2)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}">',
        '<g font-family="sans-serif" font-size="13" fill="#888">',
        f'<text x="8" y="{ROW - 8}" font-weight="bold">{escape(title)}</text>',
    ]
    for n, (name, value) in enumerate(rows, start=1):
        y = n * ROW + 6
        length = round((WIDTH - LEFT - 90) * value / most, 1)
        lines += [
            f'<text x="8" y="{y + 13}">{escape(name)}</text>',
            f'<rect x="{LEFT}" y="{y}" width="{length}" height="{ROW - 8}" fill="#4a7db8"/>',
            f'<text x="{LEFT + length + 8}" y="{y + 13}">{value:,.0f}</text>',
        ]
    return "\n".join([*lines, "</g></svg>", ""])


def grouped_bars(title: str, groups: Sequence[tuple[str, Sequence[tuple[str, float]]]]) -> str:
    """
    Return an SVG with one group per name, and in it one bar per series and value from 0 to 1.

    A series has the same colour in every group and stands beside its bar by name. Bars are drawn to
    scale from 0, so that lengths compare.
    """
    names = list(dict.fromkeys(name for _, row in groups for name, _ in row))
    colour = {name: SERIES[n % len(SERIES)] for n, name in enumerate(names)}
    height = ROW * (2 + sum(len(row) + 1 for _, row in groups))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}">',
        '<g font-family="sans-serif" font-size="13" fill="#888">',
        f'<text x="8" y="{ROW - 8}" font-weight="bold">{escape(title)}</text>',
    ]
    y = ROW + 6
    for group, row in groups:
        lines.append(f'<text x="8" y="{y + 13}" font-weight="bold">{escape(group)}</text>')
        for name, value in row:
            y += ROW
            length = round((WIDTH - LEFT - 90) * value, 1)
            fill = f'fill="{colour[name]}"'
            lines += [
                f'<text x="16" y="{y + 13}">{escape(name)}</text>',
                f'<rect x="{LEFT}" y="{y}" width="{length}" height="{ROW - 8}" {fill}/>',
                f'<text x="{LEFT + length + 8}" y="{y + 13}">{value:.3f}</text>',
            ]
        y += ROW
    return "\n".join([*lines, "</g></svg>", ""])
