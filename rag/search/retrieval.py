"""Retrieval: both retrievers, one look at what is current, fusion, and the texts of the best."""

from collections.abc import Callable, Collection, Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rag.documents import Passage, split_chunk_id
from rag.metadata.filters import Filter
from rag.ports import Ranking, StoredChunk
from rag.reading_ports import CurrentLike, Visibility
from rag.search.candidates import NOT_WANTED, CandidateReader, Question, Texts, matches, visible
from rag.search.context import Seen, join_neighbours
from rag.search.explanation import RetrieverRanking, explain
from rag.search.feedback import VectorReader, completed, fed_back, promising
from rag.search.fusion import Evidence, evidence
from rag.search.modes import Mode
from rag.search.reranking import Reranking

Fuse = Callable[[Ranking, Ranking, Container[str]], Ranking]

#: Candidates whose texts are asked for beyond top_k, in case one is gone meanwhile.
SPARE = 5
#: What an answer lacks that is given while documents are on their way.
INGESTING = "ingesting"


@dataclass(frozen=True, slots=True)
class Found:
    """
    What a search found, best first, with what it cost and what was missing.

    *retrieve_ms* is everything but the embedding of the question; *dense_ms* and *sparse_ms* are
    what each retriever took, of all attempts together, *fuse_ms* what it took to make one ranking
    of them, *rerank_ms* to order that anew. Retrievers run beside each other, so their sum may be
    more than the whole. What was not asked took nothing.
    *dense_found* and *sparse_found* count the current candidates of each retriever, *documents*
    those of the collection, and *waiting* those that are on their way. *unmatched* tells that there
    was a filter which none of them matches, and *hints* what is wrong with it, in sentences.
    *cosines* are those of the chunks that the dense retriever found, to the question.
    """

    passages: list[Passage]
    degraded: list[str]
    embed_ms: float
    retrieve_ms: float
    trace: dict[str, Any] | None = None
    dense_ms: float = 0.0
    sparse_ms: float = 0.0
    fuse_ms: float = 0.0
    rerank_ms: float = 0.0
    dense_found: int = 0
    sparse_found: int = 0
    documents: int = 0
    waiting: int = 0
    unmatched: bool = False
    hints: Sequence[str] = ()
    cosines: Mapping[str, float] = field(default_factory=dict)


def still_current(
    visibility: Visibility, collection_id: str, passages: Sequence[Passage]
) -> list[Passage]:
    """Return the passages whose documents are still of the generation they were found in."""
    current = visibility.current(collection_id, sorted({p.document_id for p in passages}))
    return [
        p
        for p in passages
        if p.document_id in current and current[p.document_id].generation == p.generation
    ]


