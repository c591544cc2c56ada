"""The extractive generator: it answers with sentences of the passages, quoted and cited."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from rag.answers.citations import Citation
from rag.documents import Part, Passage, indexed_text
from rag.extractive.candidates import Candidate
from rag.extractive.candidates import candidates as candidates_of
from rag.extractive.confidence import ALONE, ANSWERED_FROM, IN_PASSAGE, Evidence, confidence
from rag.extractive.named_sections import in_named_section
from rag.extractive.quotes import Choice, chosen, citation
from rag.extractive.said import as_term
from rag.extractive.scoring import (
    DEFINES,
    KIND_THERE,
    NEIGHBOUR,
    Coverage,
    definitions,
    kinds,
    neighbours,
    priors,
)
from rag.ports import Embedder, Vectors
from rag.reading_ports import SentenceReader
from rag.sentence_codes import SentenceCosines
from rag.terms.identifiers import identifiers
from rag.terms.query_terms import query_alternatives

MAX_PASSAGES = 5  # the gold passage is among the first five for 97 of 100 questions of SQuAD
MAX_EMBEDDED = 8  # sentences without a vector, the most promising by their words: it is slow
UNLIKELY, UNSURE = 0.1, 0.3  # confidences below which one or two of the closest are shown
NAMED = 0.5  # confidence at least where the clause or section is quoted that the question names

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

    def __init__(self, embedder: Embedder, sentences: SentenceReader | None = None) -> None:
        self._embedder = embedder
        self._sentences = sentences

    def answer(
        self,
        question: str,
        passages: Sequence[Passage],
        *,
        collection_id: str = "",
        topic: str = "",
    ) -> ExtractiveAnswer:
        """
        Quote what answers *question* from *passages*, which are in rank order.

        `[n]` is `passages[n - 1]`. Quotes are exact spans of the parsed text, at most 350 code
        points each, a longer sentence by clauses; the answer has at most 700, markers included.
        *topic* are words of earlier questions, for what *question* leaves out: they count for
        less, and need not be in the passages. Equal input gives equal output. Without text to quote
        the answer is empty, not answered.
        """
        read = passages[:MAX_PASSAGES]
        languages = {passage.language for passage in read}
        wanted = query_alternatives(question, languages)
        before = [one for one in query_alternatives(topic, languages) if one not in wanted]
        candidates = candidates_of(question, read, frozenset(chain.from_iterable(wanted)))
        if not candidates:
            return ExtractiveAnswer(text="", citations=(), answered=False, confidence=0.0)
        parts = _parts(read, candidates)
        names = {as_term(name) for name in identifiers(question)}
        coverage = Coverage(candidates, wanted, names, languages, before=before)
        prior = priors(passages, parts)
        levels = np.array([one.clause for one in candidates])
        section = in_named_section(question, candidates, read)
        held = coverage.shares_with_above
        beside = KIND_THERE * kinds(question, candidates)
        beside += DEFINES * definitions(question, candidates)
        beside += NEIGHBOUR * neighbours(candidates, coverage.shares, held)
        read_with = question if coverage.answers_itself else f"{question} {topic}".strip()
        vector = self._embedder.embed([read_with], truncate=True)[0]
        cosine, scale = self._known(vector, read, candidates, parts, collection_id), IN_PASSAGE
        if np.isnan(cosine).any():
            # The most promising of those that have no vector; the others are not looked at.
            unknown = np.flatnonzero(np.isnan(cosine))
            promise = levels[unknown] + section[unknown] + held[unknown] + prior[unknown]
            first = unknown[np.argsort(-promise, kind="stable")[:MAX_EMBEDDED]]
            cosine[first] = self._cosines(vector, passages, [candidates[i] for i in first])
            kept = np.flatnonzero(~np.isnan(cosine))
            candidates = [candidates[i] for i in kept]
            levels, cosine, held, prior = (one[kept] for one in (levels, cosine, held, prior))
            coverage = coverage.of(kept)
            beside, section, scale = beside[kept], section[kept], ALONE
        scores = scale.meaning * np.maximum(cosine, 0) + held + prior + beside
        # The clause or the section that the question names goes before what only mentions it.
        order = np.lexsort((-scores, ~section, -levels))
        wanted_terms = frozenset(chain.from_iterable(wanted))
        choice = Choice(candidates, scores, coverage, question, section)
        quotes = chosen(choice, order, candidates, passages, wanted_terms)
        likely = confidence(
            Evidence(
                question=question,
                passages=read,
                first=quotes[0].candidate,
                cosine=float(cosine[order[0]]),
                scale=scale,
                others=[quote.shown for quote in quotes[1:]],
            )
        )
        if levels.max() > _LIKELY_CLAUSE or section[order[0]]:
            likely = max(likely, NAMED)
        if likely < UNSURE:
            quotes = quotes[: 1 if likely < UNLIKELY else 2]
        return ExtractiveAnswer(
            text=" ".join(quote.marked for quote in quotes),
            citations=tuple(citation(quote, passages[quote.candidate.source]) for quote in quotes),
            answered=likely >= ANSWERED_FROM,
            confidence=round(likely, 3),
        )

    def _known(
        self,
        question: Vectors,
        passages: Sequence[Passage],
        candidates: Sequence[Candidate],
        parts: Sequence[Part],
        collection_id: str,
    ) -> Vectors:
        """Return the cosine of each candidate's sentence vector to the question, or nan."""
        found = np.full(len(candidates), np.nan, dtype=np.float32)
        if self._sentences is None or not collection_id:
            return found
        near: dict[str, SentenceCosines] = {}
        for other in dict.fromkeys(passage.collection_id for passage in passages):
            chunks = [
                part.chunk_id
                for passage in passages
                if passage.collection_id == other
                for part in passage.chunks
            ]
            near |= self._sentences.sentences(other or collection_id, chunks, question)
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


def _parts(passages: Sequence[Passage], candidates: Sequence[Candidate]) -> list[Part]:
    """Return the chunk that each candidate lies in."""
    alone = [one.chunks[0] if len(one.parts) < 2 else None for one in passages]  # noqa: PLR2004
    return [
        alone[one.source] or passages[one.source].chunk_at(passages[one.source].start + one.start)
        for one in candidates
    ]
