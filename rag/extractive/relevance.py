"""Relevance: the probability that one passage holds what a query asks for."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from heapq import nlargest
from itertools import chain
from typing import Final

from rag.documents import Passage
from rag.question_analysis.asked_for import told_by_kind
from rag.question_analysis.named_things import day_of_range
from rag.question_analysis.weighty_words import abbreviates, folded, holds, weighty_words
from rag.terms.identifiers import identifiers, missing

# Logistic regression on the six passages nearest to each of 1,660 queries of four sets, which weigh
# the same: questions about Wikipedia in English (250 of them unanswerable, with a quarter of the
# weight) and in Spanish, claims about papers, and engineers' questions. See docs/decisions/0052.
_BIAS: Final = -4.61
_COSINE: Final = 1.6
_SHARE: Final = 4.33
#: Of how much nearer the best passage is; and of the best, how much nearer than the second.
_BEHIND: Final = -3.97
_AHEAD: Final = 9.01
#: How much nearer the best is in the mean: for one beside which there is no other.
_USUAL_AHEAD: Final = 0.06
# Of the words of English questions alone: for a query that has none of weight; AUROC 0.79.
_BIAS_ALONE: Final = -6.31
_COSINE_ALONE: Final = 8.3
#: Cosine of a passage that nobody compared, because words alone were searched for.
_USUAL_COSINE: Final = 0.35
_DIGITS: Final = 4


def with_relevance(
    query: str,
    passages: Sequence[Passage],
    cosines: Mapping[str, float],
    *,
    beside: Iterable[float] = (),
) -> list[Passage]:
    """
    Return passages with their relevance, 0 to 1, which never rises from one to the next.

    It is made of the cosine, also beside those of the nearest ones, and of the share of the query's
    weighty words and figures that the passage holds, or the title of its document. Where the order
    of the passages says otherwise, they get the mean of those it disagrees about (pool adjacent
    violators; Ayer et al. 1955, "An Empirical Distribution Function for Sampling with Incomplete
    Information").

    Args:
        query: What was searched for.

        passages: Best first.

        cosines: Of chunks to the query; one that is missing is as far as the last of them.

        beside: Cosines of what was found in other collections by the same search.
    """
    languages = tuple(sorted({passage.language for passage in passages}))
    last = min(cosines.values(), default=_USUAL_COSINE)
    asked = _Asked(query, languages, nlargest(2, chain(cosines.values(), beside)))
    likely = [asked.likely(passage, cosines.get(passage.chunk_id, last)) for passage in passages]
    return [
        replace(passage, relevance=round(value, _DIGITS))
        for passage, value in zip(passages, _falling(likely), strict=True)
    ]


class _Asked:
    """What a query speaks of, looked for in passages."""

    def __init__(self, query: str, languages: Sequence[str], nearest: Sequence[float]) -> None:
        self._best = nearest[0] if nearest else _USUAL_COSINE
        self._ahead = nearest[0] - nearest[1] if nearest[1:] else _USUAL_AHEAD
        self._query = query
        self._languages = languages
        self._words = weighty_words(query, languages)
        self._figures = identifiers(query)

    def likely(self, passage: Passage, cosine: float) -> float:
        """Return how likely a passage has the answer."""
        share = self._share(passage)
        if share is None:
            return _logistic(_BIAS_ALONE + _COSINE_ALONE * cosine)
        behind = self._best - cosine
        place = _BEHIND * behind if behind > 0 else _AHEAD * self._ahead
        return _logistic(_BIAS + _COSINE * cosine + _SHARE * share + place)

    def _share(self, passage: Passage) -> float | None:
        """Return the share of words and figures that a passage holds; None where there are none."""
        text = f"{passage.title}\n{passage.section}\n{passage.context}\n{passage.text}"
        small = folded(text)
        lacking = missing(self._query, [text])
        figures = len(self._figures | lacking)  # names of functions are among the latter
        count = sum(word.weight for word in self._words) + figures
        if not count:
            return None
        there = sum(
            word.weight
            for word in self._words
            if holds(small, word, self._languages)
            or told_by_kind(word.text, passage.text)
            or abbreviates(word, [text])
            or day_of_range(word.text, [small])
        )
        return (there + figures - len(lacking)) / count


def _falling(values: Sequence[float]) -> list[float]:
    """Return the values nearest to *values*, by squares, of which none is above the one before."""
    pools: list[tuple[float, int]] = []
    for value in values:
        total, count = value, 1
        while pools and pools[-1][0] / pools[-1][1] < total / count:
            before = pools.pop()
            total, count = total + before[0], count + before[1]
        pools.append((total, count))
    return [total / count for total, count in pools for _ in range(count)]


def _logistic(value: float) -> float:
    """Return the probability of log odds."""
    return 1 / (1 + math.exp(-value))
