"""Retrieval: both legs, one look at what is current, fusion, and the texts of the best."""

import threading
from collections.abc import Callable, Collection, Container, Mapping, Sequence
from concurrent.futures import Executor
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, TypeVar

from cachetools import LRUCache

from rag.context import Seen, join_neighbours
from rag.documents import Passage, indexed_text, split_chunk_id
from rag.errors import EmbedderMismatch, StoreUnavailable
from rag.filtered_search import nearest_matching
from rag.filters import Filter, facts, holds
from rag.ports import (
    ChunkReader,
    CurrentLike,
    Edition,
    Embedder,
    EmbedderIdentity,
    Look,
    Ranking,
    SparseReader,
    StoredChunk,
    Vectors,
    VectorStore,
    Visibility,
)
from rag.reranking import Reranking
from rag.smoothing import DEPTH, VectorReader, smoothed

T = TypeVar("T")

Texts = Callable[[Sequence[str]], dict[str, StoredChunk]]
Mode = Literal["hybrid", "dense", "sparse"]
Fuse = Callable[[Ranking, Ranking, Container[str]], Ranking]

#: Candidates whose texts are asked for beyond top_k, in case one is gone meanwhile.
SPARE = 5
#: PROTOCOL: a flip during the legs starts them again, at most this often.
TRIES = 3
#: Where replaced generations crowd a leg, it is asked for up to this many times its depth.
MOST_DEPTH = 64
#: Legs older than this start again: their ids may be garbage by now.
STALE_S = 60.0

#: Parts of a score add up but for this.
ROUNDING = 1e-9

NOT_WANTED = "does not match the filter"


