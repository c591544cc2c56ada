"""Ingests: documents are kept on disk and recorded row by row before the response."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from corpus.blobs import BlobStore, Together
from corpus.catalogue.catalogue import Catalogue
from intake.admission import Admission
from intake.disk_room import DiskRoom
from intake.documents import MAX_METADATA_BYTES, DocumentUpload
from intake.errors import NotFound, Sealed
from intake.idempotency import Idempotency, with_documents
from intake.lookup.collections import existing_collection
from intake.lookup.documents import Documents
from intake.lookup.jobs import JobLookup
from intake.requests import IngestRequest, read_ingest
from jobs.document_metadata import merged
from jobs.document_rows import Row, RowMaker, RowSource
from jobs.ledger.ledger import Ledger
from jobs.long_jobs import FIRST_TURN_S, LongJobs
from jobs.requests import IngestTerms
from protocol.ids import new_id
from protocol.names import shown_name
from rag.errors import InvalidRequest, QuernError
from runtime.settings import Settings

#: Rows that one script accepts: for longer nobody is to wait for Redis.
ROWS_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class KeptDocument:
    """A document whose bytes are kept already, and fields that its row has beside the usual."""

    source: RowSource
    fields: Mapping[str, str]


class Ingests:
    """Record documents to index."""

    def __init__(
        self,
        *,
        settings: Settings,
        ledger: Ledger,
        catalogue: Catalogue,
        blobs: BlobStore,
        admission: Admission,
        disk: DiskRoom,
        lookup: JobLookup,
        long_jobs: LongJobs,
        rows: RowMaker,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._catalogue = catalogue
        self._blobs = blobs
        self._admission = admission
        self._disk = disk
        self._lookup = lookup
        self._long_jobs = long_jobs
        self._rows = rows

    def submit_ingest(
        self,
        request: IngestRequest,
        uploads: Iterable[DocumentUpload],
        *,
        idempotency: Idempotency | None = None,
    ) -> str:
        """
        Keep the bytes, record one row per document, and return the job's id.

        The bytes are on disk before the job exists: an accepted document is never lost. *uploads*
        is read once, one at a time. *idempotency* is that of the request without its documents.

        Raises:
            InvalidRequest: A document cannot be accepted as it is.

            Full, MemoryFull, DiskFull, IdempotencyConflict, CollectionGone, StoreUnavailable: As
                named; of what was kept for this call alone nothing stays.
        """
        self._admission.check("ingest")
        job_id = new_id()
        of_all = orjson.dumps(dict(request.metadata)).decode()
        with self._kept(uploads, of_all) as sources:
            terms = IngestTerms(
                collection=request.collection,
                collection_id=self._catalogue.collections.create(request.collection)[0],
                priority=request.priority,
                on_duplicate=request.on_duplicate,
                metadata=of_all,
                webhook_url=request.webhook_url or "",
            )
            documents = (source.identity for source in sources)
            return self._accept(
                job_id,
                terms.as_row(),
                self._made(job_id, terms, sources),
                deadline_s=request.deadline_s,
                keep_open=request.keep_open,
                idempotency=idempotency and with_documents(idempotency, documents),
            )

    def submit_kept(self, terms: IngestTerms, documents: Sequence[KeptDocument]) -> str:
        """
        Record rows of documents whose bytes are kept already, and return the job's id.

        They are accepted some at a time; where that ends early, those that were are cancelled.

        Raises:
            Full, MemoryFull, CollectionGone: As their names say.
        """
        self._admission.check("ingest")
        job_id = new_id()
        later = {"incarnation": terms.collection_id, "on_duplicate": terms.on_duplicate}
        for first in range(0, len(documents), ROWS_AT_ONCE):
            part = documents[first : first + ROWS_AT_ONCE]
            rows = self._made(job_id, terms, [one.source for one in part])
            try:
                self._accept(
                    job_id,
                    later if first else terms.as_row(),
                    [row | dict(one.fields) for row, one in zip(rows, part, strict=True)],
                    keep_open=first + ROWS_AT_ONCE < len(documents),
                )
            except QuernError:
                if first:
                    self._ledger.submissions.cancel_job(job_id)
                    self._long_jobs.cancel_rows(job_id, within_s=FIRST_TURN_S)
                raise
        return job_id

    def find(self, job_id: str) -> dict[str, str]:
        """
        Return the row of an ingest.

        Raises:
            NotFound, Gone: There is no such ingest.
        """
        job = self._lookup.row(job_id)
        if job["kind"] != "ingest":
            raise NotFound("only an ingest takes documents")
        return job

    def add(self, job_id: str, uploads: Iterable[DocumentUpload]) -> None:
        """
        Add documents to an open ingest; the same document and bytes count once.

        Raises:
            NotFound, Gone: There is no such ingest.

            Sealed: It takes no more.

            InvalidRequest, Full, MemoryFull, CollectionGone, StoreUnavailable: As for an ingest.
        """
        job = self.find(job_id)
        if job.get("sealed") == "1" or job.get("filling") == "1":
            raise Sealed("this job takes no more documents")
        self._admission.check("ingest")
        terms = IngestTerms.from_row(job)
        fields = {"incarnation": terms.collection_id, "on_duplicate": terms.on_duplicate}
        with self._kept(uploads, terms.metadata) as sources:
            self._accept(job_id, fields, self._made(job_id, terms, sources), keep_open=True)

    def close(self, job_id: str, *, idempotency: Idempotency | None = None) -> None:
        """
        Close an open ingest to more documents; harmless when repeated.

        Raises:
            NotFound, Gone: There is no such ingest.

            IdempotencyConflict: The key came with another request.
        """
        self.find(job_id)
        self._ledger.submissions.seal(job_id, idempotency=idempotency)

    def retry(
        self, job_id: str, job: Mapping[str, str], *, idempotency: Idempotency | None = None
    ) -> str:
        """
        Record a new ingest of the rows of *job* that did not succeed, however many.

        It has the first of them when this returns, and gets the rest by and by, as there is room.
        While a retry of *job* has not ended, the id is that one's.

        Raises:
            MemoryFull, IdempotencyConflict, CollectionGone: As their names say.
        """
        self._admission.check("ingest")
        terms = IngestTerms.from_row(job)
        more = {
            "retry_of": job_id,
            "fill_total": job.get("total", "0"),
            "pipeline": self._rows.pipeline,
        }
        retry_id = self._ledger.slices.begin_retry(
            new_id(),
            job=terms.as_row() | more,
            deadline_s=self._settings.batch_deadline_s,
            idempotency=idempotency,
        )
        self._long_jobs.fill(retry_id, within_s=FIRST_TURN_S)
        return retry_id

    def _accept(
        self,
        job_id: str,
        job: Mapping[str, str],
        rows: Sequence[Row],
        *,
        deadline_s: float | None = None,
        keep_open: bool,
        idempotency: Idempotency | None = None,
    ) -> str:
        """Record rows, and their job unless it is there; return the job's id."""
        with self._admission.admitting("ingest") as bound:
            return self._ledger.submissions.accept(
                job_id,
                job=job,
                rows=rows,
                limit=self._settings.max_ingest_documents,
                deadline_s=deadline_s or self._settings.batch_deadline_s,
                keep_open=keep_open,
                idempotency=idempotency,
                memory_bound=bound,
            )

    def _made(self, job_id: str, terms: IngestTerms, sources: Iterable[RowSource]) -> list[Row]:
        """Return the rows of documents that came under these *terms*."""
        return [
            self._rows.row(job_id, source, priority=terms.priority, of_all=terms.metadata)
            for source in sources
        ]

    @contextlib.contextmanager
    def _kept(self, uploads: Iterable[DocumentUpload], of_all: str) -> Iterator[list[RowSource]]:
        """
        Put documents' bytes into the blob store, reading one at a time.

        They are removed at once where the block refuses the documents; not where it cannot be known
        whether they were accepted, as when Redis does not answer.
        """
        written: dict[str, int] = {}
        try:
            with self._blobs.together() as several:
                written = several.written
                sources = [self._source(upload, of_all, several) for upload in uploads]
            yield sources
        except QuernError:
            self._blobs.take_back(written)
            raise

    def _source(self, upload: DocumentUpload, of_all: str, blobs: Together) -> RowSource:
        """Hand a document's bytes over to the blob store."""
        if len(upload.data) > self._settings.max_file_bytes:
            raise InvalidRequest(
                upload.document_id,
                f"has {len(upload.data)} bytes; a file may have {self._settings.max_file_bytes}",
            )
        metadata = merged(of_all, orjson.dumps(dict(upload.metadata)).decode())
        if (size := len(metadata.encode())) > MAX_METADATA_BYTES:
            raise InvalidRequest(
                "metadata",
                f"has {size} bytes as JSON together with {upload.document_id!r}'s own; "
                f"a document's may have {MAX_METADATA_BYTES}",
            )
        self._disk.check(len(upload.data))
        return RowSource(
            document_id=upload.document_id,
            sha256=blobs.put(upload.data),
            size=len(upload.data),
            filename=upload.filename,
            title=upload.title or "",
            metadata=metadata,
        )


