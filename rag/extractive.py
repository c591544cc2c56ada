"""The generator without weights: it answers with the sentences that answer, quoted and cited."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray

from rag.analysis import query_alternatives
from rag.asked_for import NUMBER, NUMBER_WANTED
from rag.candidates import Candidate, quoted
from rag.candidates import candidates as candidates_of
from rag.citations import Citation
from rag.confidence import ALONE, ANSWERED_FROM, IN_PASSAGE, Evidence, confidence
from rag.documents import Part, Passage, indexed_text
from rag.ports import Embedder, SentenceReader, Vectors

MAX_PASSAGES = 5  # the gold passage is among the first five for 97 of 100 questions of SQuAD
MAX_QUOTES = 3
MAX_CHARACTERS = 700  # of the answer, markers included
MAX_EMBEDDED = 8  # sentences without a vector, the most promising by their words: it is slow
QUOTE_FROM = 0.7  # of the best score: a weaker second or third quote is noise
NAMED_CLAUSE = 0.5  # confidence at least where the clause is quoted that the question names

# Beside its words and its passage, what speaks for a sentence: that it has a number where one is
# asked for, and the words of the sentence before or after it.
NUMBER_THERE, NEIGHBOUR = 0.35, 0.2


_LIKELY_CLAUSE = 1  # of `Candidate.clause`: more is sure


@dataclass(frozen=True, slots=True)
class ExtractiveAnswer:
    """
    Quotes from the sources, each with its marker: `Sentence one. [1] Sentence two. [3]`.

    *confidence*, 0 to 1, says how likely the sources answer the question at all; *answered* is
    whether that is likely enough. Without it the quotes are the closest that was found.
    """

    text: str
    citations: tuple[Citation, ...]
    answered: bool
    confidence: float


class ExtractiveGenerator:
    """
    Answers with one to three sentences of the first five passages, word for word.

    A sentence is scored by its meaning (cosine to the question), by its words (share of the
    question's terms it holds, rare ones counting more), and for its passage (score relative to the
    best). The vectors of sentences were made with their passage's, so that nothing but the
    question is embedded; where a passage has none, title and lead-in are read with each sentence.
    Weights were fitted on half of SQuAD's articles and tried on the others.

    Args:
        embedder: A cached one makes questions cheap.

        near: Has the vectors of sentences; None: all are embedded.
    """

    def __init__(self, embedder: Embedder, near: SentenceReader | None = None) -> None:
        self._embedder = embedder
        self._near = near

    def answer(
        self,
        question: str,
        passages: Sequence[Passage],
        *,
        incarnation: str = "",
        asked: str = "",
    ) -> ExtractiveAnswer:
        """
        Quote what answers *question* from *passages*, which are in rank order.

        `[n]` is `passages[n - 1]`. Quotes are exact spans of the parsed text, at most 350 code
        points each, a longer sentence by clauses; the answer has at most 700, markers included.
        *asked* is the question alone where *question* has words of earlier turns: those need not
        be in the passages. Equal input gives equal output. Without text to quote the answer is
        empty, not answered.
        """
        read = passages[:MAX_PASSAGES]
        wanted = query_alternatives(question, {passage.language for passage in read})
        candidates = candidates_of(question, read, frozenset(chain.from_iterable(wanted)))
        if not candidates:
            return ExtractiveAnswer(text="", citations=(), answered=False, confidence=0.0)
        parts = [
            passages[one.source].chunk_at(passages[one.source].start + one.start)
            for one in candidates
        ]
        coverage = _coverage(candidates, wanted)
        prior = _priors(passages, parts)
        levels = np.array([one.clause for one in candidates])
        beside = NUMBER_THERE * _numbers(question, candidates)
        beside += NEIGHBOUR * _neighbours(candidates, coverage)
        vector = self._embedder.embed([question], truncate=True)[0]
        cosine, scale = self._known(vector, read, candidates, parts, incarnation), IN_PASSAGE
        if np.isnan(cosine).any():
            # The most promising of those that have no vector; the others are not looked at.
            unknown = np.flatnonzero(np.isnan(cosine))
            promise = levels[unknown] + coverage[unknown] + prior[unknown]
            first = unknown[np.argsort(-promise, kind="stable")[:MAX_EMBEDDED]]
            cosine[first] = self._cosines(vector, passages, [candidates[i] for i in first])
            kept = np.flatnonzero(~np.isnan(cosine))
            candidates = [candidates[i] for i in kept]
            levels, cosine, coverage, prior = (
                one[kept] for one in (levels, cosine, coverage, prior)
            )
            beside, scale = beside[kept], ALONE
        scores = scale.meaning * np.maximum(cosine, 0) + coverage + prior + beside
        # The clause that the question names goes before what only mentions it.
        order = np.lexsort((-scores, -levels))
        ranked = [candidates[i] for i in order[_says_more(order, candidates, scores, coverage)]]
        quotes = _chosen([quoted(one, passages[one.source]) for one in ranked])
        likely = confidence(
            Evidence(
                question=asked or question,
                passages=read,
                first=quotes[0],
                cosine=float(cosine[order[0]]),
                coverage=float(coverage.max()),
                scale=scale,
            )
        )
        if levels.max() > _LIKELY_CLAUSE:
            likely = max(likely, NAMED_CLAUSE)
        return ExtractiveAnswer(
            text=" ".join(_marked(quote) for quote in quotes),
            citations=tuple(_citation(quote, passages[quote.source]) for quote in quotes),
            answered=likely >= ANSWERED_FROM,
            confidence=round(likely, 3),
        )

    def _known(
        self,
        question: Vectors,
        passages: Sequence[Passage],
        candidates: Sequence[Candidate],
        parts: Sequence[Part],
        incarnation: str,
    ) -> Vectors:
        """Return the cosine of each candidate as its passage sees it; nan where nobody knows."""
        found = np.full(len(candidates), np.nan, dtype=np.float32)
        if self._near is None or not incarnation:
            return found
        chunks = [part.chunk_id for passage in passages for part in passage.chunks]
        near = self._near.sentences(incarnation, chunks, question)
        for row, (one, part) in enumerate(zip(candidates, parts, strict=True)):
            if part.chunk_id in near:
                place = passages[one.source].start - part.start
                found[row] = near[part.chunk_id].of(place + one.start, place + one.end)
        return found

    def _cosines(
        self, question: Vectors, passages: Sequence[Passage], candidates: Sequence[Candidate]
    ) -> Vectors:
        """Return the cosine of each candidate, read with its title and lead-in, to the question."""
        texts = [indexed_text(passages[one.source].title, one.read) for one in candidates]
        cosines: Vectors = self._embedder.embed(texts, truncate=True) @ question
        return cosines


def _coverage(candidates: Sequence[Candidate], wanted: Collection[tuple[str, ...]]) -> Vectors:
    """
    Return the share of the wanted words that each candidate holds by one of their stems, 0 to 1.

    A word weighs its BM25 idf among the candidates, so words that all of them share do not
    decide, and a word that none holds keeps every share below 1.
    """
    count = len(candidates)
    weights = {}
    for stems in sorted(set(wanted)):
        holders = sum(not one.terms.isdisjoint(stems) for one in candidates)
        weights[stems] = math.log(1 + (count - holders + 0.5) / (holders + 0.5))
    total = sum(weights.values()) or 1.0
    shares = [
        sum(weight for stems, weight in weights.items() if not one.terms.isdisjoint(stems)) / total
        for one in candidates
    ]
    return np.array(shares, dtype=np.float32)


def _priors(passages: Sequence[Passage], parts: Sequence[Part]) -> Vectors:
    """Return the score of each of *parts* relative to the best passage's, 0 to 1."""
    top = max(passage.score for passage in passages)
    scores = [max(part.score, 0.0) / top if top > 0 else 0.0 for part in parts]
    return np.array(scores, dtype=np.float32)