@dataclass(frozen=True, slots=True)
class Found:
    """
    What a search found, best first, with what it cost and what was missing.

    *retrieve_ms* is everything but the embedding of the question; *dense_ms* and *sparse_ms* are
    what each leg took, of all attempts together, *fuse_ms* what it took to make one ranking of
    them, *rerank_ms* to order that anew. Legs run beside each other, the sparse one beside the
    embedding too, so their sum may be more than the whole. What was not asked took nothing.
    *dense_found* and *sparse_found* count the current candidates of each leg.
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


@dataclass(slots=True)
class _Legs:
    """
    One attempt's candidates; what the catalogue says of them is not looked at yet.

    *texts* reads chunks of the edition of the vectors that the dense leg searched.
    """

    texts: Texts
    edition: str
    dense: Ranking = field(default_factory=list)
    sparse: Ranking = field(default_factory=list)
    degraded: list[str] = field(default_factory=list)
    dropped: dict[str, str] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)  # how a filter was kept, for the trace
    dense_ms: float = 0.0
    sparse_ms: float = 0.0


class _Question:
    """A question, whose vector is made when it is first asked for."""

    def __init__(
        self, text: str, embed: Callable[[str], Vectors], clock: Callable[[], float]
    ) -> None:
        self.text = text
        self.embed_ms = 0.0
        self._embed = embed
        self._clock = clock
        self._vector: Vectors | None = None

    @property
    def vector(self) -> Vectors:
        """Its vector, of shape (d,)."""
        if self._vector is None:
            began = self._clock()
            self._vector = self._embed(self.text)
            self.embed_ms = (self._clock() - began) * 1000
        return self._vector


class ChunkTexts:
    """
    Chunks near the searcher, without invalidation: a chunk never changes under its id.

    Args:
        near: Asked first, the replica beside the searcher.

        store: Asked for what is not there either.

        most: Chunks kept, the least recently used out first.
    """

    def __init__(self, near: ChunkReader, store: VectorStore, *, most: int = 20_000) -> None:
        self._near = near
        self._store = store
        self._kept: LRUCache[tuple[str, str], StoredChunk] = LRUCache(most)
        # Searches run in many threads, and even a look changes the order of the cache.
        self._lock = threading.Lock()

    def get(
        self, incarnation: str, chunk_ids: Sequence[str], *, edition: str
    ) -> dict[str, StoredChunk]:
        """Return the chunks that exist, by id; *edition* is where the vector store has them."""
        with self._lock:
            found = {
                chunk_id: chunk
                for chunk_id in chunk_ids
                if (chunk := self._kept.get((incarnation, chunk_id))) is not None
            }
        missing = [chunk_id for chunk_id in chunk_ids if chunk_id not in found]
        if missing:
            fetched = self._near.chunks(incarnation, missing)
            if elsewhere := [chunk_id for chunk_id in missing if chunk_id not in fetched]:
                fetched |= self._store.get(edition, elsewhere)
            with self._lock:
                for chunk_id, chunk in fetched.items():
                    self._kept[incarnation, chunk_id] = chunk
            found |= fetched
        return found


def still_current(visibility: Visibility, incarnation: str, passages: Sequence[Passage]) -> bool:
    """Tell whether every passage is of a generation that people read now."""
    current = visibility.current(incarnation, sorted({p.document_id for p in passages}))
    return all(
        p.document_id in current and current[p.document_id].generation == p.generation
        for p in passages
    )


class Retriever:
    """
    Find the passages that answer a question, among current generations only.

    A search sees the old version of a document or the new one, never half and never both: the
    legs are read first, then the catalogue once; where a candidate flipped meanwhile, the legs
    start again. All of an attempt's reads of vectors and texts are of one edition of the vectors,
    and a question's vector is never compared with vectors of another embedder: then the sparse leg
    answers alone, and says so.

    Args:
        embedder: Of the question.

        vectors: The dense leg.

        sparse: The sparse leg of this replica.

        visibility: What is current.

        texts: Where the chunks' texts come from.

        fuse: Makes one ranking of (dense, sparse, ids in a language the embedder does not know).

        depth: Candidates taken from each leg.

        clock: Seconds, monotonic.

        reranking: Orders the best of a fused ranking anew; None leaves it as it is.

        languages: What the embedder was trained on, ISO 639-1; None means whatever there is.

        near: Where the vectors lie that smooth the fused ranking; None leaves it as it is.

        beside: Runs the sparse leg while this thread embeds the question and asks the dense one;
            None asks one after the other.
    """

    def __init__(
        self,
        *,
        embedder: Embedder,
        vectors: VectorStore,
        sparse: SparseReader,
        visibility: Visibility,
        texts: ChunkTexts,
        fuse: Fuse,
        depth: int,
        clock: Callable[[], float],
        reranking: Reranking | None = None,
        languages: Collection[str] | None = None,
        near: VectorReader | None = None,
        beside: Executor | None = None,
    ) -> None:
        self._embedder = embedder
        self._vectors = vectors
        self._sparse = sparse
        self._visibility = visibility
        self._texts = texts
        self._fuse = fuse
        self._depth = depth
        self._clock = clock
        self._reranking = reranking
        self._languages = languages
        self._near = near
        self._beside = beside

    @property
    def identity(self) -> EmbedderIdentity:
        """What embeds the questions."""
        return self._embedder.identity

    def search(
        self,
        incarnation: str,
        query: str,
        *,
        top_k: int,
        mode: Mode = "hybrid",
        trace: bool = False,
        wanted: Filter | None = None,
        for_context: bool = False,
        check: Callable[[], None] = lambda: None,
    ) -> Found:
        """
        Return the best *top_k* passages for *query*, of documents that are *wanted*.

        *for_context* chooses what a question is answered from: a near-duplicate of a better passage
        gives its place to the next one, and chunks that are neighbours become one passage. *check*
        is called now and then where a search takes long; what it raises ends the search.

        Raises:
            EmbedderMismatch: Only the dense leg was asked for, and its vectors are another model's.

            StoreUnavailable: They are, and the sparse leg is not ready either.
        """
        began = self._clock()
        question = _Question(query, self._embed, self._clock)
        legs, current = self._read(incarnation, question, mode, wanted)
        asked = self._clock()
        dropped = dict(legs.dropped)
        dense = _visible(legs.dense, current, dropped)[: self._depth]
        sparse = _visible(legs.sparse, current, dropped)[: self._depth]
        # Nothing to lean on: a replica without its sparse index ranks by meaning as well as it can.
        foreign = self._foreign([*dense, *sparse], current) if sparse else frozenset[str]()
        ranking = dense or sparse
        if mode == "hybrid":
            ranking = self._smoothed(incarnation, self._fuse(dense, sparse, foreign), foreign)
        fused = self._clock()
        reranked: Ranking | None = []
        if self._reranking is not None and mode == "hybrid":
            first = ranking[: max(self._reranking.depth, top_k)]
            reranked = self._reranked(self._reranking, legs.texts, query, first, check)
            if reranked is None:
                legs.degraded.append("rerank")
        reordered = self._clock()
        ordered = _reordered(ranking, reranked or [])
        passages = self._chosen(
            legs.texts, ordered, dropped, top_k=top_k, wanted=wanted, for_context=for_context
        )
        told = None
        if trace:
            # What a leg gives alone is its part of the sum.
            fuse = self._fuse if mode == "hybrid" else _alone
            legs_told = {
                "dense": _Leg(dense, dict(fuse(dense, [], foreign))),
                "sparse": _Leg(sparse, dict(fuse([], sparse, foreign))),
            }
            told = _trace(legs_told, ranking, reranked or [], dropped)
            if legs.told:
                told["filter"] = legs.told
        return Found(
            passages=passages,
            degraded=legs.degraded,
            embed_ms=question.embed_ms,
            retrieve_ms=(self._clock() - began) * 1000 - question.embed_ms,
            trace=told,
            dense_ms=legs.dense_ms,
            sparse_ms=legs.sparse_ms,
            fuse_ms=(fused - asked) * 1000,
            rerank_ms=(reordered - fused) * 1000 if self._reranking is not None else 0.0,
            dense_found=len(dense),
            sparse_found=len(sparse),
        )

    def still_current(self, incarnation: str, passages: Sequence[Passage]) -> bool:
        """Tell whether every passage is of a generation that people read now."""
        return still_current(self._visibility, incarnation, passages)

    def _smoothed(self, incarnation: str, ranking: Ranking, foreign: Container[str]) -> Ranking:
        """Smooth the first of a fused ranking over what is alike, where vectors are at hand."""
        if self._near is None:
            return ranking
        # Of an older edition than the dense leg's they may be; how near two chunks are, they tell.
        names, vectors = self._near.vectors(incarnation, [name for name, _ in ranking[:DEPTH]])
        return smoothed(ranking, names, vectors, foreign)

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
        passages = [indexed_text(stored[name].title, stored[name].chunk.text) for name in names]
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
        wanted: Filter | None,
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
                if wanted is not None and not _matches(wanted, stored[name]):
                    # Whatever a leg took for a match: nothing that is excluded goes further.
                    dropped[name] = NOT_WANTED
                    continue
                chunk = stored[name].chunk
                if for_context and (held_by := seen.repeated(name, chunk.text)):
                    dropped[name] = f"near-duplicate of {held_by}"
                    continue
                chosen.append(_passage(stored[name], score))
                before[name] = chunk.before
        return join_neighbours(chosen, before) if for_context else chosen

    def _embed(self, text: str) -> Vectors:
        """Return the vector of a question, of shape (d,)."""
        vector: Vectors = self._embedder.embed([text], truncate=True)[0]
        return vector

    def _read(
        self, incarnation: str, question: _Question, mode: Mode, wanted: Filter | None
    ) -> tuple[_Legs, Mapping[str, CurrentLike]]:
        """Read legs and catalogue so that they agree (PROTOCOL, Reader, steps 1 to 4)."""
        attempt, depth = 1, self._depth
        dense_ms = sparse_ms = 0.0
        while True:
            began = self._clock()
            look = self._visibility.look(incarnation)
            edition = look.edition
            texts = partial(self._texts.get, incarnation, edition=edition.name)
            legs = _Legs(texts, edition.name, dense_ms=dense_ms, sparse_ms=sparse_ms)
            dense = self._comparable(edition, mode, legs)
            if wanted is None:
                self._ask(legs, incarnation, question, mode, look=look, dense=dense, limit=depth)
            else:
                self._ask_filtered(
                    legs, incarnation, question, mode,
                    look=look, dense=dense, wanted=wanted, limit=depth,
                )  # fmt: skip
                # The replica's own vectors may be of an edition that has come since.
                dense_ms, sparse_ms = legs.dense_ms, legs.sparse_ms
                changed = self._visibility.edition(incarnation) != edition
                if changed and attempt < TRIES:
                    attempt += 1
                    continue
            dense_ms, sparse_ms = legs.dense_ms, legs.sparse_ms
            documents = sorted({name.rsplit(":", 2)[0] for name, _ in (*legs.dense, *legs.sparse)})
            found = self._visibility.current(incarnation, documents)
            current = {name: entry for name, entry in found.items() if entry.chunks}
            # A candidate that flipped after step 1 may have been read in the middle of its
            # upsert; the last attempt serves what is whole rather than nothing.
            flipped = any(entry.seq > look.seq for entry in found.values())
            if (flipped or self._clock() - began > STALE_S) and attempt < TRIES:
                attempt += 1
            elif depth < MOST_DEPTH * self._depth and self._crowded(legs, current, depth):
                depth *= 4
            else:
                return legs, current

    def _crowded(self, legs: _Legs, current: Mapping[str, CurrentLike], limit: int) -> bool:
        """
        Tell whether replaced generations took the places of current ones in a leg.

        They stay in both indexes for a minute after a flip, and a large document that was deleted
        would hide everything that is like it.
        """
        return any(
            len(leg) >= limit and len(_visible(leg, current, {})) < min(self._depth, limit // 2)
            for leg in (legs.dense, legs.sparse)
        )

    def _foreign(self, candidates: Ranking, current: Mapping[str, CurrentLike]) -> frozenset[str]:
        """Name the candidates in a language that the embedder does not know."""
        if self._languages is None:
            return frozenset()
        # What is in no language that anybody could tell is left to both legs.
        known = {"", *self._languages}
        foreign = {name for name, entry in current.items() if entry.language not in known}
        if not foreign:
            return frozenset()
        return frozenset(name for name, _ in candidates if name.rsplit(":", 2)[0] in foreign)

    def _comparable(self, edition: Edition, mode: Mode, legs: _Legs) -> bool:
        """Tell whether a question's vector may be compared with those of an edition."""
        if mode == "sparse" or edition.embedder is None:
            return False  # not asked for; or nothing was ever written
        try:
            edition.check_embedder(self._embedder.identity)
        except EmbedderMismatch:
            if mode == "dense":
                raise
            legs.degraded.append("dense")
            return False
        return True

    def _ask(
        self,
        legs: _Legs,
        incarnation: str,
        question: _Question,
        mode: Mode,
        *,
        look: Look | None = None,
        dense: bool,
        limit: int,
    ) -> None:
        """Ask both legs for candidates, the dense one if its vectors may be compared."""
        sparse = None
        if mode != "dense":
            sparse = self._start(
                partial(self._sparse.search, incarnation, question.text, limit=limit, look=look)
            )
        if dense:
            vector = question.vector
            began = self._clock()
            legs.dense = self._vectors.search(legs.edition, vector, limit=limit)
            legs.dense_ms += (self._clock() - began) * 1000
        if sparse is not None:
            found, spent_ms = sparse()
            legs.sparse_ms += spent_ms
            if found is None:
                self._without_sparse(legs)
            else:
                legs.sparse = found

    def _ask_filtered(
        self,
        legs: _Legs,
        incarnation: str,
        question: _Question,
        mode: Mode,
        *,
        look: Look,
        dense: bool,
        wanted: Filter,
        limit: int,
    ) -> None:
        """Ask both legs for candidates that match, by this replica's rows where it is in step."""
        matching = self._sparse.select(incarnation, wanted, look=look)
        if matching is None:
            if mode != "dense":
                self._without_sparse(legs)
            self._ask_store(legs, question if dense else None, wanted, limit=limit)
            return
        legs.told = {"matching": matching.rows, "of": matching.of}
        sparse = None
        if mode != "dense":
            sparse = self._start(partial(matching.search, question.text, limit=limit))
        if dense:
            vector = question.vector
            began = self._clock()
            found = nearest_matching(
                matching,
                vector,
                limit=limit,
                nearest=lambda most: self._vectors.search(legs.edition, vector, limit=most),
            )
            legs.dense = found.ranking
            legs.told["dense"] = found.way
            legs.dropped = dict.fromkeys(found.dropped, NOT_WANTED)
            legs.dense_ms += (self._clock() - began) * 1000
        if sparse is not None:
            legs.sparse, spent_ms = sparse()
            legs.sparse_ms += spent_ms

    def _start(self, leg: Callable[[], T]) -> Callable[[], tuple[T, float]]:
        """Start a leg beside this thread; what is returned awaits its answer and milliseconds."""

        def timed() -> tuple[T, float]:
            began = self._clock()
            answer = leg()
            return answer, (self._clock() - began) * 1000

        if self._beside is None:
            return timed
        # With the context of this search, so that what the leg logs is known for its.
        return self._beside.submit(copy_context().run, timed).result

    def _ask_store(
        self, legs: _Legs, question: _Question | None, wanted: Filter, *, limit: int
    ) -> None:
        """Ask the vector store alone: slowly, and looking at what it found once more."""
        legs.told = {"dense": "the vector store's own filter"}
        if question is None:
            return
        vector = question.vector
        began = self._clock()
        asked = limit
        while True:
            found = self._vectors.search_where(legs.edition, vector, limit=asked, wanted=wanted)
            chunks = legs.texts([name for name, _ in found])
            kept = {n for n, chunk in chunks.items() if _matches(wanted, chunk)}
            legs.dense = [hit for hit in found if hit[0] in kept][:limit]
            if len(legs.dense) >= limit or len(found) < asked or asked >= MOST_DEPTH * self._depth:
                legs.dropped = {name: NOT_WANTED for name in chunks if name not in kept}
                legs.dense_ms += (self._clock() - began) * 1000
                return
            asked *= 4

    def _without_sparse(self, legs: _Legs) -> None:
        """Go on without the sparse leg, where the dense one can answer."""
        if legs.degraded:
            raise StoreUnavailable("neither index of the collection can answer yet")
        legs.degraded.append("sparse")


