"""Reindexing: a collection's vectors made anew, while people search the old ones."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import islice
from typing import Final

from corpus.catalogue.catalogue import Catalogue
from corpus.catalogue.generations import Current
from corpus.embedding import embedded
from jobs.errors import AlreadyRunning, CollectionGone
from jobs.leases.endings import problem
from jobs.leases.lease import Lease
from protocol import timings
from rag.documents import chunk_id, split_chunk_id
from rag.errors import InvalidRequest, Unreadable
from rag.ports import Embedder, VectorIndex, VectorStore

#: Documents copied between two looks at whether to go on.
PAGE: Final = 50
#: Chunks embedded and written at once.
BATCH: Final = 100

GONE = "It was deleted while its vectors were made anew; nothing was kept."


class Reindexer:
    """
    Make a vector index of a collection with this worker's embedder and today's settings.

    Everything else of the collection stays: documents, generations, chunk ids, texts, change log.
    What is current is copied in the order of the names; what changes meanwhile is noted by the
    script that changes it, and copied again; one script changes over once nothing is lacking. A
    job that died is taken up where it was.

    Args:
        vectors: Both vector indexes lie here.

        embedder: Of the new one.

        catalogue: What is current, and the record of both vector indexes.
    """

    def __init__(
        self,
        *,
        vectors: VectorStore,
        embedder: Embedder,
        catalogue: Catalogue,
    ) -> None:
        self._vectors = vectors
        self._embedder = embedder
        self._catalogue = catalogue
        self._vector_indexes = catalogue.vector_indexes

    def reindex(self, lease: Lease) -> None:
        """Run the whole of a reindex job under its lease."""
        try:
            self._reindex(lease)
        except CollectionGone:
            error = problem("collection_deleted", "The collection was deleted", GONE)
            lease.finish(state="failed", fields={"error": error})
        except AlreadyRunning as busy:
            error = problem("conflict", "Another job does this", str(busy))
            lease.finish(state="failed", fields={"error": error})

    def _reindex(self, lease: Lease) -> None:
        """Begin or take up, copy, catch up, change over."""
        hnsw = self._catalogue.collections.hnsw
        building = self._vector_indexes.begin(lease, self._embedder.identity, hnsw)
        vector_index = VectorIndex(building.name, self._embedder.identity, hnsw)
        self._vectors.create(vector_index.name, hnsw)
        # A catalogue lost now must not be restored from half of the vectors.
        self._vectors.label(vector_index.name, {"unfinished": lease.unit.collection_id})
        copied = self._copy_all(lease, vector_index, after=building.at)
        self._copy_missing(lease, vector_index)
        result = {
            "documents": copied,
            "embedder": asdict(self._embedder.identity),
            "hnsw": asdict(hnsw),
        }
        hold = False
        while lacking := self._vector_indexes.swap(
            lease, vector_index.name, hold=hold, result=result
        ):
            # Under a steady stream of changes there would be no moment at which none is lacking:
            # once they are few, the last are copied while activations are blocked.
            hold = lacking <= timings.HOLD_MOST
            self._catch_up(lease, vector_index, copied)
            lease.check()

    def _copy_all(self, lease: Lease, vector_index: VectorIndex, *, after: str) -> int:
        """Copy the current documents after *after*, in the order of their names; returns all."""
        collection_id = lease.unit.collection_id
        done = self._catalogue.documents.count_after(collection_id, "")
        done -= self._catalogue.documents.count_after(collection_id, after)
        while names := self._catalogue.documents.names(collection_id, after=after, limit=PAGE):
            self._copy(
                lease, vector_index, self._catalogue.generations.current(collection_id, names)
            )
            after, done = names[-1], done + len(names)
            total = done + self._catalogue.documents.count_after(collection_id, after)
            self._vector_indexes.advance(lease, vector_index.name, done=done, total=total, at=after)
        return done

    def _copy_missing(self, lease: Lease, vector_index: VectorIndex) -> None:
        """
        Copy what the vector index should have and has not.

        It may have lost what was copied before this worker took it up, with the store's disk.
        """
        collection_id = lease.unit.collection_id
        entries = self._catalogue.generations.every_current(collection_id)
        while documents := dict(islice(entries, PAGE)):
            lease.check()
            ids = _ids(documents)
            there = self._vectors.present(vector_index.name, ids)
            lacking = {split_chunk_id(name)[0] for name in ids if name not in there}
            self._copy(lease, vector_index, {name: documents[name] for name in lacking})

    def _catch_up(self, lease: Lease, vector_index: VectorIndex, done: int) -> None:
        """Copy some of what has changed since it was copied."""
        collection_id = lease.unit.collection_id
        behind = self._vector_indexes.behind(collection_id, most=PAGE)
        current = self._catalogue.generations.current(collection_id, list(behind))
        self._copy(lease, vector_index, current)
        copied = {name: entry.generation for name, entry in current.items()}
        self._vector_indexes.advance(
            lease, vector_index.name, done=done, total=done, caught_up=behind | copied
        )

    def _copy(
        self, lease: Lease, vector_index: VectorIndex, documents: Mapping[str, Current]
    ) -> None:
        """Embed and write the chunks of current documents."""
        ids = _ids(documents)
        for first in range(0, len(ids), BATCH):
            lease.check()
            self._copy_batch(lease, vector_index, ids[first : first + BATCH])

    def _copy_batch(self, lease: Lease, vector_index: VectorIndex, ids: Sequence[str]) -> None:
        """Embed and write some chunks; their texts come from the vectors people search."""
        collection_id = lease.unit.collection_id
        source = self._vector_indexes.in_use(collection_id).name
        found = self._vectors.get(source, ids)
        for name in ids:
            if name not in found:
                self._explain(lease, name)
        chunks = [found[name] for name in ids if name in found]
        if not chunks:
            return
        try:
            chunks, vectors = embedded(self._embedder, chunks)
        except InvalidRequest as error:
            raise Unreadable(
                "passages_too_long",
                f"the passages are longer than this embedding model reads ({error.message}); "
                "make a new collection with a lower QUERN_CHUNK_TOKENS and ingest into it",
            ) from error
        lease.check()
        self._vectors.upsert(vector_index.name, chunks, vectors)

    def _explain(self, lease: Lease, name: str) -> None:
        """
        Return if a missing chunk was replaced meanwhile, which will be caught up; else raise.

        Raises:
            Unreadable: It is lost.
        """
        document, generation, _ = split_chunk_id(name)
        current = self._catalogue.generations.current_of(lease.unit.collection_id, document)
        if current is not None and current.generation == generation:
            if not self._catalogue.collections.exists(lease.unit.collection_id):
                raise CollectionGone("the collection was deleted")
            raise Unreadable(
                "passages_missing",
                f"passages of {document!r} are missing from the vector store; "
                "run `quern check --repair`, then reindex",
            )


def _ids(documents: Mapping[str, Current]) -> list[str]:
    """Return the ids of all chunks of current documents."""
    return [
        chunk_id(document, current.generation, n)
        for document, current in documents.items()
        for n in range(current.chunks)
    ]
