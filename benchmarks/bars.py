"""A bar chart as SVG, without a library."""

from collections.abc import Sequence
from html import escape

WIDTH, ROW, LEFT = 720, 26, 150


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
