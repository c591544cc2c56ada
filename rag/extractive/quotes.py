"""Which of the ranked candidates an answer quotes, and how it says them."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from rag.answers.citations import Citation
from rag.documents import Passage
from rag.extractive.candidates import Candidate, quoted
from rag.extractive.said import terms_of
from rag.extractive.scoring import Coverage
from rag.ports import Vectors
from rag.question_analysis.asked_for import asks_for_a_reason, lacks_what_is_asked, tells_a_reason
from rag.structure.sections import PARTED
from rag.text.lines import is_setting

MAX_QUOTES = 3
MAX_CHARACTERS = 700  # of the answer, markers included
QUOTE_FROM = 0.65  # of the best score: a weaker second or third quote is noise

#: Of prose without headings nobody can tell which sentence is it where several score alike: so far
#: below the best one may be, the less the more of the question the best has, the more it adds.
BELOW, SURE, NEW = 0.85, 0.1, 0.8
#: Words of the question that the quotes lack so far must weigh this share of it to be something.
ADDS = 0.05
#: Where the best one has all that was asked for, one that has less than this adds nothing.
WHOLE, LITTLE = 0.99, 0.45
#: The words that the best one holds itself must weigh this share, for another one to hold as much.
TOLD = 0.2
#: Two sentences of which this share of the words is the same say the same of two things.
ALIKE = 0.6
#: What parts questions for several things.
_SEVERAL = re.compile(
    r",\s|;|\?.*\?|\b(?:and|or|both|und|oder|sowie|y|o|et|ou|e|och|og)\b", re.IGNORECASE | re.DOTALL
)
#: How a question goes on from the one before it.
_GOING_ON = re.compile(r"^\W*(?:and|or|und|oder|y|o|et|ou|e|en|och|og)\s+", re.IGNORECASE)
_SENTENCE_ENDS = ".?!:\u2026\u3002\uff01\uff1f\"'\u201d\u2019)]"
_STOPS = tuple(":.?!\uff1a\uff1f\uff01\u3002")


@dataclass(frozen=True, slots=True)
class Quote:
    """
    A candidate that is quoted, and how an answer says it: *marked* has its marker.

    *lead* is what of its headings and its title the answer says first.
    """

    candidate: Candidate
    lead: str
    shown: str

    @property
    def marked(self) -> str:
        """How the answer says it, with its marker."""
        return f"{self.lead}{self.shown} [{self.candidate.source + 1}]"


class Choice:
    """
    Chooses the quotes of an answer: the best candidate, and others that say more than it does.

    Another one is left out where it stands under another heading or is of another document that
    lacks what the question names, where it says the same of something else, and where it is a row
    or a setting that holds less of the question. Where the passage has headings, it is left out as
    well unless it holds about as much of the question, or what the others lack. Of a section whose
    contents are asked for, all are quoted that hold as much of the question, and nothing else.

    Args:
        candidates: Which are compared.

        scores: Of each, float32 of shape (candidates,).

        coverage: Of each.

        question: What is asked; it may ask for several things.

        section: Which of them stand in the section whose contents are asked for; bool.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        scores: Vectors,
        coverage: Coverage,
        question: str,
        section: NDArray[np.bool_],
    ) -> None:
        self._question = question
        self._asked = frozenset(map(_bare, question.split()))
        self._several = _SEVERAL.search(_GOING_ON.sub("", question)) is not None
        self._why = asks_for_a_reason(question)
        self._candidates = candidates
        self._scores = scores
        self._own = coverage.own
        self._above = coverage.above
        self._held = coverage.own | coverage.above
        self._named = coverage.named
        self._light = coverage.light
        self._section = section
        self._weights = coverage.weights / (float(coverage.weights.sum()) or 1.0)

    def rows(self, order: NDArray[np.intp]) -> Iterator[int]:
        """Yield which candidates may be quoted, best first; *order* is that of all."""
        best = int(order[0])
        floor = QUOTE_FROM * float(self._scores.max())
        have = self._held[best].copy()
        yield best
        for row in order[1:].tolist():
            if self._section[best]:
                if self._section[row] and not (self._telling(best) & ~self._held[row]).any():
                    yield row
                continue
            near = self._scores[row] >= floor
            says = near and (self._continues(best, row) or self._says_more(best, row, have))
            if says or self._explains(best, row) or self._completes(best, row):
                have |= self._held[row]
                yield row

    def _continues(self, best: int, row: int) -> bool:
        """Return True if a candidate is the rest of the long sentence that the best one is of."""
        return _goes_on(self._candidates[best], self._candidates[row])

    def _explains(self, best: int, row: int) -> bool:
        """Return True if a candidate follows the best one, which has no reason as asked for."""
        first, one = self._candidates[best], self._candidates[row]
        return self._why and not tells_a_reason(first.text) and _is_next(first, one)

    def _completes(self, best: int, row: int) -> bool:
        """
        Return True if a candidate is the field of a form that the best one calls for.

        "Destination: Trondheim" tells which form it is, and not who travelled there.
        """
        first, one = self._candidates[best], self._candidates[row]
        added = self._own[row] & ~self._own[best]
        if not (added.any() and _of_one_form(first, one)):
            return False
        news = [word for word in first.shown.split() if _bare(word) not in self._asked]
        return lacks_what_is_asked(self._question, " ".join(news)) and not lacks_what_is_asked(
            self._question, one.shown
        )

    def is_told_elsewhere(self, row: int) -> bool:
        """Return True if another document says the same of something else."""
        one = self._candidates[row]
        return any(
            other.source != one.source and _alike(one, other)
            for other in self._candidates
            if abs(len(other.text) - len(one.text)) <= (1 - ALIKE) * len(one.text) + 1
        )

    def _says_more(self, best: int, row: int, have: NDArray[np.bool_]) -> bool:
        """Return True if a candidate says something that is asked for, beside the best one."""
        first, one = self._candidates[best], self._candidates[row]
        new = self._weight(self._held[row] & ~have)
        adds = new > ADDS
        lacks = bool((self._held[best] & ~self._held[row]).any())
        if first.path == one.path and _words(one) <= _words(first):
            return False
        if first.record and one.record:
            # Rows differ in a word or two, which may be those that were asked for.
            return (
                not lacks and self._weight(self._own[row]) >= self._weight(self._own[best]) - 1e-6
            )
        other = lacks and _alike(first, one) and not (self._several and adds)
        if other or (first.record and not adds):
            return False
        return self._is_beside(best, row, new)

    def _is_beside(self, best: int, row: int, new: float) -> bool:
        """Return True if a candidate says *new* things of the best one's subject."""
        first, one, adds = self._candidates[best], self._candidates[row], new > ADDS
        lacks = bool((self._held[best] & ~self._held[row]).any())
        # It stands under something else, or tells of something else than what was named.
        elsewhere = (self._above[best] & ~self._held[row]).any()
        unnamed = (self._own[best] & ~self._own[row] & self._named).any()
        apart = first.path != one.path and not self._several
        if (not adds and (elsewhere or unnamed)) or (lacks and apart):
            return False
        if first.sectioned:
            # What both stand under is no reason: the best one must hold something itself.
            below = not first.path or first.path == one.path
            told = self._weight(self._own[best]) > TOLD
            return adds or (below and told and not (self._own[best] & ~self._own[row]).any())
        whole = self._weight(self._held[best])
        if whole > WHOLE and not adds and self._weight(self._held[row]) < LITTLE:
            return False
        near = BELOW - SURE * whole + NEW * new
        return bool(self._scores[best] - self._scores[row] <= near)

    def _telling(self, row: int) -> NDArray[np.bool_]:
        """Return the words that a candidate holds and that are not light ones."""
        told: NDArray[np.bool_] = self._held[row] & ~self._light
        return told

    def _weight(self, held: NDArray[np.bool_]) -> float:
        """Return the share of the question that some of its words are."""
        return float(self._weights[held].sum())


