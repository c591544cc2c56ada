"""Reindexing: a collection's vectors made anew, while people search the old ones."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby, islice
from typing import Any, Final

from corpus.blobs import BlobStore
from corpus.catalogue.catalogue import Catalogue
from corpus.catalogue.generations import Current
from corpus.embedding import embedded
from corpus.sources import keep_result
from jobs.errors import AlreadyRunning, CollectionGone
from jobs.leases.endings import problem
from jobs.leases.lease import Lease
from protocol import timings
from rag.documents import chunk_id, split_chunk_id
from rag.errors import InvalidRequest, NoVector, Unreadable
from rag.ports import Embedder, StoredChunk, Vectors, VectorStore

log = logging.getLogger(__name__)

#: Documents copied between two looks at whether to go on.
PAGE: Final = 50
#: Chunks embedded and written at once.
BATCH: Final = 100
#: Documents that are left out at most, and no more than this share of all: where the model gives
#: more of them no vector, it is the model's fault, and the old vectors stay.
MOST_LEFT_OUT: Final = 100
SHARE_LEFT_OUT: Final = 0.1

GONE = "It was deleted while its vectors were made anew; nothing was kept."


@dataclass(frozen=True, slots=True)
class _Copying:
    """What one body copies: under which lease, into which vector index, and what it leaves out."""

    lease: Lease
    vector_index: str
    left_out: dict[str, tuple[int, int]] = field(default_factory=dict)  # generation, chunks

    def leaves_out(self, name: str) -> bool:
        """Return True if a chunk is one of a generation that is left out."""
        document, generation, _ = split_chunk_id(name)
        return self.left_out.get(document, (0, 0))[0] == generation

    def leave_out(self, stored: StoredChunk, error: NoVector) -> None:
        """Leave out the generation of a chunk."""
        document, generation, _ = split_chunk_id(stored.chunk_id)
        told = {"document_id": document, "reason": str(error)}
        log.warning("document left out of a reindex", extra=self.lease.unit.ids | told)
        self.left_out[document] = (generation, stored.of)
        if len(self.left_out) > MOST_LEFT_OUT:
            raise _unsuited(self.left_out) from error


class Reindexer:
    """
    Make a vector index of a collection with this worker's embedder and today's settings.

    Everything else of the collection stays: documents, generations, chunk ids, texts, change log.
    What is current is copied in the order of the names; what changes meanwhile is noted by the
    script that changes it, and copied again; one script changes over once nothing is lacking. A
    job that died is taken up where it was. A document that the model gives no vector for is left
    out: the script that changes over withdraws it from search, and the job names it.

    Args:
        vectors: Both vector indexes lie here.

        embedder: Of the new one.

        catalogue: What is current, and the record of both vector indexes.

        blobs: Where a result lies that is too large for the job's row.
    """

    def __init__(
        self,
        *,
        vectors: VectorStore,
        embedder: Embedder,
        catalogue: Catalogue,
        blobs: BlobStore,
    ) -> None:
        self._vectors = vectors
        self._embedder = embedder
        self._catalogue = catalogue
        self._vector_indexes = catalogue.vector_indexes
        self._blobs = blobs

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
        self._vectors.create(building.name, hnsw)
        # A catalogue lost now must not be restored from half of the vectors.
        self._vectors.label(building.name, {"unfinished": lease.unit.collection_id})
        copying = _Copying(lease, building.name)
        copied = self._copy_all(copying, after=building.at)
        self._copy_missing(copying)
        hold = False
        while lacking := self._vector_indexes.swap(
            lease, building.name, hold=hold, left_out=copying.left_out,
            fields=self._fields(copying, copied),
        ):  # fmt: skip
            # Under a steady stream of changes there would be no moment at which none is lacking:
            # once they are few, the last are copied while activations are blocked.
            hold = lacking <= timings.HOLD_MOST
            self._catch_up(copying, copied)
            lease.check()

    def _fields(self, copying: _Copying, copied: int) -> dict[str, str]:
        """
        Return what the job's row gets at its end.

        Raises:
            Unreadable: So much is left out that the model does not suit these documents.
        """
        left_out = copying.left_out
        result: dict[str, Any] = {
            "documents": copied - len(left_out),
            "embedder": asdict(self._embedder.identity),
            "hnsw": asdict(self._catalogue.collections.hnsw),
        }
        if left_out:
            of = self._catalogue.documents.count_after(copying.lease.unit.collection_id, "")
            if len(left_out) > min(of - 1, max(1, of * SHARE_LEFT_OUT)):
                raise _unsuited(left_out)
            result["left_out"] = sorted(left_out)
        return keep_result(result, self._blobs)

    def _copy_all(self, copying: _Copying, *, after: str) -> int:
        """Copy the current documents after *after*, in the order of their names; returns all."""
        lease = copying.lease
        collection_id = lease.unit.collection_id
        done = self._catalogue.documents.count_after(collection_id, "")
        done -= self._catalogue.documents.count_after(collection_id, after)
        while names := self._catalogue.documents.names(collection_id, after=after, limit=PAGE):
            self._copy(copying, self._catalogue.generations.current(collection_id, names))
            after, done = names[-1], done + len(names)
            total = done + self._catalogue.documents.count_after(collection_id, after)
            self._vector_indexes.advance(
                lease, copying.vector_index, done=done, total=total, at=after
            )
        return done

    def _copy_missing(self, copying: _Copying) -> None:
        """
        Copy what the vector index should have and has not.

        It may have lost what was copied before this worker took it up, with the store's disk; and
        what another worker left out is not known to this one.
        """
        collection_id = copying.lease.unit.collection_id
        entries = self._catalogue.generations.every_current(collection_id)
        while documents := dict(islice(entries, PAGE)):
            copying.lease.check()
            ids = _ids(documents)
            there = self._vectors.present(copying.vector_index, ids)
            lacking = {split_chunk_id(name)[0] for name in ids if name not in there}
            self._copy(copying, {name: documents[name] for name in lacking})

    def _catch_up(self, copying: _Copying, done: int) -> None:
        """Copy some of what has changed since it was copied."""
        lease = copying.lease
        collection_id = lease.unit.collection_id
        behind = self._vector_indexes.behind(collection_id, most=PAGE)
        for document in behind:
            copying.left_out.pop(document, None)
        current = self._catalogue.generations.current(collection_id, list(behind))
        self._copy(copying, current)
        copied = {name: entry.generation for name, entry in current.items()}
        self._vector_indexes.advance(
            lease, copying.vector_index, done=done, total=done, caught_up=behind | copied
        )

    def _copy(self, copying: _Copying, documents: Mapping[str, Current]) -> None:
        """Embed and write the chunks of current documents."""
        ids = _ids(documents)
        for first in range(0, len(ids), BATCH):
            copying.lease.check()
            self._write(copying, self._read(copying, ids[first : first + BATCH]))

    def _read(self, copying: _Copying, ids: Sequence[str]) -> list[StoredChunk]:
        """Read some chunks, but those left out, from the vectors people search."""
        wanted = [name for name in ids if not copying.leaves_out(name)]
        source = self._vector_indexes.in_use(copying.lease.unit.collection_id).name
        found = self._vectors.get(source, wanted) if wanted else {}
        for name in wanted:
            if name not in found:
                self._explain(copying.lease, name)
        return [found[name] for name in wanted if name in found]

    def _write(self, copying: _Copying, chunks: Sequence[StoredChunk]) -> None:
        """Embed and write chunks, document by document where one of them gets no vector."""
        if not chunks:
            return
        try:
            whole, vectors = self._embedded(chunks)
        except NoVector as error:
            of_each = [list(some) for _, some in groupby(chunks, key=_document)]
            if len(of_each) == 1:
                copying.leave_out(chunks[0], error)
                return
            for some in of_each:
                copying.lease.check()
                self._write(copying, some)
            return
        copying.lease.check()
        self._vectors.upsert(copying.vector_index, whole, vectors)

    def _embedded(self, chunks: Sequence[StoredChunk]) -> tuple[list[StoredChunk], Vectors]:
        """
        Embed chunks.

        Raises:
            NoVector: The model gives one of them none.

            Unreadable: They are too long for the model.
        """
        try:
            return embedded(self._embedder, chunks)
        except InvalidRequest as error:
            raise Unreadable(
                "passages_too_long",
                f"the passages are longer than this embedding model reads ({error.message}); "
                "make a new collection with a lower QUERN_CHUNK_TOKENS and ingest into it",
            ) from error

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


def _document(stored: StoredChunk) -> str:
    """Return the id of the document that a chunk is of."""
    return split_chunk_id(stored.chunk_id)[0]


def _unsuited(left_out: Mapping[str, object]) -> Unreadable:
    """Return what is told of a model that gives too many documents no vector."""
    return Unreadable(
        "no_vector",
        f"the embedding model gives no usable vector for {len(left_out)} or more of the "
        f"documents, such as {min(left_out)!r}; the old vectors stay in use: choose another "
        "model (QUERN_EMBEDDING_MODEL)",
    )
