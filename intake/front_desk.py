"""The front desk: turns a valid request into a recorded job, or says why it cannot take it."""

import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import orjson

from corpus.blobs import BlobStore, Together
from corpus.catalogue import Catalogue
from intake.requests import (
    MAX_DEADLINE_S,
    MAX_METADATA_BYTES,
    CheckRequest,
    DocumentUpload,
    IngestRequest,
    QueryRequest,
    SearchRequest,
)
from jobs.document_metadata import merged, of_row, own_part
from jobs.ledger import Full, Idempotency, Ledger, Sealed
from jobs.units import FINAL_STATES
from protocol.ids import made_at_ms, new_id
from protocol.keys import key
from protocol.messages import PRIORITY_OF, Stage
from rag.errors import InvalidRequest, QuernError
from runtime.settings import Settings

#: Redis keeps this share of its memory for finishing what was admitted.
ADMISSION_SHARE = 0.8
SEARCH_DEADLINE_S = 10
#: Rows that a retry hands over in one script.
ROWS_AT_ONCE = 500


class NotFound(QuernError):
    """Raised when a collection, document or job does not exist."""


class Gone(QuernError):
    """Raised when a job is older than the retention."""


class NotRetryable(QuernError):
    """Raised when a job is retried that did not fail."""


class MemoryFull(QuernError):
    """Raised when Redis has no room for another job."""


@dataclass(frozen=True, slots=True)
class RowSource:
    """Where a document row comes from: bytes already in the blob store, and all its metadata."""

    document_id: str
    sha256: str
    size: int
    filename: str
    title: str
    metadata: str