class Retriever:
    """
    Find the passages that answer a question, among current generations only.

    A search sees the old version of a document or the new one, never half and never both; how is
    told by `CandidateReader`.

    Args:
        reader: Reads the candidates.

        fuse: Makes one ranking of the evidence (dense, sparse, ids in a language the embedder does
            not know).

        reranking: Orders the best of a fused ranking anew; None leaves it as it is.

        languages: What the embedder was trained on, ISO 639-1; None means whatever there is.

        near: Where vectors lie that add to the dense retriever what it did not see; None leaves it.

        scale: What is told for a fused score, in the same order; None tells the score itself.
    """

    def __init__(
        self,
        reader: CandidateReader,
        *,
        fuse: Fuse,
        reranking: Reranking | None = None,
        languages: Collection[str] | None = None,
        vectors: VectorReader | None = None,
        scale: Callable[[float], float] | None = None,
    ) -> None:
        self._reader = reader
        self._clock = reader.clock
        self._fuse = fuse
        self._reranking = reranking
        self._languages = languages
        self._vectors = vectors
        self._scale = scale or _as_it_is

    def search(
        self,
        collection_id: str,
        query: str,
        *,
        top_k: int,
        mode: Mode = "hybrid",
        trace: bool = False,
        filters: Filter | None = None,
        for_context: bool = False,
        check: Callable[[], None] = lambda: None,
    ) -> Found:
        """
        Return the best *top_k* passages for *query*, of documents that *filters* let pass.

        *for_context* chooses what a question is answered from: a near-duplicate of a better passage
        gives its place to the next one, and chunks that are neighbours become one passage. *check*
        is called now and then where a search takes long; what it raises ends the search.

        Raises:
            EmbedderMismatch: Only the dense retriever was asked for, and its vectors are another
                model's.

            StoreUnavailable: They are, and the sparse retriever is not ready either.
        """
        began = self._clock()
        question = self._reader.question(query)
        proposed, current = self._reader.read(collection_id, question, mode, filters)
        asked = self._clock()
        dropped = dict(proposed.dropped)
        dense = visible(proposed.dense, proposed.live, dropped)[: self._reader.depth]
        sparse = visible(proposed.sparse, proposed.live, dropped)[: self._reader.depth]
        # Nothing to lean on: a replica without its sparse index ranks by meaning as well as it can.
        foreign = self._foreign([*dense, *sparse], current) if sparse else frozenset[str]()
        fuse: Fuse = self._fuse if mode == "hybrid" else _alone
        scale = self._scale if mode == "hybrid" else _as_it_is
        said = Evidence(dense, sparse)
        if mode == "hybrid":
            said = self._said(collection_id, question, dense, sparse, foreign)
        sums = fuse(*said, foreign)
        ranking = [(name, scale(score)) for name, score in sums]
        fused = self._clock()
        reranked: Ranking | None = []
        if self._reranking is not None and mode == "hybrid":
            first = ranking[: max(self._reranking.depth, top_k)]
            reranked = self._reranked(self._reranking, proposed.texts, query, first, check)
            if reranked is None:
                proposed.degraded.append("rerank")
        reordered = self._clock()
        ordered = _reordered(ranking, reranked or [])
        passages = self._chosen(
            proposed.texts, ordered, dropped, top_k=top_k, filters=filters, for_context=for_context
        )
        told = None
        if trace:
            # What a retriever gives alone is its part of the sum, told on the sum's scale.
            scaled = {name: scale(score) / score for name, score in sums if score}
            of_dense = [(n, part * scaled.get(n, 1.0)) for n, part in fuse(said.dense, [], foreign)]
            of_sparse = [
                (n, part * scaled.get(n, 1.0)) for n, part in fuse([], said.sparse, foreign)
            ]
            trace_of_retrievers = {
                "dense": RetrieverRanking(dense, dict(of_dense)),
                "sparse": RetrieverRanking(sparse, dict(of_sparse)),
            }
            told = explain(trace_of_retrievers, ranking, reranked or [], dropped)
            if proposed.told:
                told["filter"] = proposed.told
        return Found(
            passages=passages,
            degraded=proposed.degraded + ([INGESTING] if for_context and proposed.waiting else []),
            embed_ms=question.embed_ms,
            retrieve_ms=(self._clock() - began) * 1000 - question.embed_ms,
            trace=told,
            dense_ms=proposed.dense_ms,
            sparse_ms=proposed.sparse_ms,
            fuse_ms=(fused - asked) * 1000,
            rerank_ms=(reordered - fused) * 1000 if self._reranking is not None else 0.0,
            dense_found=len(dense),
            sparse_found=len(sparse),
            documents=proposed.documents,
            waiting=proposed.waiting,
            unmatched=filters is not None and proposed.complete and not dense,
            hints=proposed.hints,
            cosines=dict(dense),
        )

    def _said(
        self,
        collection_id: str,
        question: Question,
        dense: Ranking,
        sparse: Ranking,
        foreign: Container[str],
    ) -> Evidence:
        """Return the evidence of both retrievers; cosines of what only BM25 found are added."""
        if self._vectors is None or not dense:
            return evidence(dense, sparse)
        candidates = list(dict.fromkeys(name for name, _ in (*dense, *sparse)))
        names, vectors = self._vectors.vectors(collection_id, candidates)
        cosines = completed(dense, question.vector, names, vectors)
        if cosines is None:
            return evidence(dense, sparse)
        said = evidence(list(cosines.items()), sparse)
        first = self._fuse(*promising(said), foreign)
        drawn = fed_back(cosines, first, names, vectors, foreign)
        return evidence(list(drawn.items()), sparse)

    def _reranked(
        self,
        reranking: Reranking,
        texts: Texts,
        query: str,
        first: Ranking,
        check: Callable[[], None],
    ) -> Ranking | None:
        """Order the first candidates anew, those without a text left out; None if that failed."""
        stored = texts([name for name, _ in first])
        names = [name for name, _ in first if name in stored]
        passages = [stored[name].indexed for name in names]
        scores = reranking.scores(query, passages, check=check)
        if scores is None:
            return None
        # Equal scores keep the fused order.
        return sorted(zip(names, scores, strict=True), key=lambda one: -one[1])

    def _chosen(
        self,
        texts: Texts,
        ranking: Ranking,
        dropped: dict[str, str],
        *,
        top_k: int,
        filters: Filter | None,
        for_context: bool,
    ) -> list[Passage]:
        """Take the best *top_k* whose texts are there; notes what is passed over in *dropped*."""
        chosen: list[Passage] = []
        before: dict[str, str] = {}
        seen = Seen()
        at = 0
        while len(chosen) < top_k and at < len(ranking):
            batch = ranking[at : at + top_k + SPARE]
            at += len(batch)
            stored = texts([name for name, _ in batch])
            for name, score in batch:
                if len(chosen) == top_k:
                    break
                if name not in stored:
                    dropped[name] = "its text is gone"
                    continue
                if filters is not None and not matches(filters, stored[name]):
                    # Whatever a retriever took for a match: nothing that is excluded goes further.
                    dropped[name] = NOT_WANTED
                    continue
                chunk = stored[name].chunk
                if for_context and (held_by := seen.repeated(name, chunk.text)):
                    dropped[name] = f"near-duplicate of {held_by}"
                    continue
                chosen.append(_passage(stored[name], score))
                before[name] = chunk.before
        return join_neighbours(chosen, before) if for_context else chosen

    def _foreign(self, candidates: Ranking, current: Mapping[str, CurrentLike]) -> frozenset[str]:
        """Name the candidates in a language that the embedder does not know."""
        if self._languages is None:
            return frozenset()
        # What is in no language that anybody could tell is left to both retrievers.
        known = {"", *self._languages}
        foreign = {name for name, entry in current.items() if entry.language not in known}
        if not foreign:
            return frozenset()
        return frozenset(name for name, _ in candidates if name.rsplit(":", 2)[0] in foreign)