class Reingests:
    """Ingest documents again as they came: for another parser, or where parts were lost."""

    def __init__(
        self, *, settings: Settings, catalogue: Catalogue, documents: Documents, ingests: Ingests
    ) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._documents = documents
        self._ingests = ingests

    def submit(
        self, collection: str, document_id: str, *, idempotency: Idempotency | None = None
    ) -> str:
        """
        Record the ingest of a document's own bytes, and return its job's id.

        The file's name, the metadata, and the title that a text was given stay. It is never
        `unchanged`; until it is done the document is found as it was.

        Raises:
            NotFound: There is no such collection or document.

            Gone, BlobMissing: Its bytes are not known any more, or missing.

            Full, MemoryFull, DiskFull, IdempotencyConflict, StoreUnavailable: As of an ingest.
        """
        document = self._documents.find(collection, document_id)
        _, data = self._documents.original(document)
        record = document.record
        upload = DocumentUpload(
            document_id=document_id,
            data=data,
            filename=record["file"] or "",
            # A file's title is read from it, or from its name; a text's may have come with it.
            title=None if record["file"] else record["title"],
            metadata=record["metadata"],
        )
        collection_id = existing_collection(self._catalogue, collection)
        self._catalogue.repairs.distrust(collection_id, document_id, document.generation)
        asked = {"collection": shown_name(collection), "priority": "interactive"}
        request = read_ingest(asked, self._settings)
        return self._ingests.submit_ingest(request, [upload], idempotency=idempotency)
