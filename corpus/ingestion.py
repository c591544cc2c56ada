"""Ingesting a batch of documents, from claim to activation: the only way one becomes visible."""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import numpy as np
from redis.exceptions import RedisError

from corpus.blobs import BlobStore
from corpus.catalogue.catalogue import Catalogue
from corpus.catalogue.records import packed
from corpus.change_log import ChangeLog, not_before
from corpus.embedding import MOST_CHUNKS, PacedEmbedder
from corpus.manifests import stored_chunks
from corpus.parsing import FileReader
from jobs.errors import CollectionGone
from jobs.leases.batch import Batch, claim_batch
from jobs.leases.lease import Lease
from jobs.leases.leases import Leases
from jobs.ledger.document_steps import Activation, DocumentSteps
from protocol.timestamps import rfc3339
from rag.errors import (
    BlobMissing,
    Cancelled,
    DeadlineExceeded,
    EmbedderMismatch,
    LeaseLost,
    NoText,
    Retryable,
    Unreadable,
)
from rag.ports import StoredChunk, VectorIndex, Vectors, VectorStore
from runtime.logging.correlation import bound
from runtime.metrics.meters import timed
from runtime.tracing import traces

T = TypeVar("T")

#: A batch whose parsing takes longer gives back what it has not begun: others may have time.
PATIENCE_S = 2.0
#: A reindex blocks activations for its last moment; one is tried again this soon.
BLOCKED_RETRY_S = 0.02
#: What says nothing of the documents that it happened to: no use in trying one by one.
_NOT_THEIR_FAULT: Final = (Retryable, RedisError)


@dataclass(slots=True, eq=False)
class _Document:
    """A document on its way to be visible; of a deleted collection, or deleted, one of nothing."""

    lease: Lease
    vector_index: str = ""
    manifest: dict[str, Any] = field(default_factory=dict)
    chunks: list[StoredChunk] = field(default_factory=list)
    entry: str = ""  # of the change log; without one there is no record: activating says why
    fields: dict[str, str | float] = field(default_factory=dict)  # that its row gets at the end


