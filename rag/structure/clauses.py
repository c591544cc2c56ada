"""Which pieces of a passage are the clause, section or step that a question names."""

import re
from collections.abc import Sequence

from rag.structure.clause_numbers import ENDS, Mark, Named, mark_of
from rag.text.lines import is_record

COLONS = (":", "\uff1a")

#: Of Markdown.
HEADING = re.compile(r"#{1,6}\s")
#: The first line of the next paragraph.
_NEXT = re.compile(r" *\n\s*\n\s*([^\n]+)")
_BULLET = re.compile(r"[-*+\u2022\u2023\u25aa\u25e6\u25cf\u2013](?=\s)")
#: Pieces of a clause that are looked at for what belongs to it.
_MOST_PIECES = 12
#: Words of a numbered title, its number with them.
_TITLE_WORDS = 7


class Clauses:
    """
    Which pieces of a text begin with the numbers that a question names.

    Args:
        text: A passage's.

        spans: Of its pieces, in order.

        asked: What the question names.
    """

    def __init__(self, text: str, spans: Sequence[tuple[int, int]], asked: Named) -> None:
        self._text = text
        self._spans = spans
        self._asked = asked
        self._marks = [mark_of(text[start:end]) for start, end in spans]
        self._levels = self._matched()

    def level(self, at: int) -> int:
        """Return how well piece number *at* is what was asked for; 0 where it is not."""
        return self._levels[at]

    def end(self, at: int, *, most: int) -> int:
        """Return where the clause that begins with a piece ends, within *most* code points."""
        start, end = self._spans[at]
        own = self._marks[at]
        for n in range(at + 1, min(at + _MOST_PIECES, len(self._spans))):
            first, last = self._spans[n]
            apart = self._text.count("\n", end, first) > 1
            following = self._marks[n]
            if last - start > most or HEADING.match(self._text, first, last):
                break
            if is_row(self._text[first:last]):
                break
            if following is not None and not (own and _is_within(following, own)):
                break
            # Beyond a blank line goes on what leads to something, and what has numbers below it.
            if apart and following is None and not leads(self._text[self._spans[n - 1][0] : end]):
                break
            end = last
        return end

    def _matched(self) -> list[int]:
        """Return how well each piece matches: more where its parent was named, too."""
        levels: list[int] = []
        above: list[Mark] = []
        for (start, end), mark in zip(self._spans, self._marks, strict=True):
            if mark is None:
                if HEADING.match(self._text, start, end):
                    above = []
                levels.append(0)
                continue
            while any(_is_level_with(mark, one) for one in above):
                above.pop()
            over = frozenset[str]().union(*(one.readings for one in above))
            levels.append(self._level(mark, within=bool(over & self._asked.labels)))
            above.append(mark)
        return levels

    def _level(self, mark: Mark, *, within: bool) -> int:
        """Return how well a piece matches; *within* a part that was named, too."""
        asked = self._asked.labels
        level = 1 + 2 * (within + bool(mark.inner & asked))
        if mark.kind.startswith("("):
            label = next(iter(mark.readings))
            if label in asked:
                return level + 1 if within or all(one.startswith("(") for one in asked) else 0
            digits = label[1:-1]
            return level + within if digits.isdigit() and digits in asked else 0
        if not mark.readings & asked:
            return 0
        same = mark.word and mark.kind in self._asked.words.lower()
        return level + mark.surely + same


def items_end(text: str, spans: Sequence[tuple[int, int]], at: int, *, most: int) -> int:
    """
    Return where the first items end that a lead-in has, as many as *most* code points hold.

    Items are marked alike; without marks it is what follows at once.
    """
    start, end = spans[at]
    own = mark_of(text[start:end])
    kind: str | None = None
    for first, last in spans[at + 1 : at + _MOST_PIECES]:
        marked = mark_of(text[first:last])
        bullet = _BULLET.match(text, first, last)
        mark = marked.kind if marked else bullet[0] if bullet else ""
        if last - start > most or (kind is not None and (mark != kind or not mark)):
            break
        if is_row(text[first:last]):
            break
        if marked and own and not _is_within(marked, own):
            break
        if not mark and text.count("\n", end, first) > 1:
            break
        kind, end = mark, last
    return end


def is_item(piece: str) -> bool:
    """Return True if a piece begins with the mark of a list."""
    return _BULLET.match(piece) is not None or mark_of(piece) is not None


def leads(piece: str) -> bool:
    """Return True if a piece with a number has its words still to come: a title, or a colon."""
    return piece.endswith(COLONS) or piece[-1] not in ENDS


def is_title(text: str, start: int, end: int) -> bool:
    """Return True if a piece is a short title with a number, and its text follows."""
    piece = text[start:end]
    if "\n" in piece or not piece[-1].isalnum() or len(piece.split()) > _TITLE_WORDS:
        return False
    before, after = text[:start].rstrip(" "), _NEXT.match(text, end)
    own = mark_of(piece)
    if own is None or after is None or (before and not before.endswith("\n\n")):
        return False
    following = mark_of(after[1])
    return following is None or _is_within(following, own)


def is_row(piece: str) -> bool:
    """Return True if a piece is a row of a table or another record, which is quoted alone."""
    return " | " in piece or is_record(piece)


def _is_level_with(mark: Mark, other: Mark) -> bool:
    """Return True if a mark ends what another one began."""
    if mark.word:
        return not other.word or mark.kind == other.kind
    dotted = mark.kind == other.kind == "1."
    return other.depth >= mark.depth if dotted else mark.kind == other.kind


def _is_within(mark: Mark, other: Mark) -> bool:
    """Return True if a mark numbers a part of what another one began."""
    if mark.word:
        return False
    if mark.kind == other.kind == "1.":
        return mark.depth > other.depth
    return mark.kind != other.kind and not (mark.kind == "1." and other.kind.endswith(")"))
