"""The order in which what stands on a slide is read: by place, columns whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

_MOST_CUT = 200  # pieces; more are read from top to bottom
_MARGIN = 0.1  # of a box's own size on each side: boxes are larger than what is written in them
_MOST_MARGIN = 0.01  # of the whole: large boxes have no larger margins


@dataclass(frozen=True, slots=True)
class Placed(Generic[T]):
    """Something with its box; units do not matter."""

    what: T
    x: float
    y: float
    width: float
    height: float


def in_reading_order(pieces: Sequence[Placed[T]]) -> list[T]:
    """
    Return *pieces* as they are read: cut in two at the widest gap, again and again.

    A gap across parts rows, a gap down parts columns (the XY cut: Nagy and Seth, 1984). What no
    gap parts is read from top to bottom and then from left to right.
    """
    if not pieces:
        return []
    if len(pieces) > _MOST_CUT:
        return [piece.what for piece in sorted(pieces, key=lambda p: (p.y, p.x))]
    widest = max(p.x + p.width for p in pieces) - min(p.x for p in pieces)
    highest = max(p.y + p.height for p in pieces) - min(p.y for p in pieces)
    most = max(widest, highest) * _MOST_MARGIN
    out: list[T] = []
    stack = [list(pieces)]
    while stack:
        group = stack.pop()
        across = _gap([(p.y, p.height) for p in group], most)
        down = _gap([(p.x, p.width) for p in group], most)
        gap, at = max(across, down)
        if len(group) == 1 or gap <= 0:
            out.extend(p.what for p in sorted(group, key=lambda p: (p.y, p.x)))
            continue
        rows = across >= down
        first = [p for p in group if (p.y + p.height / 2 if rows else p.x + p.width / 2) < at]
        last = [p for p in group if (p.y + p.height / 2 if rows else p.x + p.width / 2) >= at]
        stack.extend([last, first] if first and last else [[p] for p in reversed(group)])
    return out


def _gap(spans: list[tuple[float, float]], most: float) -> tuple[float, float]:
    """Return the widest gap between *spans* of (start, size), and where its middle is."""
    edges = []
    for start, size in spans:
        margin = min(size * _MARGIN, most)
        edges.append((start + margin, start + size - margin))
    edges.sort()
    best = (0.0, 0.0)
    reached = edges[0][1]
    for start, end in edges[1:]:
        if start - reached > best[0]:
            best = (start - reached, (start + reached) / 2)
        reached = max(reached, end)
    return best