class Ingestion:
    """
    Take documents through their stages; every step may be repeated, and is fenced by the lease.

    One document is a batch of one. Those of a batch share each call, and what happens to one of
    them, a fault, a cancel, a lost lease, ends that one alone.

    Args:
        leases: Where units are claimed.

        steps: Of the ledger: they log documents and make them current.

        reader: Turns a file into text and chunks.

        embedder: Must be the one the collection was made with.

        vectors: The truth about chunks.

        catalogue: Where the collection's embedder is recorded.

        change_log: Told of the new generation before anybody can see it.

        blobs: Where the parse stage leaves texts and manifests: nothing is chunked again.
    """

    def __init__(
        self,
        *,
        leases: Leases,
        steps: DocumentSteps,
        reader: FileReader,
        embedder: PacedEmbedder,
        vectors: VectorStore,
        catalogue: Catalogue,
        change_log: ChangeLog,
        blobs: BlobStore,
    ) -> None:
        self._leases = leases
        self._steps = steps
        self._reader = reader
        self._embedder = embedder
        self._vectors = vectors
        self._catalogue = catalogue
        self._change_log = change_log
        self._blobs = blobs

    def parse(self, unit_id: str) -> None:
        """Run the stage `parse` of a document and of what waits beside it, and publish at once."""
        with claim_batch(self._leases, unit_id, "parse") as batch:
            if batch is not None:
                self._parse(batch)
                self._publish(batch)

    def publish(self, unit_id: str) -> None:
        """Run the stage `publish` of a document and of what waits beside it."""
        with claim_batch(self._leases, unit_id, "publish") as batch:
            if batch is not None:
                self._publish(batch)

    def remove(self, unit_id: str) -> None:
        """Run the stage of a delete: a generation without chunks becomes current."""
        with claim_batch(self._leases, unit_id, "remove", most=1) as batch:
            if batch is not None:
                self._activate(batch, [_Document(batch.first, fields={"chunks": "0"})])

    # Bytes become text and chunks -------------------------------------------------------------

    def _parse(self, batch: Batch) -> None:
        """Parse files one by one, write their outputs together, go on with those that may."""
        until = time.monotonic() + PATIENCE_S

        def read(lease: Lease) -> dict[str, str | int] | None:
            if lease is not batch.first and time.monotonic() > until:
                batch.give_back(lease)
                return None
            with traces.shared_step("document", lease.unit.fields.get("traceparent", "")):
                return self._reader.read(lease, blobs)

        with self._blobs.together() as blobs:
            done = _each(batch, batch.active, read)
        # Only now: what is handed over is on the disk.
        outputs = [(lease, fields) for lease, fields in done if fields is not None]
        batch.hand_over(outputs, stage="publish")

    # Chunks become visible ----------------------------------------------------------------------

    def _publish(self, batch: Batch) -> None:
        """Embed, write, log, wait, activate; each trace with a document among them is told."""
        told = dict.fromkeys(lease.unit.fields.get("traceparent", "") for lease in batch.active)
        with contextlib.ExitStack() as stack:
            for n, traceparent in enumerate(told):
                stack.enter_context(traces.shared_step("publish", traceparent, around=n == 0))
            documents = self._read(batch)
            # Those of deleted collections are refused there.
            self._activate(batch, [one for one in documents if not one.vector_index])
            for group in _groups(one for one in documents if one.vector_index):
                self._publish_group(batch, group)

    def _publish_group(self, batch: Batch, group: list[_Document]) -> None:
        """Publish documents, or one by one where one of them may be at fault."""
        # What is said of a document alone carries its ids.
        with bound(**(group[0].lease.unit.ids if len(group) == 1 else {})):
            try:
                self._write(batch, group)
            except Exception as error:  # noqa: BLE001 - what it is decides how the units end
                if len(group) > 1 and not isinstance(error, _NOT_THEIR_FAULT):
                    for one in _going(batch, group):
                        self._publish_group(batch, [one])
                    return
                for one in group:
                    batch.end(one.lease, error)
                return
            self._log(batch, group)
            self._wait(batch, group)
            self._activate(batch, group)

    def _read(self, batch: Batch) -> list[_Document]:
        """Read what the parse stage handed over; of deleted collections nothing is read."""
        vector_indexes: dict[str, VectorIndex | None] = {}

        def read(lease: Lease) -> _Document:
            collection_id = lease.unit.collection_id
            if collection_id not in vector_indexes:
                vector_indexes[collection_id] = self._vector_index(collection_id)
            vector_index = vector_indexes[collection_id]
            if vector_index is None:
                return _Document(lease)
            manifest = self._manifest(lease)
            return _Document(lease, vector_index.name, manifest, self._chunks(lease, manifest))

        return [document for _, document in _each(batch, batch.active, read)]

    def _vector_index(self, collection_id: str) -> VectorIndex | None:
        """Return the vector index to write to; None where the collection was deleted."""
        if not self._catalogue.collections.exists(collection_id):
            return None
        try:
            vector_index = self._catalogue.vector_indexes.register_embedder(
                collection_id, self._embedder.identity
            )
        except EmbedderMismatch as error:
            raise Unreadable("embedder_mismatch", str(error)) from error
        self._vectors.create(vector_index.name, vector_index.hnsw)
        return vector_index

    def _manifest(self, lease: Lease) -> dict[str, Any]:
        """Read the manifest that the parse stage wrote."""
        manifest = self._blobs.get_json(lease.unit.fields["manifest_blob"])
        if not isinstance(manifest, dict):
            raise BlobMissing("a manifest is missing from the blob store")
        return manifest

    def _chunks(self, lease: Lease, manifest: dict[str, Any]) -> list[StoredChunk]:
        """Cut the chunks out of the parsed text, as they are to be stored."""
        data = self._blobs.get(manifest["text_blob"])
        if data is None:
            raise BlobMissing("a parsed text is missing from the blob store")
        row = lease.unit.fields
        if not manifest["chunks"]:
            raise NoText("there is no text to index")
        return stored_chunks(
            row["document"], int(row["generation"]), manifest, data.decode(), lease.unit.metadata
        )

    def _write(self, batch: Batch, group: Sequence[_Document]) -> None:
        """Embed and write the chunks of documents; nobody sees them yet."""
        began = time.perf_counter()
        rows = [(one, chunk) for one in group for chunk in one.chunks]
        for first in range(0, len(rows), MOST_CHUNKS):
            self._write_rows(batch, rows[first : first + MOST_CHUNKS])
        spent_ms = (time.perf_counter() - began) * 1000 / max(1, len(rows))
        for one in group:
            one.fields["ms_embed"] = round(spent_ms * len(one.chunks), 2)

    def _write_rows(self, batch: Batch, rows: Sequence[tuple[_Document, StoredChunk]]) -> None:
        """Embed and write some chunks, but for those of documents that are to stop."""
        documents = list(dict.fromkeys(one for one, _ in rows))
        going = set(_going(batch, documents))
        waiting = [row for row in rows if row[0] in going]
        done: list[tuple[_Document, StoredChunk, Vectors]] = []
        while waiting:
            some, waiting = self._embedder.parted(waiting)
            chunks, vectors = self._embedder.embed([chunk for _, chunk in some])
            done += zip((one for one, _ in some), chunks, vectors, strict=True)
            going = set(_going(batch, documents))
            waiting = [row for row in waiting if row[0] in going]
        by_index: dict[str, list[tuple[StoredChunk, Vectors]]] = {}
        for one, chunk, vector in done:
            if one in going:
                by_index.setdefault(one.vector_index, []).append((chunk, vector))
        for vector_index, some_rows in by_index.items():
            with timed("index"):
                self._vectors.upsert(
                    vector_index,
                    [chunk for chunk, _ in some_rows],
                    np.array([v for _, v in some_rows]),
                )

    def _log(self, batch: Batch, group: Sequence[_Document]) -> None:
        """Tell the followers of the new generations, before anybody can see them."""
        going = _going(batch, group)
        work = [(one.lease.unit, one.vector_index) for one in going]
        for one, entry in zip(going, _trip(self._steps.log_add, work), strict=True):
            if isinstance(entry, CollectionGone):
                one.manifest = {}  # its activation is refused, and says why
            elif isinstance(entry, Exception):
                batch.end(one.lease, entry)
            else:
                one.entry = entry

    def _wait(self, batch: Batch, group: Sequence[_Document]) -> None:
        """Wait until the followers have read of the new generations, as long as one is wanted."""
        logged = [one for one in group if one.entry and one.lease in batch.active]
        last: dict[str, str] = {}
        for one in logged:
            collection_id = one.lease.unit.collection_id
            if collection_id not in last or not_before(one.entry, last[collection_id]):
                last[collection_id] = one.entry

        def give_up() -> None:
            if all(one.lease.stopped for one in logged):
                logged[0].lease.check()

        pending = set(last)
        # What stopped is ended by the next step.
        with contextlib.suppress(LeaseLost, Cancelled, DeadlineExceeded):
            for collection_id, entry in last.items():
                if self._change_log.wait_for_followers(collection_id, entry, give_up=give_up):
                    pending.discard(collection_id)
        for one in logged:
            if one.lease.unit.collection_id in pending:
                one.fields |= {"sparse": "pending", "sparse_entry": one.entry}

    def _activate(self, batch: Batch, documents: Sequence[_Document]) -> None:
        """Make generations the current ones, unless newer ones are: the units end."""
        while going := _going(batch, documents):
            activations = [
                Activation(one.lease.unit, one.entry, packed(_record(one)), one.fields)
                for one in going
            ]
            documents = []
            for one, outcome in zip(going, _trip(self._steps.activate, activations), strict=True):
                if outcome == "held":
                    documents.append(one)
                elif isinstance(outcome, Exception):
                    batch.end(one.lease, outcome)
                else:
                    one.lease.conclude("finished", outcome=outcome)
                    batch.end(one.lease)
            if documents:
                time.sleep(BLOCKED_RETRY_S)