def chosen(
    choice: Choice,
    order: NDArray[np.intp],
    candidates: Sequence[Candidate],
    passages: Sequence[Passage],
    wanted: frozenset[str],
) -> list[Quote]:
    """Return the quotes that fit the limits, each text and each place once."""
    quotes: list[Quote] = []
    seen: set[str] = set()
    room = MAX_CHARACTERS
    for row in choice.rows(order):
        passage = passages[candidates[row].source]
        one = quoted(candidates[row], passage)
        shown = one.shown
        lead = _lead(one, shown, passage, wanted, partial(choice.is_told_elsewhere, row))
        quote = Quote(one, lead, shown)
        length = len(quote.marked)
        if length >= room:
            quote, length = Quote(one, "", shown), length - len(lead)
        folded = f"{quote.lead}{shown}".lower()
        apart = all(
            one.source != other.candidate.source
            or one.end <= other.candidate.start
            or other.candidate.end <= one.start
            for other in quotes
        )
        if length < room and folded not in seen and apart:
            quotes.append(quote)
            seen.add(folded)
            room -= length + 1
        if len(quotes) == MAX_QUOTES:
            break
    return quotes


def citation(quote: Quote, passage: Passage) -> Citation:
    """Place a quote in the document's parsed text."""
    one = quote.candidate
    return Citation(
        marker=one.source + 1,
        source=one.source,
        start=passage.start + one.start,
        end=passage.start + one.end,
        quote=one.text,
        shown=quote.shown,
        heading=PARTED.join(one.path),
    )


