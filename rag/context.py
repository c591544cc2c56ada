"""What of a ranking goes into an answer's context: nothing twice, and neighbours as one."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from rag.analysis import UNSPACED
from rag.documents import Part, Passage

#: Words of a shingle: long enough that order counts, short enough to survive an edit nearby.
SHINGLE = 3
#: A passage repeats another that holds this share of its shingles.
REPEATED_FROM = 0.8
#: Chunks that become one passage at most, so that no document looks like the whole context.
MOST_JOINED = 4

_Run = list[tuple[int, Passage]]  # neighbours in the document's order, each with its rank

# Scripts without blanks are compared by their characters.
_WORD = re.compile(rf"[{UNSPACED}]|[^\W_]+")


class Seen:
    """
    The texts chosen so far, to tell whether the next one says anything new.

    A text repeats an earlier one that contains it, as Broder 1997 defines containment ("On the
    Resemblance and Containment of Documents"): the share of its shingles, runs of three words, that
    the other holds too, letter case and punctuation aside. Resemblance, which is symmetric, would
    keep a paragraph that a longer passage quotes whole. A text with a number that the other lacks
    says something else, however alike the rest is.
    """

    def __init__(self) -> None:
        self._holders: dict[tuple[str, ...], list[int]] = {}
        self._words: list[frozenset[str]] = []
        self._names: list[str] = []

    def repeated(self, name: str, text: str) -> str | None:
        """Return the name of a text that holds *text* already; remembers a text that is new."""
        words = _WORD.findall(text.lower()) or [text]
        shingles = _shingles(words)
        shared = Counter(
            holder for shingle in shingles for holder in self._holders.get(shingle, ())
        )
        held = frozenset(words)
        for holder, count in shared.most_common():
            if count < REPEATED_FROM * len(shingles):
                break
            if not any(_is_number(word) for word in held - self._words[holder]):
                return self._names[holder]
        for shingle in shingles:
            self._holders.setdefault(shingle, []).append(len(self._names))
        self._names.append(name)
        self._words.append(held)
        return None


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
    """Tell whether two chunks may be one passage of *length* chunks."""
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
        parts=tuple(Part(one.chunk_id, one.start, one.end, one.score) for one in chunks),
    )


def _shingles(words: Sequence[str]) -> set[tuple[str, ...]]:
    """Return the runs of three words; a shorter text is one run."""
    if len(words) < SHINGLE:
        return {tuple(words)}
    return set(zip(*(words[at:] for at in range(SHINGLE)), strict=False))


def _is_number(word: str) -> bool:
    """Tell whether a word holds a digit or another sign for a number."""
    return any(character.isnumeric() for character in word)
