"""Candidates of a search: from both retrievers, checked once against the catalogue."""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Executor
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from rag.documents import split_chunk_id
from rag.errors import EmbedderMismatch, StoreUnavailable
from rag.metadata.filter_hints import bounded, hints, required, uncompared
from rag.metadata.filters import Filter, facts, holds
from rag.ports import Embedder, Ranking, Snapshot, StoredChunk, VectorIndex, Vectors, VectorStore
from rag.reading_ports import CurrentLike, SparseReader, Visibility
from rag.search.chunk_texts import ChunkTexts
from rag.search.filtered_search import nearest_matching
from rag.search.modes import Mode

T = TypeVar("T")

Texts = Callable[[Sequence[str]], dict[str, StoredChunk]]

#: docs/protocol.md, A reader: an activation during the retrievers starts them again, at most this
#: often.
TRIES = 3
#: Where replaced generations crowd a retriever, it is asked for up to this many times its depth.
MOST_DEPTH = 64
#: In a collection of at most so many chunks the replica compares its own vectors, all of them: a
#: call to the vector store costs more.
OWN_ROWS = 16_384
#: Candidates older than this start again: their ids may be garbage by now.
STALE_S = 60.0

NOT_WANTED = "does not match the filter"


@dataclass(slots=True)
class Candidates:
    """
    One attempt's candidates; what the catalogue says of them is not looked at yet.

    *texts* reads chunks of the vector index that the dense retriever searched. *live* names
    the current generations of the candidates' documents, `document:generation`. *documents* says
    how many there are in the collection, *waiting* how many are on their way. *complete* tells that
    what matches a filter is in the dense retriever, if only there is any, and *hints* what ails it.
    """

    texts: Texts
    vector_index: str
    documents: int = 0
    waiting: int = 0
    dense: Ranking = field(default_factory=list)
    sparse: Ranking = field(default_factory=list)
    degraded: list[str] = field(default_factory=list)
    dropped: dict[str, str] = field(default_factory=dict)
    live: AbstractSet[str] = frozenset()
    told: dict[str, Any] = field(default_factory=dict)  # how a filter was kept, for the trace
    complete: bool = False
    hints: list[str] = field(default_factory=list)
    own_vectors: bool = False  # whether the replica's were compared, not the vector store's
    dense_ms: float = 0.0
    sparse_ms: float = 0.0


class Question:
    """A question, whose vector is made when it is first asked for."""

    def __init__(self, text: str, embedder: Embedder, clock: Callable[[], float]) -> None:
        self.text = text
        self.embed_ms = 0.0
        self._embedder = embedder
        self._clock = clock
        self._vector: Vectors | None = None

    @property
    def vector(self) -> Vectors:
        """Its vector, of shape (d,)."""
        if self._vector is None:
            began = self._clock()
            self._vector = self._embedder.embed([self.text], truncate=True)[0]
            self.embed_ms = (self._clock() - began) * 1000
        return self._vector


