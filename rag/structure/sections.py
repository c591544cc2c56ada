"""The headings of a document: what each part of it stands under."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from rag.documents import ParsedDocument
from rag.text.plain import without_markup

#: Parts the headings of a path.
PARTED = " \u203a "
#: Code points of a heading that a path has, and headings of one: it is shown with each quote.
LONGEST, MOST = 120, 3

Heading = tuple[int, int, int]  # start, end, level


class Sections:
    """
    What each place of a document stands under.

    Args:
        document: Parsed.

        title: As the document is called; a heading of these words says nothing more.
    """

    def __init__(self, document: ParsedDocument, *, title: str) -> None:
        self._headings: list[Heading] = [
            (block.start, block.end, max(1, block.level))
            for block in document.blocks
            if block.kind == "heading"
        ]
        self._starts = [start for start, _, _ in self._headings]
        self._paths = self._all_paths(document.text, title)

    def at(self, start: int) -> str:
        """Return the path of headings above a place, one that begins there left out."""
        at = bisect_left(self._starts, start) - 1
        if at < 0:
            return ""
        level = self._headings[at + 1][2] if start in self._starts[at + 1 : at + 2] else None
        return PARTED.join(
            words for depth, words in self._paths[at] if level is None or depth < level
        )

    def within(self, start: int, end: int) -> tuple[Heading, ...]:
        """Return the headings that lie wholly in `text[start:end]`."""
        first = bisect_left(self._starts, start)
        last = bisect_right(self._starts, end)
        return tuple(one for one in self._headings[first:last] if one[1] <= end)

    def _all_paths(self, text: str, title: str) -> list[list[tuple[int, str]]]:
        """Return below each heading (level, words) of those that are open."""
        called = " ".join(title.split()).casefold()
        paths: list[list[tuple[int, str]]] = []
        path: list[tuple[int, str]] = []
        for start, end, level in self._headings:
            words = written(text[start:end])
            path = opened(path, level, "" if words.casefold() == called else words)
            paths.append([one for one in path if one[1]])
        return paths


def opened(path: Iterable[tuple[int, str]], level: int, words: str) -> list[tuple[int, str]]:
    """Return a path of (level, words) behind one more heading: the last few that are open."""
    return [*(one for one in path if one[0] < level), (level, words)][-MOST:]


def written(heading: str) -> str:
    """Return the words of a heading, a long one cut."""
    words = without_markup(heading).rstrip(": \uff1a")
    return words if len(words) <= LONGEST else words[: LONGEST - 1].rstrip() + "\u2026"


def parted(path: str) -> Sequence[str]:
    """Return the headings of a path that `Sections.at` wrote."""
    return path.split(PARTED) if path else ()
