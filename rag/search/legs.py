"""Both legs of a search, and the one look at what is current that makes them agree."""

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
from rag.ports import Embedder, Look, Ranking, StoredChunk, VectorIndex, Vectors, VectorStore
from rag.reading_ports import CurrentLike, SparseReader, Visibility
from rag.search.chunk_texts import ChunkTexts
from rag.search.filtered_search import nearest_matching
from rag.search.modes import Mode

T = TypeVar("T")

Texts = Callable[[Sequence[str]], dict[str, StoredChunk]]

#: docs/protocol.md, A reader: an activation during the legs starts them again, at most this often.
TRIES = 3
#: Where replaced generations crowd a leg, it is asked for up to this many times its depth.
MOST_DEPTH = 64
#: In a collection of at most so many chunks the replica compares its own vectors, all of them: a
#: call to the vector store costs more.
OWN_ROWS = 16_384
#: Legs older than this start again: their ids may be garbage by now.
STALE_S = 60.0

NOT_WANTED = "does not match the filter"


@dataclass(slots=True)
class Legs:
    """
    One attempt's candidates; what the catalogue says of them is not looked at yet.

    *texts* reads chunks of the vector index that the dense leg searched. *live* names
    the current generations of the candidates' documents, `document:generation`. *documents* says
    how many there are in the collection, *waiting* how many are on their way. *complete* tells that
    what matches a filter is in the dense leg, if only there is any, and *hints* what ails it.
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


class LegReader:
    """
    Read the candidates of both legs so that they agree with the catalogue.

    The legs are read first, then the catalogue once; where a new version of a candidate was
    activated meanwhile, the legs start again. All of an attempt's reads of vectors and texts are of
    one vector index, and a question's vector is never compared with vectors of another embedder:
    then the sparse leg answers alone, and says so.

    Args:
        embedder: Of the question.

        vectors: The dense leg.

        sparse: The sparse leg of this replica.

        visibility: What is current.

        texts: Where the chunks' texts come from.

        depth: Candidates taken from each leg.

        clock: Seconds, monotonic.

        beside: Runs the sparse leg while this thread asks the dense one; None asks one after the
            other.
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
        beside: Executor | None = None,
    ) -> None:
        self._embedder = embedder
        self._vectors = vectors
        self._sparse = sparse
        self._visibility = visibility
        self._texts = texts
        self.depth = depth
        self.clock = clock
        self._beside = beside

    def question(self, text: str) -> Question:
        """Return a question to read for; nothing is embedded yet."""
        return Question(text, self._embedder, self.clock)

    def read(
        self, collection_id: str, question: Question, mode: Mode, wanted: Filter | None
    ) -> tuple[Legs, Mapping[str, CurrentLike]]:
        """Return candidates and current generations, in agreement (docs/protocol.md, A reader)."""
        attempt, depth = 1, self.depth
        dense_ms = sparse_ms = 0.0
        while True:
            began = self.clock()
            look = self._visibility.look(collection_id)
            vector_index = look.vector_index
            texts = partial(self._texts.get, collection_id, vector_index=vector_index.name)
            legs = Legs(
                texts, vector_index.name, look.documents, look.waiting,
                dense_ms=dense_ms, sparse_ms=sparse_ms,
            )  # fmt: skip
            dense = self._comparable(vector_index, mode, legs)
            if wanted is None:
                self._ask(legs, collection_id, question, mode, look=look, dense=dense, limit=depth)
            else:
                self._ask_filtered(
                    legs, collection_id, question, mode,
                    look=look, dense=dense, wanted=wanted, limit=depth,
                )  # fmt: skip
            dense_ms, sparse_ms = legs.dense_ms, legs.sparse_ms
            documents = sorted({name.rsplit(":", 2)[0] for name, _ in (*legs.dense, *legs.sparse)})
            found, vector_index_now = self._visibility.look_again(collection_id, documents)
            current = {name: entry for name, entry in found.items() if entry.chunks}
            legs.live = {f"{name}:{entry.generation}" for name, entry in current.items()}
            # The replica's own vectors may be of a vector index that has come since.
            moved = legs.own_vectors and vector_index_now != vector_index
            # A candidate activated after step 1 may have been read in the middle of its
            # upsert; the last attempt serves what is whole rather than nothing.
            activated = any(entry.seq > look.seq for entry in found.values())
            if (moved or activated or self.clock() - began > STALE_S) and attempt < TRIES:
                attempt += 1
            elif depth < MOST_DEPTH * self.depth and self._crowded(legs, depth):
                depth *= 4
            else:
                return legs, current

    def _crowded(self, legs: Legs, limit: int) -> bool:
        """
        Return True if replaced generations took the places of current ones in a leg.

        They stay in both indexes for a minute after an activation, and a large document that was
        deleted would hide everything that is like it.
        """
        return any(
            len(leg) >= limit and len(visible(leg, legs.live, {})) < min(self.depth, limit // 2)
            for leg in (legs.dense, legs.sparse)
        )

    def _comparable(self, vector_index: VectorIndex, mode: Mode, legs: Legs) -> bool:
        """Return True if a question's vector may be compared with those of a vector index."""
        if mode == "sparse" or vector_index.embedder is None:
            return False  # not asked for; or nothing was ever written
        try:
            vector_index.check_embedder(self._embedder.identity)
        except EmbedderMismatch:
            if mode == "dense":
                raise
            legs.degraded.append("dense")
            return False
        return True

    def _ask(
        self,
        legs: Legs,
        collection_id: str,
        question: Question,
        mode: Mode,
        *,
        look: Look,
        dense: bool,
        limit: int,
    ) -> None:
        """Ask both legs for candidates, the dense one if its vectors may be compared."""
        # First, alone: the model computes, and the sparse leg has all of Chroma's time anyway.
        vector = question.vector if dense else None
        sparse = None
        if mode != "dense":
            sparse = self._start(
                partial(self._sparse.search, collection_id, question.text, limit=limit, look=look)
            )
        if vector is not None:
            began = self.clock()
            whole = self._sparse.whole(collection_id, look)
            if whole is not None and whole.rows <= OWN_ROWS:
                legs.own_vectors = True
                legs.dense = whole.nearest(vector, limit=limit)
            else:
                legs.dense = self._vectors.search(legs.vector_index, vector, limit=limit)
            legs.dense_ms += (self.clock() - began) * 1000
        if sparse is not None:
            found, spent_ms = sparse()
            legs.sparse_ms += spent_ms
            if found is None:
                self._without_sparse(legs)
            else:
                legs.sparse = found

    def _ask_filtered(
        self,
        legs: Legs,
        collection_id: str,
        question: Question,
        mode: Mode,
        *,
        look: Look,
        dense: bool,
        wanted: Filter,
        limit: int,
    ) -> None:
        """Ask both legs for candidates that match, by this replica's rows where it is in step."""
        matching = self._sparse.select(collection_id, wanted, look=look)
        if matching is None:
            if mode != "dense":
                self._without_sparse(legs)
            self._ask_store(legs, question if dense else None, wanted, limit=limit)
            return
        legs.own_vectors = True
        legs.told = {"matching": matching.rows, "of": matching.of}
        legs.complete = dense or not matching.rows
        if not matching.rows:
            # Those that are asked for, also where there are too many fields to be told.
            legs.hints = hints(wanted, {**matching.fields(), **matching.fields(required(wanted))})
        elif names := bounded(wanted):
            legs.hints = uncompared(wanted, matching.fields(names))
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
                nearest=lambda most: self._vectors.search(legs.vector_index, vector, limit=most),
            )
            legs.dense = found.ranking
            legs.told["dense"] = found.way
            legs.dropped = dict.fromkeys(found.dropped, NOT_WANTED)
            legs.dense_ms += (self.clock() - began) * 1000
        if sparse is not None:
            legs.sparse, spent_ms = sparse()
            legs.sparse_ms += spent_ms

    def _start(self, leg: Callable[[], T]) -> Callable[[], tuple[T, float]]:
        """Start a leg beside this thread; what is returned awaits its answer and milliseconds."""

        def timed() -> tuple[T, float]:
            began = self.clock()
            answer = leg()
            return answer, (self.clock() - began) * 1000

        if self._beside is None:
            return timed
        # With the context of this search, so that what the leg logs is known for its.
        return self._beside.submit(copy_context().run, timed).result

    def _ask_store(
        self, legs: Legs, question: Question | None, wanted: Filter, *, limit: int
    ) -> None:
        """Ask the vector store alone: slowly, and looking at what it found once more."""
        legs.told = {"dense": "the vector store's own filter"}
        if question is None:
            return
        vector = question.vector
        began = self.clock()
        asked = limit
        while True:
            found = self._vectors.search_where(
                legs.vector_index, vector, limit=asked, wanted=wanted
            )
            chunks = legs.texts([name for name, _ in found])
            kept = {n for n, chunk in chunks.items() if matches(wanted, chunk)}
            legs.dense = [hit for hit in found if hit[0] in kept][:limit]
            if len(legs.dense) >= limit or len(found) < asked or asked >= MOST_DEPTH * self.depth:
                legs.dropped = {name: NOT_WANTED for name in chunks if name not in kept}
                legs.complete = bool(legs.dense) or len(found) < asked
                legs.dense_ms += (self.clock() - began) * 1000
                return
            asked *= 4

    def _without_sparse(self, legs: Legs) -> None:
        """Go on without the sparse leg, where the dense one can answer."""
        if legs.degraded:
            raise StoreUnavailable("neither index of the collection can answer yet")
        legs.degraded.append("sparse")


def matches(wanted: Filter, stored: StoredChunk) -> bool:
    """Return True if a chunk's document matches a filter."""
    document_id = split_chunk_id(stored.chunk_id)[0]
    return holds(wanted, facts(document_id, stored.title, stored.metadata, stored.language))


def visible(ranking: Ranking, live: AbstractSet[str], dropped: dict[str, str]) -> Ranking:
    """Keep candidates of the generations *live*; notes the others in *dropped*."""
    kept = []
    for hit in ranking:
        if hit[0].rpartition(":")[0] in live:
            kept.append(hit)
        else:
            dropped[hit[0]] = "not the current generation"
    return kept
