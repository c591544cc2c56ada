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
from rag.ports import Edition, Embedder, VectorStore

#: Documents copied between two looks at whether to go on.
PAGE: Final = 50
#: Chunks embedded and written at once.
BATCH: Final = 100

GONE = "It was deleted while its vectors were made anew; nothing was kept."


class Reindexer:
    """
    Make an edition of a collection's vectors with this worker's embedder and today's settings.

    Everything else of the collection stays: documents, generations, chunk ids, texts, change log.
    What is current is copied in the order of the names; what changes meanwhile is noted by the
    script that changes it, and copied again; one script changes over once nothing is lacking. A
    job that died is taken up where it was.

    Args:
        vectors: Both editions lie here.

        embedder: Of the new one.

        catalogue: What is current, and the record of both editions.
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
        self._editions = catalogue.editions

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
        building = self._editions.begin(lease, self._embedder.identity, hnsw)
        edition = Edition(building.name, self._embedder.identity, hnsw)
        self._vectors.create(edition.name, hnsw)
        # A catalogue lost now must not be restored from half of the vectors.
        self._vectors.label(edition.name, {"unfinished": lease.unit.collection_id})
        copied = self._copy_all(lease, edition, after=building.at)
        self._copy_missing(lease, edition)
        result = {
            "documents": copied,
            "embedder": asdict(self._embedder.identity),
            "hnsw": asdict(hnsw),
        }
        hold = False
        while lacking := self._editions.swap(lease, edition.name, hold=hold, result=result):
            # Under a steady stream of changes there would be no moment at which none is lacking:
            # once they are few, the last are copied while flips wait.
            hold = lacking <= timings.HOLD_MOST
            self._catch_up(lease, edition, copied)
            lease.check()

    def _copy_all(self, lease: Lease, edition: Edition, *, after: str) -> int:
        """Copy the current documents after *after*, in the order of their names; returns all."""
        collection_id = lease.unit.collection_id
        done = self._catalogue.documents.count_after(collection_id, "")
        done -= self._catalogue.documents.count_after(collection_id, after)
        while names := self._catalogue.documents.names(collection_id, after=after, limit=PAGE):
            self._copy(lease, edition, self._catalogue.generations.current(collection_id, names))
            after, done = names[-1], done + len(names)
            total = done + self._catalogue.documents.count_after(collection_id, after)
            self._editions.advance(lease, edition.name, done=done, total=total, at=after)
        return done

    def _copy_missing(self, lease: Lease, edition: Edition) -> None:
        """
        Copy what the edition should have and has not.

        It may have lost what was copied before this worker took it up, with the store's disk.
        """
        collection_id = lease.unit.collection_id
        entries = self._catalogue.generations.every_current(collection_id)
        while documents := dict(islice(entries, PAGE)):
            lease.check()
            ids = _ids(documents)
            there = self._vectors.present(edition.name, ids)
            lacking = {split_chunk_id(name)[0] for name in ids if name not in there}
            self._copy(lease, edition, {name: documents[name] for name in lacking})

    def _catch_up(self, lease: Lease, edition: Edition, done: int) -> None:
        """Copy some of what has changed since it was copied."""
        collection_id = lease.unit.collection_id
        behind = self._editions.behind(collection_id, most=PAGE)
        current = self._catalogue.generations.current(collection_id, list(behind))
        self._copy(lease, edition, current)
        copied = {name: entry.generation for name, entry in current.items()}
        self._editions.advance(
            lease, edition.name, done=done, total=done, caught_up=behind | copied
        )

    def _copy(self, lease: Lease, edition: Edition, documents: Mapping[str, Current]) -> None:
        """Embed and write the chunks of current documents."""
        ids = _ids(documents)
        for first in range(0, len(ids), BATCH):
            lease.check()
            self._copy_batch(lease, edition, ids[first : first + BATCH])

    def _copy_batch(self, lease: Lease, edition: Edition, ids: Sequence[str]) -> None:
        """Embed and write some chunks; their texts come from the vectors people search."""
        collection_id = lease.unit.collection_id
        source = self._editions.in_use(collection_id).name
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
        self._vectors.upsert(edition.name, chunks, vectors)

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
