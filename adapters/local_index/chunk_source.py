"""Where the chunks of an index come from: the vector store, and what of it must be there."""

import logging
from collections.abc import Iterable

import numpy as np

from corpus.catalogue.catalogue import Catalogue
from corpus.change_log import Entry
from rag.documents import chunk_id
from rag.ports import StoredChunk, Vectors, VectorStore
from rag.reading_ports import ReplicaIndex

log = logging.getLogger(__name__)

#: Chunks of the vector store by their id, each with its vector.
Fetched = dict[str, tuple[StoredChunk, Vectors]]

#: Chunks fetched from the vector store at once.
FETCH = 1_000


class ChunkSource:
    """
    Fetches the chunks of generations, and adds them to an index.

    Args:
        vectors: The store.

        catalogue: Tells which generations must be whole in it.
    """

    def __init__(self, vectors: VectorStore, catalogue: Catalogue) -> None:
        self._vectors = vectors
        self._catalogue = catalogue

    def fetch(self, collection_id: str, generations: Iterable[tuple[str, int, int]]) -> Fetched:
        """Fetch exactly the ids of generations, with their vectors; what is gone is left out."""
        # A generation may be told twice: by a publish that was killed and ran again, by a repair.
        names = [
            chunk_id(document, generation, n)
            for document, generation, chunks in dict.fromkeys(generations)
            for n in range(chunks)
        ]
        found: Fetched = {}
        for first in range(0, len(names), FETCH):
            chunks, vectors = self._vectors.get_with_vectors(
                collection_id, names[first : first + FETCH]
            )
            found |= {c.chunk_id: (c, v) for c, v in zip(chunks, vectors, strict=True)}
        return found

    def generation(
        self, collection_id: str, document: str, generation: int, chunks: int
    ) -> tuple[list[StoredChunk], Vectors]:
        """Fetch what there is of one generation, in order."""
        fetched = self.fetch(collection_id, [(document, generation, chunks)])
        return in_order(fetched, fetched)

    def add(self, collection_id: str, index: ReplicaIndex, entry: Entry, fetched: Fetched) -> None:
        """Add a generation's chunks, unless it is neither open nor current: they may be gone."""
        names = [chunk_id(entry.document, entry.generation, n) for n in range(entry.chunks)]
        chunks, vectors = in_order(fetched, names)
        if len(chunks) == entry.chunks:
            index.add(chunks, vectors)
            return
        generations = self._catalogue.generations
        current = generations.current_of(collection_id, entry.document)
        if generations.is_open(collection_id, entry.document, entry.generation) or (
            current is not None and current.generation == entry.generation
        ):
            # Never short in order: somebody removed rows behind our back.
            log.error(
                "chunks are missing from the vector store",
                extra={
                    "collection_id": collection_id,
                    "document_id": entry.document,
                    "expected": entry.chunks,
                    "found": len(chunks),
                },
            )
            index.add(chunks, vectors)


def in_order(fetched: Fetched, names: Iterable[str]) -> tuple[list[StoredChunk], Vectors]:
    """Return the chunks called *names* that were there, and their vectors."""
    found = [fetched[name] for name in names if name in fetched]
    vectors = [vector for _, vector in found]
    return [chunk for chunk, _ in found], (
        np.stack(vectors) if vectors else np.zeros((0, 0), dtype=np.float32)
    )
