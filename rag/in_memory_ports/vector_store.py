"""A vector store in dicts: exact, and gone with the process."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from rag.documents import split_chunk_id
from rag.errors import StoreUnavailable
from rag.metadata.filters import Filter, facts, holds
from rag.ports import HnswSettings, StoredChunk, Vectors


class DictVectors:
    """A `VectorStore` in dicts: exact cosine over everything, written in one step per upsert."""

    def __init__(self) -> None:
        self.collections: dict[str, dict[str, tuple[StoredChunk, Vectors]]] = {}
        self.about: dict[str, dict[str, str]] = {}

    def create(self, collection_id: str, hnsw: HnswSettings | None = None) -> None:
        """Make the collection; harmless when it exists."""
        del hnsw  # exact: there is no graph
        self.collections.setdefault(collection_id, {})

    def upsert(self, collection_id: str, chunks: Sequence[StoredChunk], vectors: Vectors) -> None:
        """Write chunks under their ids, replacing equal ids."""
        if len(chunks) != len(vectors):
            raise ValueError(f"{len(chunks)} chunks and {len(vectors)} vectors")
        if collection_id not in self.collections:
            raise StoreUnavailable("there is no such collection")
        for stored, vector in zip(chunks, vectors, strict=True):
            self.collections[collection_id][stored.chunk_id] = (stored, vector)

    def search(self, collection_id: str, vector: Vectors, *, limit: int) -> list[tuple[str, float]]:
        """Return (chunk id, cosine) of the nearest chunks, best first."""
        held = self.collections.get(collection_id, {})
        found = [(name, _cosine(vector, other)) for name, (_, other) in held.items()]
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))[:limit]

    def get(self, collection_id: str, chunk_ids: Sequence[str]) -> dict[str, StoredChunk]:
        """Return the chunks that exist, by id."""
        held = self.collections.get(collection_id, {})
        return {name: held[name][0] for name in chunk_ids if name in held}

    def search_where(
        self, collection_id: str, vector: Vectors, *, limit: int, filters: Filter
    ) -> list[tuple[str, float]]:
        """Return (chunk id, cosine) of the nearest chunks that match a filter, best first."""
        held = self.collections.get(collection_id, {})
        found = self.search(collection_id, vector, limit=len(held))
        return [hit for hit in found if matches(filters, held[hit[0]][0])][:limit]

    def get_with_vectors(
        self, collection_id: str, chunk_ids: Sequence[str]
    ) -> tuple[list[StoredChunk], Vectors]:
        """Return the chunks that exist, in the order asked for, and their vectors row by row."""
        if len(set(chunk_ids)) < len(chunk_ids):
            raise ValueError("ids repeat")  # as Chroma does
        chunks = self.get(collection_id, chunk_ids)
        held = self.collections.get(collection_id, {})
        there = [name for name in chunk_ids if name in chunks]
        if not there:
            return [], np.zeros((0, 0), dtype=np.float32)
        return [chunks[name] for name in there], np.stack([held[name][1] for name in there])

    def ids(self, collection_id: str) -> Iterator[list[str]]:
        """Yield the id of every chunk present, in one page."""
        yield list(self.collections.get(collection_id, {}))

    def present(self, collection_id: str, chunk_ids: Sequence[str]) -> set[str]:
        """Return those of the ids that exist."""
        return set(chunk_ids) & set(self.collections.get(collection_id, {}))

    def label(self, collection_id: str, about: Mapping[str, str]) -> bool:
        """Write a label beside a collection; returns False where there is none."""
        if collection_id in self.collections:
            self.about[collection_id] = dict(about)
        return collection_id in self.collections

    def labels(self) -> dict[str, dict[str, str]]:
        """Return every collection with its label, empty where it has none."""
        return {name: self.about.get(name, {}) for name in self.collections}

    def delete(self, collection_id: str, chunk_ids: Sequence[str]) -> None:
        """Remove chunks; ids that do not exist are ignored."""
        for name in chunk_ids:
            self.collections.get(collection_id, {}).pop(name, None)

    def drop(self, collection_id: str) -> None:
        """Remove the whole collection. Harmless when it does not exist."""
        self.collections.pop(collection_id, None)
        self.about.pop(collection_id, None)

    def count(self, collection_id: str) -> int:
        """Return how many chunks there are, of all generations."""
        return len(self.collections.get(collection_id, {}))


def matches(filters: Filter, stored: StoredChunk) -> bool:
    """Return True if a chunk matches a filter."""
    document = split_chunk_id(stored.chunk_id)[0]
    return holds(filters, facts(document, stored.title, stored.metadata, stored.language))


def _cosine(a: Vectors, b: Vectors) -> float:
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