def _matches(wanted: Filter, stored: StoredChunk) -> bool:
    """Tell whether a chunk's document matches a filter."""
    document_id = split_chunk_id(stored.chunk_id)[0]
    return holds(wanted, facts(document_id, stored.title, stored.metadata, stored.language))


def _visible(
    ranking: Ranking, current: Mapping[str, CurrentLike], dropped: dict[str, str]
) -> Ranking:
    """Keep candidates of current generations; notes the others in *dropped*."""
    live = {f"{document}:{entry.generation}" for document, entry in current.items()}
    kept = []
    for hit in ranking:
        if hit[0].rpartition(":")[0] in live:
            kept.append(hit)
        else:
            dropped[hit[0]] = "not the current generation"
    return kept


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
    )


def _reordered(ranking: Ranking, reranked: Ranking) -> Ranking:
    """Put what was reranked first; the others follow as they were, with nothing for a score."""
    if not reranked:
        return ranking
    scored = {name for name, _ in reranked}
    return reranked + [(name, 0.0) for name, _ in ranking if name not in scored]


def _alone(dense: Ranking, sparse: Ranking, _foreign: Container[str]) -> Ranking:
    """Fuse nothing: one of the two legs was not asked."""
    return dense or sparse


@dataclass(frozen=True, slots=True)
class _Leg:
    """A leg's ranking, and what each candidate's score owes to it."""

    ranking: Ranking
    parts: Mapping[str, float]


def _trace(
    legs: Mapping[str, _Leg], ranking: Ranking, reranked: Ranking, dropped: Mapping[str, str]
) -> dict[str, Any]:
    """
    Tell how each candidate came to its place.

    Its rank and score per leg with its part of the fused score, what its document and chunks near
    it added or took, its fused rank and score, and those that the reranker gave it, if it did.
    """
    candidates: dict[str, dict[str, Any]] = {
        name: {"chunk_id": name, "rank": rank, "score": score}
        for rank, (name, score) in enumerate(ranking, start=1)
    }
    for told, leg in legs.items():
        for rank, (name, score) in enumerate(leg.ranking, start=1):
            candidates[name][told] = {"rank": rank, "score": score, "part": leg.parts[name]}
    for one in candidates.values():
        rest = one["score"] - sum(one[leg]["part"] for leg in legs if leg in one)
        if abs(rest) > ROUNDING:
            one["neighbours"] = {"part": rest}
    for rank, (name, score) in enumerate(reranked, start=1):
        candidates[name]["rerank"] = {"rank": rank, "score": score}
    return {"candidates": list(candidates.values()), "dropped": dict(dropped)}
