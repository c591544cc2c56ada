"""Batches: a file of requests is checked and becomes one job, found by an id of OpenAI's kind."""

from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final

import orjson

from corpus.blobs import BlobStore
from corpus.catalogue.catalogue import Catalogue
from corpus.growing_blobs import Growing
from intake.admission import Admission
from intake.control import JobControl
from intake.disk_room import DiskRoom
from intake.errors import Gone, NotFound
from intake.idempotency import Idempotency
from intake.lookup.collections import collection_of
from intake.lookup.jobs import NEWEST, JobLookup, JobPosition
from intake.lookup.views import has_ended
from intake.v1.asking import Asking, somewhere
from intake.v1.batches.batch import Batch, BatchRequest, LineError, job_of, told_of
from intake.v1.batches.lines import InvalidBatch, Lines
from intake.v1.batches.reading import LineReader, ReadBody
from intake.v1.embeddings import Embeddings
from intake.v1.errors import Missing
from intake.v1.responses import Responses
from intake.vector_stores.uploads import FileStore
from jobs.ledger.ledger import Ledger
from jobs.long_jobs import FIRST_LIST_TURN_S, LongJobs
from jobs.question_lists import ALSO, BATCH, KIND, LIST_BLOB, encode_line
from protocol.ids import new_id
from rag.errors import BlobMissing
from runtime.settings import Settings

#: As many texts as OpenAI lets a batch embed, in all of its lines together.
MOST_TEXTS: Final = 50_000
_PAGE: Final = 100
#: What the job of a file says that is no batch; which lines are wrong stands in `batch`.
_REFUSED: Final = {
    "type": "invalid_batch",
    "title": "Nothing of the batch was accepted",
    "detail": "The batch's `errors` say why; see /v1/batches.",
}