def _numbers(question: str, candidates: Sequence[Candidate]) -> Vectors:
    """Return 1 for each candidate with a number where the question asks for one, else 0."""
    asked = NUMBER_WANTED.search(question) is not None
    there = [asked and NUMBER.search(one.text) is not None for one in candidates]
    return np.array(there, dtype=np.float32)


def _neighbours(candidates: Sequence[Candidate], coverage: Vectors) -> Vectors:
    """Return the better coverage of the candidates before and after each in its passage, or 0."""
    found = np.zeros(len(candidates), dtype=np.float32)
    for row, (one, following) in enumerate(pairwise(candidates)):
        if one.source == following.source and not (one.record or following.record):
            found[row] = max(found[row], coverage[row + 1])
            found[row + 1] = coverage[row]
    return found


def _marked(quote: Candidate) -> str:
    """Write a quote with its marker."""
    return f"{quote.shown} [{quote.source + 1}]"


def _says_more(
    order: NDArray[np.intp], candidates: Sequence[Candidate], scores: Vectors, coverage: Vectors
) -> NDArray[np.bool_]:
    """
    Tell of the candidates in *order* which may be quoted beside the first, itself among them.

    Rows of a table differ in a word or two, which may be those that were asked for: a second one
    holds as much of the question as the first.
    """
    best = order[0]
    near = scores >= QUOTE_FROM * scores.max()
    near[best] = True
    if candidates[best].record:
        records = np.array([one.record for one in candidates])
        near &= ~records | (coverage >= coverage[best] - 1e-6)
    told: NDArray[np.bool_] = near[order]
    return told


def _chosen(ranked: Sequence[Candidate]) -> list[Candidate]:
    """Take the best candidates that fit the limits, each text and each place once."""
    chosen: list[Candidate] = []
    seen: set[str] = set()
    room = MAX_CHARACTERS
    for one in ranked:
        folded = " ".join(one.text.lower().split())
        length = len(_marked(one)) + 1
        apart = all(
            one.source != other.source or one.end <= other.start or other.end <= one.start
            for other in chosen
        )
        if length <= room and folded not in seen and apart:
            chosen.append(one)
            seen.add(folded)
            room -= length
        if len(chosen) == MAX_QUOTES:
            break
    return chosen


def _citation(quote: Candidate, passage: Passage) -> Citation:
    """Place a quote in the document's parsed text."""
    return Citation(
        marker=quote.source + 1,
        source=quote.source,
        start=passage.start + quote.start,
        end=passage.start + quote.end,
        quote=quote.text,
    )
