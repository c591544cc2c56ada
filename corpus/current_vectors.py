"""The vectors that people search today, asked by collection id."""

from collections.abc import Iterator, Mapping, Sequence

from corpus.catalogue.vector_indexes import VectorIndexes
from rag.metadata.filters import Filter
from rag.ports import HnswSettings, StoredChunk, Vectors, VectorStore


class CurrentVectors:
    """
    A `VectorStore` that is asked by collection id and uses its current vector index.

    For those whose single calls stand for themselves. Who makes several that must agree, or writes
    vectors, asks for the vector index in use once, and the store itself with its name.
    """

    def __init__(self, store: VectorStore, vector_indexes: VectorIndexes) -> None:
        self._store = store
        self._vector_indexes = vector_indexes

    def create(self, collection_id: str, hnsw: HnswSettings | None = None) -> None:
        """Make the collection; harmless when it exists."""
        self._store.create(self._name(collection_id), hnsw)

    def upsert(self, collection_id: str, chunks: Sequence[StoredChunk], vectors: Vectors) -> None:
        """Write chunks under their ids, replacing equal ids."""
        self._store.upsert(self._name(collection_id), chunks, vectors)

    def search(self, collection_id: str, vector: Vectors, *, limit: int) -> list[tuple[str, float]]:
        """Return (chunk id, cosine) of the nearest chunks, best first; *vector* has shape (d,)."""
        return self._store.search(self._name(collection_id), vector, limit=limit)

    def search_where(
        self, collection_id: str, vector: Vectors, *, limit: int, filters: Filter
    ) -> list[tuple[str, float]]:
        """Return (chunk id, cosine) of the nearest chunks that may match a filter, best first."""
        return self._store.search_where(
            self._name(collection_id), vector, limit=limit, filters=filters
        )

    def get_with_vectors(
        self, collection_id: str, chunk_ids: Sequence[str]
    ) -> tuple[list[StoredChunk], Vectors]:
        """Return the chunks that exist, in the order asked for, and their vectors row by row."""
        return self._store.get_with_vectors(self._name(collection_id), chunk_ids)

    def get(self, collection_id: str, chunk_ids: Sequence[str]) -> dict[str, StoredChunk]:
        """Return the chunks that exist, by id."""
        return self._store.get(self._name(collection_id), chunk_ids)

    def ids(self, collection_id: str) -> Iterator[list[str]]:
        """Yield the id of every chunk present, page by page; all of one vector index."""
        return self._store.ids(self._name(collection_id))

    def present(self, collection_id: str, chunk_ids: Sequence[str]) -> set[str]:
        """Return those of the ids that exist."""
        return self._store.present(self._name(collection_id), chunk_ids)

    def count(self, collection_id: str) -> int:
        """Return how many chunks there are, of all generations."""
        return self._store.count(self._name(collection_id))

    def label(self, collection_id: str, about: Mapping[str, str]) -> bool:
        """Write beside the vector index what a lost catalogue would need; False if it is gone."""
        return self._store.label(self._name(collection_id), {**about, "incarnation": collection_id})

    def labels(self) -> dict[str, dict[str, str]]:
        """Return every vector index of the store by its own name, with its label."""
        return self._store.labels()

    def delete(self, collection_id: str, chunk_ids: Sequence[str]) -> None:
        """Remove chunks, from an unfinished vector index too."""
        self._store.delete(self._name(collection_id), chunk_ids)
        building = self._vector_indexes.building(collection_id)
        if building is not None:
            self._store.delete(building, chunk_ids)

    def drop(self, vector_index: str) -> None:
        """Remove one vector index, by its own name."""
        self._store.drop(vector_index)

    def _name(self, collection_id: str) -> str:
        """Return what the store calls a collection's vectors today."""
        return self._vector_indexes.in_use(collection_id).name