class FrontDesk:
    """
    Accept questions, searches, documents and deletes.

    Args:
        pipeline: A word for everything that decides how bytes become chunks; with the bytes'
            own hash it is the fingerprint by which an unchanged document is known.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        ledger: Ledger,
        catalogue: Catalogue,
        blobs: BlobStore,
        pipeline: str,
    ) -> None:
        self.settings = settings
        self.ledger = ledger
        self.catalogue = catalogue
        self.blobs = blobs
        self._pipeline = pipeline
        #: A short word for the same: whose chunks were made by another would come out otherwise.
        self.made_by = hashlib.sha256(pipeline.encode()).hexdigest()[:16]
        self._memory_seen = (0.0, False)

    # Questions -----------------------------------------------------------------------------

    def ask(
        self,
        request: QueryRequest,
        *,
        idempotency: Idempotency | None = None,
        retry_of: str = "",
    ) -> str:
        """
        Record a question and return its job's id.

        Raises:
            NotFound: There is no such collection.

            Full, MemoryFull, IdempotencyConflict: As their names say.
        """
        self._admit()
        incarnation = self._incarnation(request.collection)
        limits = {
            "interactive": self.settings.max_interactive_jobs,
            "batch": self.settings.max_batch_jobs,
        }
        fields: dict[str, str | int] = {
            "kind": "query",
            "class": request.priority,
            "owner": request.priority,
            "priority": PRIORITY_OF[request.priority],
            "collection": request.collection,
            "incarnation": incarnation,
            "request": orjson.dumps(request.as_json()).decode(),
        }
        if retry_of:
            fields["retry_of"] = retry_of
        return self.ledger.submit(
            new_id(),
            stage="retrieve" if request.top_k else "generate",
            fields=fields,
            limit=limits[request.priority],
            deadline_s=request.deadline_s,
            idempotency=idempotency,
        )

    def search(self, request: SearchRequest) -> str:
        """Record a search and return its id; it is not listed among the jobs."""
        self._admit()
        fields: dict[str, str | int] = {
            "kind": "search",
            "class": "interactive",
            "owner": "interactive",
            "priority": PRIORITY_OF["interactive"],
            "collection": request.collection,
            "incarnation": self._incarnation(request.collection),
            "request": orjson.dumps(request.as_json()).decode(),
        }
        return self.ledger.submit(
            new_id(),
            stage="retrieve",
            fields=fields,
            limit=self.settings.max_interactive_jobs,
            deadline_s=SEARCH_DEADLINE_S,
        )

    # Documents -----------------------------------------------------------------------------

    def ingest(
        self,
        request: IngestRequest,
        uploads: Iterable[DocumentUpload],
        *,
        idempotency: Idempotency | None = None,
    ) -> str:
        """
        Keep the bytes, record one row per document, and return the job's id.

        The bytes are on disk before the job exists: an accepted document is never lost. *uploads*
        is read once, one document at a time. The body of *idempotency* says what was asked of all
        documents; the documents themselves are added to it here.
        """
        self._admit()
        job_id = new_id()
        of_all = orjson.dumps(dict(request.metadata)).decode()
        sources = self._keep(uploads, of_all)
        incarnation, _ = self.catalogue.create(request.collection)
        job = {
            "kind": "ingest",
            "collection": request.collection,
            "incarnation": incarnation,
            "priority": request.priority,
            "on_duplicate": request.on_duplicate,
            "metadata": of_all,
        }
        return self.ledger.accept(
            job_id,
            job=job,
            rows=[self._row(job_id, source, request.priority, of_all) for source in sources],
            limit=self.settings.max_ingest_documents,
            deadline_s=request.deadline_s,
            keep_open=request.keep_open,
            idempotency=idempotency and _with_documents(idempotency, sources),
        )

    def add(self, job_id: str, uploads: Iterable[DocumentUpload]) -> None:
        """
        Add documents to an open ingest; the same document and bytes count once.

        Raises:
            NotFound, Gone: There is no such ingest.

            Sealed: It takes no more.
        """
        job = self.job(job_id)
        if job["kind"] != "ingest":
            raise NotFound("only an ingest takes documents")
        if job.get("sealed") == "1":
            raise Sealed("this job takes no more documents")
        self._admit()
        of_all = job["metadata"]
        sources = self._keep(uploads, of_all)
        self.ledger.accept(
            job_id,
            job={k: job[k] for k in ("incarnation", "on_duplicate")},
            rows=[self._row(job_id, source, job["priority"], of_all) for source in sources],
            limit=self.settings.max_ingest_documents,
            deadline_s=self.settings.batch_deadline_s,
            keep_open=True,
        )

    def delete_document(self, collection: str, document_id: str) -> str:
        """Record the delete of a document; once its job has ended no search returns it."""
        incarnation = self._incarnation(collection)
        if not self.catalogue.known(incarnation, document_id):
            raise NotFound(f"there is no document {document_id!r} in {collection!r}")
        job_id = new_id()
        row = self._one_row(job_id, stage="remove", document=document_id)
        return self.ledger.accept(
            job_id,
            job={"kind": "delete", "collection": collection, "incarnation": incarnation},
            rows=[row],
            limit=self.settings.max_ingest_documents + 1_000,
            deadline_s=self.settings.batch_deadline_s,
        )

    def delete_collection(self, collection: str) -> str:
        """Free a collection's name at once, and record the job that removes the rest."""
        incarnation = self.catalogue.drop(collection)
        if incarnation is None:
            raise NotFound(f"there is no collection {collection!r}")
        return self._upkeep(
            "delete_collection", "drop", {"collection": collection, "incarnation": incarnation}
        )

    # Operations ----------------------------------------------------------------------------

    def reindex(self, collection: str, *, retry_of: str = "") -> str:
        """
        Record the job that makes a collection's vectors anew, and return its id.

        Raises:
            NotFound: There is no such collection.

            AlreadyRunning: Its vectors are being made anew.
        """
        self._admit()
        incarnation = self.catalogue.incarnation(collection)
        if incarnation is None:
            raise NotFound(f"there is no collection {collection!r}")
        fields = {
            "collection": collection,
            "incarnation": incarnation,
            "alone": f"reindex:{incarnation}",
        } | ({"retry_of": retry_of} if retry_of else {})
        return self._upkeep("reindex", "reindex", fields, deadline_s=MAX_DEADLINE_S)

    def check(self, request: CheckRequest) -> str:
        """
        Record the comparison of catalogue, vector store and sparse indexes; return the job's id.

        Raises:
            NotFound: There is no such collection.
        """
        if request.collection is not None:
            self._incarnation(request.collection)
        fields = {"request": orjson.dumps(request.as_json()).decode()}
        if request.collection is not None:
            fields["collection"] = request.collection
        return self._upkeep("check", "check", fields, owner="interactive")

    def _upkeep(
        self,
        kind: str,
        stage: Stage,
        fields: Mapping[str, str],
        *,
        owner: Literal["batch", "interactive"] = "batch",
        deadline_s: float | None = None,
    ) -> str:
        """Record a job on a whole collection; a full lane does not keep it out."""
        return self.ledger.submit(
            new_id(),
            stage=stage,
            fields={
                "kind": kind,
                "class": "ingest",
                "owner": owner,
                "priority": PRIORITY_OF[owner],
                "request": "{}",
                **fields,
            },
            limit=self.settings.max_ingest_documents + 1_000,
            deadline_s=deadline_s or self.settings.batch_deadline_s,
        )

    # Jobs ----------------------------------------------------------------------------------

    def job(self, job_id: str) -> dict[str, str]:
        """
        Return a job's row.

        Raises:
            Gone: It is older than the retention.

            NotFound: There never was one.
        """
        found = self.ledger.job(job_id)
        if found is not None and "job" not in found:
            return found
        made = made_at_ms(job_id)
        if made is not None and made < (time.time() - self.settings.retention_s) * 1000:
            raise Gone("this job ended so long ago that it was forgotten")
        raise NotFound(f"there is no job {job_id!r}")

    def cancel(self, job_id: str) -> bool:
        """Ask a job to stop; tells whether it was already final."""
        job = self.job(job_id)
        if job["state"] in FINAL_STATES:
            return True
        if job["kind"] in ("ingest", "delete"):
            self.ledger.cancel_job(job_id)
        else:
            self.ledger.cancel(job_id)
        return False

    def retry(self, job_id: str) -> str:
        """
        Record a new job for one that failed, was cancelled or expired.

        An ingest's new job has its failed documents only.

        Raises:
            NotRetryable: The job succeeded, or has not ended.
        """
        job = self.job(job_id)
        retryable = ("failed", "cancelled", "expired", "partial")
        if job["state"] not in retryable:
            raise NotRetryable(f"this job is {job['state']}; only {', '.join(retryable)} can retry")
        if job["kind"] == "query":
            asked = orjson.loads(job["request"])
            return self.ask(QueryRequest(**asked), retry_of=job_id)
        if job["kind"] == "reindex":
            return self.reindex(job["collection"], retry_of=job_id)
        if job["kind"] != "ingest":
            raise NotRetryable("only questions, ingests and reindexes can be retried")
        return self._retry_ingest(job_id, job)

    def _retry_ingest(self, job_id: str, job: dict[str, str]) -> str:
        """
        Record a new ingest of the rows that did not succeed, however many.

        They are handed over in parts: one script with all of them would keep Redis from all else.
        """
        self._admit()
        retry_id = new_id()
        kept = ("kind", "collection", "incarnation", "priority", "on_duplicate", "metadata")
        fields = {name: job[name] for name in kept} | {"retry_of": job_id}
        total = int(job.get("total", "0"))
        try:
            for at in range(0, max(total, 1), ROWS_AT_ONCE):
                failed = filter(_failed, self.rows(job_id, start=at, limit=ROWS_AT_ONCE))
                sources = [_source_of(row, job) for row in failed]
                self.ledger.accept(
                    retry_id,
                    job=fields,
                    rows=[
                        self._row(retry_id, s, job["priority"], job["metadata"]) for s in sources
                    ],
                    limit=self.settings.max_ingest_documents,
                    deadline_s=self.settings.batch_deadline_s,
                    keep_open=at + ROWS_AT_ONCE < total,
                )
        except Full:
            if self.ledger.job(retry_id):  # the last part found no room: none shall be half done
                self.ledger.cancel_job(retry_id)
            raise
        return retry_id

    def rows(self, job_id: str, *, start: int = 0, limit: int = -1) -> list[dict[str, str]]:
        """Return the document rows of an ingest or delete, in order, from number *start*."""
        end = -1 if limit < 0 else start + limit - 1
        names = self.ledger.redis.lrange(key("rows", job_id), start, end)
        pipe = self.ledger.redis.pipeline(transaction=False)
        for name in names:
            pipe.hgetall(key("unit", name))
        return [row for row in pipe.execute() if row]

    # Inside --------------------------------------------------------------------------------

    def _incarnation(self, collection: str) -> str:
        """Return what a collection's name points at; `default` is made when first asked for."""
        incarnation = self.catalogue.incarnation(collection)
        if incarnation is None and collection == "default":
            incarnation, _ = self.catalogue.create(collection)
        if incarnation is None:
            raise NotFound(f"there is no collection {collection!r}")
        return incarnation

    def _keep(self, uploads: Iterable[DocumentUpload], of_all: str) -> list[RowSource]:
        """Put documents' bytes into the blob store, reading one at a time."""
        with self.blobs.together() as several:
            return [self._source(upload, of_all, several) for upload in uploads]

    def _source(self, upload: DocumentUpload, of_all: str, blobs: Together) -> RowSource:
        """Hand a document's bytes over to the blob store."""
        if len(upload.data) > self.settings.max_file_bytes:
            raise InvalidRequest(
                upload.document_id,
                f"has {len(upload.data)} bytes; a file may have {self.settings.max_file_bytes}",
            )
        metadata = merged(of_all, orjson.dumps(dict(upload.metadata)).decode())
        if (size := len(metadata.encode())) > MAX_METADATA_BYTES:
            raise InvalidRequest(
                "metadata",
                f"has {size} bytes as JSON together with {upload.document_id!r}'s own; "
                f"a document's may have {MAX_METADATA_BYTES}",
            )
        return RowSource(
            document_id=upload.document_id,
            sha256=blobs.put(upload.data),
            size=len(upload.data),
            filename=upload.filename,
            title=upload.title or "",
            metadata=metadata,
        )

    def _row(
        self, job_id: str, source: RowSource, priority: str, of_all: str
    ) -> dict[str, str | int]:
        """
        Return the row of a document: the same document and bytes give the same id.

        What the job's metadata says *of_all* is kept with the job alone.
        """
        told = f"{source.sha256}\0{source.filename}\0{source.title}\0{source.metadata}"
        fingerprint = hashlib.sha256(f"{self._pipeline}\0{told}".encode()).hexdigest()[:32]
        return self._one_row(job_id, stage="parse", document=source.document_id) | {
            "id": _row_id(job_id, source.document_id, fingerprint),
            "owner": "interactive" if priority == "interactive" else f"ingest:{job_id}",
            "priority": PRIORITY_OF[priority],
            "sha256": source.sha256,
            "size": source.size,
            "filename": source.filename,
            "title": source.title,
            "own_metadata": own_part(source.metadata, of_all),
            "fingerprint": fingerprint,
            "made_by": self.made_by,
        }

    def _one_row(self, job_id: str, *, stage: str, document: str) -> dict[str, str | int]:
        """Return what every document row has."""
        return {
            "id": _row_id(job_id, document, ""),
            "kind": "document",
            "document": document,
            "stage": stage,
            "role": "ingest" if stage == "parse" else "embed",
            "owner": "interactive",
            "priority": PRIORITY_OF["interactive"],
        }

    def _admit(self) -> None:
        """Refuse new work while Redis has no room to finish it; looks once a second."""
        seen_at, full = self._memory_seen
        if time.monotonic() - seen_at > 1.0:
            memory = self.ledger.redis.info("memory")
            bound = int(memory.get("maxmemory", 0))
            full = bound > 0 and int(memory["used_memory"]) > ADMISSION_SHARE * bound
            self._memory_seen = (time.monotonic(), full)
        if full:
            raise MemoryFull("the queue has no memory left for new jobs; try again shortly")


def _failed(row: Mapping[str, str]) -> bool:
    """Tell whether a row of an ended ingest can be tried again."""
    return row["state"] != "succeeded" and "sha256" in row


def _source_of(row: Mapping[str, str], job: Mapping[str, str]) -> RowSource:
    """Return where a row came from."""
    return RowSource(
        document_id=row["document"],
        sha256=row["sha256"],
        size=int(row["size"]),
        filename=row["filename"],
        title=row["title"],
        metadata=of_row(row, job["metadata"]),
    )


def _with_documents(idempotency: Idempotency, sources: Sequence[RowSource]) -> Idempotency:
    """Make what an idempotency key stands for include the documents."""
    told = [
        (source.document_id, source.sha256, source.filename, source.title, source.metadata)
        for source in sources
    ]
    body = hashlib.sha256(idempotency.body.encode() + orjson.dumps(told)).hexdigest()
    return Idempotency(key=idempotency.key, body=body)


def _row_id(job_id: str, document_id: str, fingerprint: str) -> str:
    """Name a row so that the same document sent twice to one job is one row."""
    told = hashlib.sha256(f"{document_id}\0{fingerprint}".encode()).hexdigest()[:20]
    return f"{job_id}:{told}"