class Batches:
    """
    Take batches in, find and stop them; each caller sees its own.

    A file is read line by line, and what becomes of it is on the disk before the job is recorded:
    an accepted batch is never lost, and however long it is, some lines are in memory at a time.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        ledger: Ledger,
        catalogue: Catalogue,
        blobs: BlobStore,
        files: FileStore,
        admission: Admission,
        disk: DiskRoom,
        long_jobs: LongJobs,
        jobs: JobLookup,
        control: JobControl,
        asking: Asking,
        responses: Responses,
        embeddings: Embeddings,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._catalogue = catalogue
        self._blobs = blobs
        self._files = files
        self._admission = admission
        self._disk = disk
        self._long_jobs = long_jobs
        self._jobs = jobs
        self._control = control
        self._asking = asking
        self._responses = responses
        self._embeddings = embeddings

    def create(
        self, asked: BatchRequest, read: ReadBody, *, idempotency: Idempotency | None = None
    ) -> Batch:
        """
        Record a batch; one whose file is none, or is not there, is recorded as one that failed.

        Raises:
            MemoryFull, DiskFull, Overspent, IdempotencyConflict, StoreUnavailable: As named.
        """
        self._admission.check("batch")
        try:
            record = self._files.find(asked.input_file_id)
            file = self._files.open(record)
        except (NotFound, BlobMissing):
            wrong = LineError(
                "invalid_request", f"Cannot find file {asked.input_file_id}, or it is not yours.",
                param="input_file_id",
            )  # fmt: skip
            return self._refuse(asked, [wrong], idempotency)
        with file, self._blobs.growing() as kept:
            try:
                self._disk.check(record.size)
                fields, collection = self._read(asked, file, kept, read)
            except InvalidBatch as invalid:
                return self._refuse(asked, invalid.errors, idempotency)
        job_id = self._begin(asked, fields, collection, idempotency)
        self._long_jobs.ask(job_id, within_s=FIRST_LIST_TURN_S)
        return self._there(job_id)

    def find(self, given: str) -> Batch:
        """Return a batch of the caller's by its id; raises Missing."""
        job_id = job_of(given)
        try:
            found = None if job_id is None else Batch.of(job_id, self._jobs.row(job_id))
        except (NotFound, Gone):
            found = None
        if found is None:
            raise Missing(f"No batch found with id '{given}'.", param="batch_id")
        return found

    def all(self, *, after: str | None = None) -> Iterator[Batch]:
        """
        Yield the caller's batches, newest first, behind the one called *after*.

        Raises:
            Missing: There is no such batch to go on behind.
        """
        position: JobPosition | None = NEWEST
        if after is not None:
            last = self.find(after)
            position = JobPosition(last.row["created"], last.job_id)
        while position is not None:
            page, position = self._jobs.rows(KIND, after=position, limit=_PAGE)
            for job_id, row in page:
                if (batch := Batch.of(job_id, row)) is not None:
                    yield batch

    def cancel(self, given: str) -> Batch | None:
        """
        Ask a batch to stop; what was answered by then stays. None where it had ended before.

        Raises:
            Missing: As `find`.

            ScopeMissing: The caller may not ask.
        """
        found = self.find(given)
        if has_ended(found.row) and not (found.is_cancelled and found.needs_files):
            return None
        self._control.cancel(found.job_id)
        found = self.find(given)
        return found if found.is_cancelled else None

    def _read(
        self, asked: BatchRequest, file: BinaryIO, kept: Growing, read: ReadBody
    ) -> tuple[dict[str, str], str]:
        """
        Keep what the lines ask; returns the fields of the batch's job and its first collection.

        Raises InvalidBatch.
        """
        reader = LineReader(
            read, asked.endpoint, catalogue=self._catalogue, asking=self._asking,
            responses=self._responses, embeddings=self._embeddings,
        )  # fmt: skip
        count = self._write(Lines(
            file, asked.endpoint, most_bytes=self._settings.max_json_bytes
        ), reader, kept)  # fmt: skip
        names = dict.fromkeys((*reader.collections, *reader.beside))
        first, *others = list(names) or [somewhere()]
        fields = {
            LIST_BLOB: kept.keep(),
            "fill_total": str(count),
            BATCH: told_of(asked, model=reader.model),
        }
        if others:
            fields[ALSO] = " ".join(others)
        return fields, first

    def _write(self, lines: Lines, reader: LineReader, kept: Growing) -> int:
        """Write the questions of lines down; returns how many. Raises InvalidBatch."""
        count = 0
        for line in lines:
            try:
                question = reader.question(line)
            except Missing as error:
                message = f"The model of this line is not supported: {error}"
                lines.refuse(str(error.code), message, line.number, "body.model")
                continue
            if reader.texts > MOST_TEXTS:
                message = f"A batch embeds at most {MOST_TEXTS} texts."
                raise InvalidBatch([
                    LineError("too_many_requests", message, line.number, "body.input")
                ])  # fmt: skip
            kept.write(encode_line(question) + b"\n")
            count += 1
        return count

    def _refuse(
        self, asked: BatchRequest, errors: Sequence[LineError], idempotency: Idempotency | None
    ) -> Batch:
        """Record a batch of which nothing was accepted."""
        fields = {
            "fill_total": "0",
            "error": orjson.dumps(_REFUSED).decode(),
            BATCH: told_of(asked, errors=errors),
        }
        return self._there(self._begin(asked, fields, somewhere(), idempotency))

    def _begin(
        self,
        asked: BatchRequest,
        fields: dict[str, str],
        collection: str,
        idempotency: Idempotency | None,
    ) -> str:
        """Record a batch's job; returns its id, or that of the one that came before."""
        place = {
            "collection": collection, "incarnation": collection_of(self._catalogue, collection),
        }  # fmt: skip
        with self._admission.admitting("batch") as bound:
            return self._ledger.slices.begin_list(
                new_id(),
                job={"kind": KIND, **place, **fields},
                deadline_s=asked.window_s,
                idempotency=idempotency,
                memory_bound=bound,
            )

    def _there(self, job_id: str) -> Batch:
        """Return a batch that was just taken in; raises NotFound where it was forgotten already."""
        found = Batch.of(job_id, self._jobs.row(job_id))
        if found is None:  # the caller's key is that of another kind of request
            raise NotFound(f"job {job_id} is no batch")
        return found
