"""The ports that a search reads through: a replica's indexes, and what is current."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

from rag.metadata.filters import Filter
from rag.ports import Ranking, Snapshot, StoredChunk, VectorIndex, Vectors
from rag.sentence_codes import SentenceCosines


class SparseIndex(Protocol):
    """A derived BM25 index of one collection, with the cursor of the log it has applied."""

    @property
    def cursor(self) -> str:
        """The last applied entry of the change log, as of the last commit; empty when new."""
        ...

    @property
    def log_epoch(self) -> str:
        """Which log the cursor belongs to."""
        ...

    def add(self, chunks: Sequence[StoredChunk]) -> None:
        """Add chunks, replacing any of the same document and generation; seen after commit."""
        ...

    def remove(self, document_id: str, generation: int) -> None:
        """Remove a generation's chunks; seen after commit."""
        ...

    def commit(self, *, cursor: str, log_epoch: str) -> None:
        """Make everything since the last commit durable and visible, together with the cursor."""
        ...

    def search(
        self,
        query: str,
        *,
        limit: int,
        generations: Sequence[str] | None = None,
        within: Filter | None = None,
    ) -> list[tuple[str, float]]:
        """
        Return (chunk id, BM25 score), best first; *query* is plain text, never parsed.

        With *generations* (`document:generation`) only their chunks, and with *within*, a filter
        without bounds, only those that match; scored as among all.
        """
        ...

    def count(self) -> int:
        """Return the number of chunks that searches see."""
        ...

    def holdings(self) -> Mapping[tuple[str, int], int]:
        """Return how many chunks searches see of each (document, generation)."""
        ...

    def intact(self, *, thorough: bool = False) -> bool:
        """Return True if what it lies in is still there; *thorough* also reads and sums it up."""
        ...

    def close(self) -> None:
        """Release files and locks."""
        ...


class ReplicaIndex(Protocol):
    """What a replica keeps of one collection: a sparse index, and rows to filter by."""

    @property
    def cursor(self) -> str:
        """The last applied entry of the change log, as of the last commit; empty when new."""
        ...

    @property
    def log_epoch(self) -> str:
        """Which log the cursor belongs to."""
        ...

    def add(self, chunks: Sequence[StoredChunk], vectors: Vectors) -> None:
        """Add chunks with their vectors, replacing any of the same generation; see `commit`."""
        ...

    def remove(self, document_id: str, generation: int) -> None:
        """Remove a generation's chunks; seen after commit."""
        ...

    def commit(self, *, cursor: str, log_epoch: str) -> None:
        """Make everything since the last commit durable and visible, together with the cursor."""
        ...

    def search(self, query: str, *, limit: int) -> Ranking:
        """Return (chunk id, BM25 score), best first; *query* is plain text, never parsed."""
        ...

    def chunks(self, chunk_ids: Sequence[str]) -> dict[str, StoredChunk]:
        """Return the chunks that are here, by id."""
        ...

    def vectors(self, chunk_ids: Sequence[str]) -> tuple[list[str], Vectors]:
        """Return the ids of the chunks that are here, with their vectors, all one embedder's."""
        ...

    def select(self, filters: Filter | None) -> "Matching":
        """Return what matches a filter, to be searched; all chunks without one."""
        ...

    def count(self) -> int:
        """Return the number of chunks that searches see."""
        ...

    def holdings(self) -> Mapping[tuple[str, int], int]:
        """
        Return how many chunks there are of each (document, generation).

        0 where the words and the rows do not hold the same.
        """
        ...

    def intact(self, *, thorough: bool = False) -> bool:
        """Return True if what it lies in is still there; *thorough* also reads and sums it up."""
        ...

    def rest(self) -> None:
        """Let go what only writing needs, until something is written again."""
        ...

    def close(self) -> None:
        """Release files and locks."""
        ...


class Matching(Protocol):
    """The chunks of a replica that match a filter, as they were when it was asked."""

    @property
    def rows(self) -> int:
        """How many chunks match."""
        ...

    @property
    def of(self) -> int:
        """How many chunks there are."""
        ...

    def fields(self, only: AbstractSet[str] | None = None) -> Mapping[str, frozenset[str]]:
        """
        Return the fields of all chunks, matching or not, with the kinds of their values.

        With *only* these and no others.
        """
        ...

    def keeps(self, name: str) -> bool:
        """Return True if the chunk of that id matches."""
        ...

    def share_near(self, vector: Vectors) -> float:
        """Return about what share of the chunks near *vector* matches, 0 to 1, by a sample."""
        ...

    def nearest(self, vector: Vectors, *, limit: int) -> Ranking:
        """Return (chunk id, cosine) of the nearest that match, best first; scores are exact."""
        ...

    def search(self, query: str, *, limit: int) -> Ranking:
        """Return (chunk id, BM25 score) of those that match, best first, scored as among all."""
        ...


class Visibility(Protocol):
    """What is current: the catalogue, as a reader needs it."""

    def snapshot(self, collection_id: str) -> Snapshot:
        """Return what a search must know before it reads."""
        ...

    def current(self, collection_id: str, documents: Sequence[str]) -> Mapping[str, "CurrentLike"]:
        """Look once at the current generations of *documents*."""
        ...

    def recheck(
        self, collection_id: str, documents: Sequence[str]
    ) -> tuple[Mapping[str, "CurrentLike"], VectorIndex]:
        """Look once at the current generations of *documents*, and at the vector index."""
        ...


class CurrentLike(Protocol):
    """A document's current generation."""

    @property
    def generation(self) -> int:
        """The generation people read."""
        ...

    @property
    def chunks(self) -> int:
        """How many chunks it has; 0 after a delete."""
        ...

    @property
    def seq(self) -> int:
        """Which activation made it current."""
        ...

    @property
    def language(self) -> str:
        """Its language, ISO 639-1; empty where it was not detected."""
        ...


class ChunkReader(Protocol):
    """Chunks near the searcher: some of those that the vector store has."""

    def chunks(self, collection_id: str, chunk_ids: Sequence[str]) -> dict[str, StoredChunk]:
        """Return those chunks that are here, by id."""
        ...


class SentenceReader(Protocol):
    """The vectors of sentences near the searcher."""

    def sentences(
        self, collection_id: str, chunk_ids: Sequence[str], question: Vectors
    ) -> Mapping[str, SentenceCosines]:
        """
        Return the cosines of the sentences of chunks to a question, by chunk id.

        Chunks that are not here, or have no sentence vectors, are left out.
        """
        ...


class SparseReader(Protocol):
    """The sparse retriever as a reader sees it: this replica's own index of a collection."""

    def search(
        self, collection_id: str, query: str, *, limit: int, snapshot: Snapshot | None = None
    ) -> list[tuple[str, float]] | None:
        """
        Return (chunk id, BM25 score), best first, of all activated before *snapshot*, or now.

        None where the index lacks an activated document and did not catch up within 200 ms.
        """
        ...

    def select(
        self, collection_id: str, filters: Filter, *, snapshot: Snapshot | None = None
    ) -> Matching | None:
        """
        Return what matches a filter, of all activated before *snapshot*, or now.

        None where the replica lacks an activated document and did not catch up within 200 ms.
        """
        ...

    def whole(self, collection_id: str, snapshot: Snapshot) -> Matching | None:
        """
        Return all chunks.

        None where the replica lacks one activated before *snapshot*: no waiting.
        """
        ...