def _lead(
    one: Candidate,
    shown: str,
    passage: Passage,
    wanted: frozenset[str],
    with_title: Callable[[], bool],
) -> str:
    """
    Return what an answer says before a quote: the headings with what was asked and it lacks.

    So is the title where it is asked *with_title*. The key that a setting stands under is always
    said.
    """
    key = bool(one.path) and one.record and is_setting(one.text)
    if not key and wanted.isdisjoint(one.above):
        return ""
    if not one.path and (wanted.isdisjoint(one.above - one.terms) or not with_title()):
        return ""
    lacking = wanted - terms_of(shown, passage.language)
    told: list[str] = []
    for at, words in enumerate((*one.path[::-1], passage.title)):  # the nearest first
        held = lacking & terms_of(words, passage.language) if words and lacking else frozenset()
        if at == len(one.path) and not (held and with_title()):
            break
        if held or (key and at == 0):
            told.append(words)
            lacking = lacking.difference(held)
    lead = PARTED.join(told[::-1])
    return f"{lead}{'' if lead.endswith(_STOPS) else ':'} " if lead else ""


def _alike(one: Candidate, other: Candidate) -> bool:
    """Return True if two candidates say the same, of one thing or of two."""
    mine, theirs = _words(one), _words(other)
    return len(mine & theirs) >= ALIKE * max(len(mine), len(theirs))


def _of_one_form(one: Candidate, other: Candidate) -> bool:
    """Return True if two candidates are fields of one form: lines `name: value` side by side."""
    together = one.source == other.source and one.path == other.path
    return together and is_setting(one.text) and is_setting(other.text)


def _goes_on(one: Candidate, other: Candidate) -> bool:
    """Return True if two candidates are a long sentence that was cut between them."""
    first, last = sorted((one, other), key=lambda each: each.start)
    cut = first.text[-1] not in _SENTENCE_ENDS and not (first.record or last.record)
    same = first.source == last.source and first.path == last.path
    return same and cut and 0 <= last.start - first.end <= 1


def _bare(word: str) -> str:
    """Return a word in small letters without the signs around it."""
    return word.strip(".,:;!?()[]\"'\u201c\u201d").lower()


def _is_next(one: Candidate, other: Candidate) -> bool:
    """Return True if a sentence follows another one in its paragraph."""
    same = one.source == other.source and one.path == other.path
    prose = not (one.record or other.record)
    return same and prose and 0 <= other.start - one.end <= 1


def _words(one: Candidate) -> frozenset[str]:
    """Return the words of a candidate."""
    return frozenset(one.text.lower().split())