def _each(
    batch: Batch, leases: Iterable[Lease], step: Callable[[Lease], T]
) -> list[tuple[Lease, T]]:
    """Run *step* for each unit that is still wanted; what it raises ends that one alone."""
    done = []
    for lease in list(leases):
        with bound(**lease.unit.ids):
            try:
                lease.check()
                done.append((lease, step(lease)))
            except Exception as error:  # noqa: BLE001 - what it is decides how the unit ends
                batch.end(lease, error)
    return done


def _going(batch: Batch, documents: Iterable[_Document]) -> list[_Document]:
    """Return the documents that still run; those that are to stop end here."""
    running = {one.lease: one for one in documents if one.lease in batch.active}
    return [running[lease] for lease, _ in _each(batch, running, lambda _: None)]


def _trip(
    call: Callable[[Sequence[T]], list[str | Exception]], work: Sequence[T]
) -> list[str | Exception]:
    """Make one trip to the ledger; where Redis is away, that is the answer for each."""
    try:
        return call(work)
    except RedisError as error:
        return [error] * len(work)


def _groups(documents: Iterable[_Document]) -> Iterator[list[_Document]]:
    """Put documents together that have up to MOST_CHUNKS in sum; a longer one goes by itself."""
    group: list[_Document] = []
    chunks = 0
    for one in documents:
        if group and chunks + len(one.chunks) > MOST_CHUNKS:
            yield group
            group, chunks = [], 0
        group.append(one)
        chunks += len(one.chunks)
    if group:
        yield group


def _record(document: _Document) -> dict[str, Any]:
    """Return what the catalogue keeps of the current generation."""
    row, manifest = document.lease.unit.fields, document.manifest
    if not manifest:
        return {}
    return {
        "document_id": row["document"],
        "generation": int(row["generation"]),
        "title": manifest["title"],
        "file": row.get("filename", ""),
        "kind": manifest["kind"],
        "language": manifest.get("language", ""),
        "sha256": row["sha256"],
        "source_blob": row["sha256"],
        "text_blob": manifest["text_blob"],
        "manifest_blob": row["manifest_blob"],
        "bytes": int(row["size"]),
        "chars": manifest["chars"],
        "chunks": len(manifest["chunks"]),
        "metadata": document.lease.unit.metadata,
        "made_by": row.get("made_by", ""),
        "updated_at": rfc3339(time.time() * 1_000_000),
    }