def _passage(stored: StoredChunk, score: float) -> Passage:
    """Make a passage of a stored chunk."""
    document_id, generation, n = split_chunk_id(stored.chunk_id)
    return Passage(
        chunk_id=stored.chunk_id,
        document_id=document_id,
        generation=generation,
        n=n,
        title=stored.title,
        text=stored.chunk.text,
        start=stored.chunk.start,
        end=stored.chunk.end,
        score=score,
        page=stored.chunk.page,
        metadata=stored.metadata,
        language=stored.language,
        context=stored.chunk.context,
        headers=stored.chunk.headers,
        page_label=stored.chunk.page_label,
        page_kind=stored.chunk.page_kind,
        section=stored.chunk.section,
        headings=stored.chunk.headings,
    )


def _reordered(ranking: Ranking, reranked: Ranking) -> Ranking:
    """Put what was reranked first; the others follow as they were, with nothing for a score."""
    if not reranked:
        return ranking
    scored = {name for name, _ in reranked}
    return reranked + [(name, 0.0) for name, _ in ranking if name not in scored]


def _as_it_is(score: float) -> float:
    """Return a score itself."""
    return score


def _alone(dense: Ranking, sparse: Ranking, _foreign: Container[str]) -> Ranking:
    """Fuse nothing: one of the two retrievers was not asked."""
    return dense or sparse