class CandidateReader:
    """
    Read the candidates of both retrievers so that they agree with the catalogue.

    The retrievers are read first, then the catalogue once; where a new version of a candidate was
    activated meanwhile, the retrievers start again. All of an attempt's reads of vectors and texts
    are of one vector index, and a question's vector is never compared with vectors of another
    embedder: then the sparse retriever answers alone, and says so.

    Args:
        embedder: Of the question.

        vectors: The dense retriever.

        sparse: The sparse retriever of this replica.

        visibility: What is current.

        texts: Where the chunks' texts come from.

        depth: Candidates taken from each retriever.

        clock: Seconds, monotonic.

        beside: Runs the sparse retriever while this thread asks the dense one; None asks one after
            the other.
    """

    def __init__(
        self,
        *,
        embedder: Embedder,
        vectors: VectorStore,
        sparse: SparseReader,
        visibility: Visibility,
        texts: ChunkTexts,
        depth: int,
        clock: Callable[[], float],
        executor: Executor | None = None,
    ) -> None:
        self._embedder = embedder
        self._vectors = vectors
        self._sparse = sparse
        self._visibility = visibility
        self._texts = texts
        self.depth = depth
        self.clock = clock
        self._executor = executor

    def question(self, text: str) -> Question:
        """Return a question to read for; nothing is embedded yet."""
        return Question(text, self._embedder, self.clock)

    def read(
        self, collection_id: str, question: Question, mode: Mode, filters: Filter | None
    ) -> tuple[Candidates, Mapping[str, CurrentLike]]:
        """Return candidates and current generations, in agreement (docs/protocol.md, A reader)."""
        attempt, depth = 1, self.depth
        dense_ms = sparse_ms = 0.0
        while True:
            began = self.clock()
            snapshot = self._visibility.snapshot(collection_id)
            vector_index = snapshot.vector_index
            texts = partial(self._texts.get, collection_id, vector_index=vector_index.name)
            candidates = Candidates(
                texts, vector_index.name, snapshot.documents, snapshot.waiting,
                dense_ms=dense_ms, sparse_ms=sparse_ms,
            )  # fmt: skip
            dense = self._comparable(vector_index, mode, candidates)
            if filters is None:
                self._retrieve(
                    candidates,
                    collection_id,
                    question,
                    mode,
                    snapshot=snapshot,
                    dense=dense,
                    limit=depth,
                )
            else:
                self._retrieve_filtered(
                    candidates, collection_id, question, mode,
                    snapshot=snapshot, dense=dense, filters=filters, limit=depth,
                )  # fmt: skip
            dense_ms, sparse_ms = candidates.dense_ms, candidates.sparse_ms
            documents = sorted(
                {name.rsplit(":", 2)[0] for name, _ in (*candidates.dense, *candidates.sparse)}
            )
            found, vector_index_now = self._visibility.recheck(collection_id, documents)
            current = {name: entry for name, entry in found.items() if entry.chunks}
            # The replica's own vectors may be of a vector index that has come since.
            moved = candidates.own_vectors and vector_index_now != vector_index
            # A candidate activated after step 1 may have been read in the middle of its upsert; the
            # last attempt leaves such documents out and serves the others, which are whole.
            activated = {name for name, entry in found.items() if entry.seq > snapshot.seq}
            candidates.live = {
                f"{name}:{entry.generation}"
                for name, entry in current.items()
                if name not in activated
            }
            if (moved or activated or self.clock() - began > STALE_S) and attempt < TRIES:
                attempt += 1
            elif depth < MOST_DEPTH * self.depth and self._crowded(candidates, depth):
                depth *= 4
            else:
                return candidates, current

    def _crowded(self, candidates: Candidates, limit: int) -> bool:
        """
        Return True if replaced generations took the places of current ones in a retriever.

        They stay in both indexes for a minute after an activation, and a large document that was
        deleted would hide everything that is like it.
        """
        return any(
            len(retriever) >= limit
            and len(visible(retriever, candidates.live, {})) < min(self.depth, limit // 2)
            for retriever in (candidates.dense, candidates.sparse)
        )

    def _comparable(self, vector_index: VectorIndex, mode: Mode, candidates: Candidates) -> bool:
        """Return True if a question's vector may be compared with those of a vector index."""
        if mode == "sparse" or vector_index.embedder is None:
            return False  # not asked for; or nothing was ever written
        try:
            vector_index.check_embedder(self._embedder.identity)
        except EmbedderMismatch:
            if mode == "dense":
                raise
            candidates.degraded.append("dense")
            return False
        return True

    def _retrieve(
        self,
        candidates: Candidates,
        collection_id: str,
        question: Question,
        mode: Mode,
        *,
        snapshot: Snapshot,
        dense: bool,
        limit: int,
    ) -> None:
        """Ask both retrievers for candidates, the dense one if its vectors may be compared."""
        # First, alone: the model computes, and the sparse retriever has all of Chroma's time
        # anyway.
        vector = question.vector if dense else None
        sparse = None
        if mode != "dense":
            sparse = self._start(
                partial(
                    self._sparse.search,
                    collection_id,
                    question.text,
                    limit=limit,
                    snapshot=snapshot,
                )
            )
        if vector is not None:
            began = self.clock()
            whole = self._sparse.whole(collection_id, snapshot)
            if whole is not None and whole.rows <= OWN_ROWS:
                candidates.own_vectors = True
                candidates.dense = whole.nearest(vector, limit=limit)
            else:
                candidates.dense = self._vectors.search(
                    candidates.vector_index, vector, limit=limit
                )
            candidates.dense_ms += (self.clock() - began) * 1000
        if sparse is not None:
            found, spent_ms = sparse()
            candidates.sparse_ms += spent_ms
            if found is None:
                self._without_sparse(candidates)
            else:
                candidates.sparse = found

    def _retrieve_filtered(
        self,
        candidates: Candidates,
        collection_id: str,
        question: Question,
        mode: Mode,
        *,
        snapshot: Snapshot,
        dense: bool,
        filters: Filter,
        limit: int,
    ) -> None:
        """Ask both retrievers for matches, by this replica's rows where it is in step."""
        matching = self._sparse.select(collection_id, filters, snapshot=snapshot)
        if matching is None:
            if mode != "dense":
                self._without_sparse(candidates)
            self._retrieve_from_store(candidates, question if dense else None, filters, limit=limit)
            return
        candidates.own_vectors = True
        candidates.told = {"matching": matching.rows, "of": matching.of}
        candidates.complete = dense or not matching.rows
        if not matching.rows:
            # Those that are asked for, also where there are too many fields to be told.
            candidates.hints = hints(
                filters, {**matching.fields(), **matching.fields(required(filters))}
            )
        elif names := bounded(filters):
            candidates.hints = uncompared(filters, matching.fields(names))
        vector = question.vector if dense else None
        sparse = None
        if mode != "dense":
            sparse = self._start(partial(matching.search, question.text, limit=limit))
        if vector is not None:
            began = self.clock()
            found = nearest_matching(
                matching,
                vector,
                limit=limit,
                nearest=lambda most: self._vectors.search(
                    candidates.vector_index, vector, limit=most
                ),
            )
            candidates.dense = found.ranking
            candidates.told["dense"] = found.way
            candidates.dropped = dict.fromkeys(found.dropped, NOT_WANTED)
            candidates.dense_ms += (self.clock() - began) * 1000
        if sparse is not None:
            candidates.sparse, spent_ms = sparse()
            candidates.sparse_ms += spent_ms

    def _start(self, retriever: Callable[[], T]) -> Callable[[], tuple[T, float]]:
        """
        Start a retriever beside this thread.

        What is returned awaits its answer and milliseconds.
        """

        def timed() -> tuple[T, float]:
            began = self.clock()
            answer = retriever()
            return answer, (self.clock() - began) * 1000

        if self._executor is None:
            return timed
        # With the context of this search, so that what the retriever logs is known for its.
        return self._executor.submit(copy_context().run, timed).result

    def _retrieve_from_store(
        self, candidates: Candidates, question: Question | None, filters: Filter, *, limit: int
    ) -> None:
        """Ask the vector store alone: slowly, and looking at what it found once more."""
        candidates.told = {"dense": "the vector store's own filter"}
        if question is None:
            return
        vector = question.vector
        began = self.clock()
        asked = limit
        while True:
            found = self._vectors.search_where(
                candidates.vector_index, vector, limit=asked, filters=filters
            )
            chunks = candidates.texts([name for name, _ in found])
            kept = {n for n, chunk in chunks.items() if matches(filters, chunk)}
            candidates.dense = [hit for hit in found if hit[0] in kept][:limit]
            if (
                len(candidates.dense) >= limit
                or len(found) < asked
                or asked >= MOST_DEPTH * self.depth
            ):
                candidates.dropped = {name: NOT_WANTED for name in chunks if name not in kept}
                candidates.complete = bool(candidates.dense) or len(found) < asked
                candidates.dense_ms += (self.clock() - began) * 1000
                return
            asked *= 4

    def _without_sparse(self, candidates: Candidates) -> None:
        """Go on without the sparse retriever, where the dense one can answer."""
        if candidates.degraded:
            raise StoreUnavailable("neither index of the collection can answer yet")
        candidates.degraded.append("sparse")


def matches(filters: Filter, stored: StoredChunk) -> bool:
    """Return True if a chunk's document matches a filter."""
    document_id = split_chunk_id(stored.chunk_id)[0]
    return holds(filters, facts(document_id, stored.title, stored.metadata, stored.language))


def visible(ranking: Ranking, live: AbstractSet[str], dropped: dict[str, str]) -> Ranking:
    """Keep candidates of the generations *live*; notes the others in *dropped*."""
    kept = []
    for hit in ranking:
        if hit[0].rpartition(":")[0] in live:
            kept.append(hit)
        else:
            dropped[hit[0]] = "not the current generation"
    return kept
