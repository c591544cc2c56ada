"""The context of an answer: ranked chunks without near-duplicates, neighbours joined."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from rag.documents import Passage
from rag.terms.analysis import UNSPACED

#: Words of a shingle: long enough that order counts, short enough to survive an edit nearby.
SHINGLE = 3
#: A passage repeats another that holds this share of its shingles.
REPEATED_FROM = 0.8
#: With more new words than this share its shingles need not be compared, which is slower.
MOST_NEW_WORDS = 0.4
#: Chunks that become one passage at most, so that no document looks like the whole context.
MOST_JOINED = 4

_Run = list[tuple[int, Passage]]  # neighbours in the document's order, each with its rank

# Scripts without blanks are compared by their characters. Most texts have none of them, and are
# read in two thirds of the time.
_UNSPACED = re.compile(f"[{UNSPACED}]")
_WORD = re.compile(rf"[{UNSPACED}]|[^\W_]+")
_SPACED_WORD = re.compile(r"[^\W_]+")
_ASCII_WORD = re.compile("[a-z0-9]+")


class Seen:
    """
    The texts chosen so far, to tell whether the next one says anything new.

    A text repeats an earlier one that contains it, as Broder 1997 defines containment ("On the
    Resemblance and Containment of Documents"): the share of its shingles, runs of three words, that
    the other holds too, letter case and punctuation aside. Resemblance, which is symmetric, would
    keep a paragraph that a longer passage quotes whole. Repeats count, unlike there: a page that
    differs from another by a name in every sentence tells of something else. So does a text with a
    number that the other lacks, however alike the rest is.
    """

    def __init__(self) -> None:
        self._texts: list[_Text] = []

    def repeated(self, name: str, text: str) -> str | None:
        """Return the name of a text that holds *text* already; remembers a text that is new."""
        new = _Text(name, _words(text.lower()) or [text])
        for other in self._texts:
            if new.is_held_by(other):
                return other.name
        self._texts.append(new)
        return None


class _Text:
    """A text as its words, and as its shingles once they are asked for: most texts share little."""

    def __init__(self, name: str, words: list[str]) -> None:
        self.name = name
        self.words = frozenset(words)
        self._in_order = words

    @cached_property
    def shingles(self) -> Counter[tuple[str, ...]]:
        """How often each run of three words is there; a shorter text is one run."""
        words = self._in_order
        if len(words) < SHINGLE:
            return Counter({tuple(words): 1})
        return Counter(zip(*(words[at:] for at in range(SHINGLE)), strict=False))

    def is_held_by(self, other: "_Text") -> bool:
        """Return True if *other* says all this."""
        only_here = self.words - other.words
        if len(only_here) > MOST_NEW_WORDS * len(self.words):
            return False
        if any(_is_number(word) for word in only_here):
            return False
        shared = (self.shingles & other.shingles).total()
        return shared >= REPEATED_FROM * self.shingles.total()


def join_neighbours(passages: Sequence[Passage], before: Mapping[str, str]) -> list[Passage]:
    """
    Make one passage of chunks that follow each other in a document, at most four.

    The text between two chunks is white space, which belongs to the whole: its text stays exactly
    the parsed text's span. Where that white space is not known, the two stay apart.

    Args:
        passages: Best first, one chunk each, none twice.

        before: Of each chunk's id, the white space between it and the chunk before.

    Returns:
        Passages in the order of their best chunks.
    """
    runs: dict[tuple[str, int, int], _Run] = {}
    for rank, passage in enumerate(passages):
        run = [(rank, passage)]
        place = (passage.document_id, passage.generation)
        earlier = runs.get((*place, passage.n - 1), [])
        if earlier and _follows(passage, earlier[-1][1], before, len(earlier) + 1):
            run = earlier + run
        later = runs.get((*place, passage.n + 1), [])
        if later and _follows(later[0][1], passage, before, len(run) + len(later)):
            run = run + later
        runs |= {(*place, one.n): run for _, one in run}
    by_best = {min(rank for rank, _ in run): run for run in runs.values()}
    return [_joined(by_best[best], passages[best], before) for best in sorted(by_best)]


def _follows(second: Passage, first: Passage, before: Mapping[str, str], length: int) -> bool:
    """Return True if two chunks may be one passage of *length* chunks."""
    known = second.start - first.end == len(before[second.chunk_id])
    return known and length <= MOST_JOINED


def _joined(run: _Run, best: Passage, before: Mapping[str, str]) -> Passage:
    """Make one passage of chunks in the document's order."""
    if len(run) == 1:
        return best
    chunks = [passage for _, passage in run]
    return replace(
        best,
        start=chunks[0].start,
        end=chunks[-1].end,
        text=chunks[0].text + "".join(before[one.chunk_id] + one.text for one in chunks[1:]),
        page=chunks[0].page,
        page_label=chunks[0].page_label,
        page_kind=chunks[0].page_kind,
        context=chunks[0].context,
        headers=tuple(span for one in chunks for span in one.headers),
        section=chunks[0].section,
        headings=tuple(span for one in chunks for span in one.headings),
        parts=tuple(part for one in chunks for part in one.chunks),
    )


def _words(text: str) -> list[str]:
    """Return the words of a text in small letters, in order."""
    if text.isascii():
        return _ASCII_WORD.findall(text)
    return (_WORD if _UNSPACED.search(text) else _SPACED_WORD).findall(text)


def _is_number(word: str) -> bool:
    """Return True if a word holds a digit or another sign for a number."""
    return any(character.isnumeric() for character in word)
