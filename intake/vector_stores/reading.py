"""Reading what is in vector stores: files, batches of files, texts of files."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from corpus.catalogue.catalogue import Catalogue
from corpus.vector_stores.attachments import STATES, Attachments, State
from corpus.vector_stores.records import StoreRecord
from intake.errors import NotFound
from intake.lookup.documents import Documents
from intake.lookup.jobs import JobLookup
from intake.vector_stores.files import (
    Batch,
    StoreFile,
    batch_of,
    of_attachment,
    of_batch_row,
    of_record,
    state_of_row,
)
from jobs.ledger.ledger import Ledger
from jobs.long_jobs import LongJobs
from rag.errors import InvalidRequest

_BATCH: Final = "vsfb_"
_HEX: Final = 32
#: How long a cancel goes on itself, seconds; a batch of two thousand has ended by then.
_CANCEL_TURN_S: Final = 0.5
#: What of a collection that was not made as a store is listed in front of its documents.
_NOT_DOCUMENTS: Final = tuple(state for state in STATES if state != "completed")


class StoreReading:
    """Find and list the files of stores and batches, and cancel batches."""

    def __init__(
        self,
        *,
        attachments: Attachments,
        catalogue: Catalogue,
        documents: Documents,
        ledger: Ledger,
        lookup: JobLookup,
        long_jobs: LongJobs,
    ) -> None:
        self._attachments = attachments
        self._catalogue = catalogue
        self._documents = documents
        self._ledger = ledger
        self._lookup = lookup
        self._long_jobs = long_jobs

    def file(self, store: StoreRecord, file_id: str) -> StoreFile:
        """Return a file of a store; raises NotFound."""
        one = self._attachments.find(store.collection_id, file_id)
        if one is not None:
            return of_attachment(one)
        record = self._catalogue.documents.record(store.collection_id, file_id)
        if record is None or store.is_own:
            raise NotFound(f"there is no file {file_id!r} in this vector store")
        return of_record(record)

    def unit_of(self, store: StoreRecord, file_id: str) -> str | None:
        """Return the row that makes an attached file's document."""
        one = self._attachments.find(store.collection_id, file_id)
        return None if one is None else one.unit

    def page(
        self,
        store: StoreRecord,
        *,
        state: State | None,
        after: str | None,
        before: str | None,
        newest_first: bool,
        limit: int,
    ) -> tuple[list[StoreFile], bool]:
        """
        Return up to *limit* files by when they were attached, and whether more follow.

        They are those behind the file *after*, or the last ones in front of *before*. Documents
        of a collection that was not made as a store come in the order of their ids, behind files
        that are attached as what is none.

        Raises:
            NotFound: There is no such file to go on from.

            InvalidRequest: A collection that was not made as a store is asked for in another order.
        """
        if not store.is_own:
            _check_order(before, newest_first=newest_first)
        if (edge := after or before) is not None:
            self.file(store, edge)
        if not store.is_own:
            return self._page_of_collection(store, state=state, after=after, limit=limit)
        names, more = self._attachments.page(
            store.collection_id, state=state, after=after, before=before,
            newest_first=newest_first, limit=limit,
        )  # fmt: skip
        found = self._attachments.several(store.collection_id, names)
        # One that was detached, or moved on, since it was listed is left out.
        shown = [of_attachment(found[name]) for name in names if name in found]
        return [one for one in shown if state in (None, one.state)], more

    def text(self, store: StoreRecord, file_id: str) -> str:
        """
        Return the text that was read from a file.

        Raises:
            NotFound: It is no file of the store.

            InvalidRequest: It is no document, or not yet.

            BlobMissing: The text is missing from the blob store.
        """
        file = self.file(store, file_id)
        if self._catalogue.documents.record(store.collection_id, file_id) is None:
            raise InvalidRequest("file_id", f"has no content: the file is {file.state}")
        document = self._documents.find(store.name, file_id)
        return str(self._documents.text(document, start=0, end=None)["text"])

    def batch(self, store: StoreRecord, batch_id: str) -> Batch:
        """
        Return a batch of files of a store.

        Raises:
            NotFound, Gone: There is no such batch, or not any more.
        """
        job_id = _job_of(batch_id)
        if job_id is not None:
            try:
                job = self._lookup.row(job_id)
            except NotFound:
                job = {}
            if "store" in job and job.get("incarnation") == store.collection_id:
                return batch_of(batch_id, job_id, job)
        raise NotFound(f"there is no batch {batch_id!r} in this vector store")

    def cancel_batch(self, store: StoreRecord, batch_id: str) -> Batch:
        """Ask a batch to stop; files that are documents stay. Raises NotFound, Gone."""
        batch = self.batch(store, batch_id)
        if batch.counts.in_progress:
            self._ledger.submissions.cancel_job(batch.job_id)
            self._long_jobs.cancel_rows(batch.job_id, within_s=_CANCEL_TURN_S)
        return self.batch(store, batch_id)

    def batch_files(
        self,
        batch: Batch,
        *,
        state: State | None,
        after: str | None,
        before: str | None,
        newest_first: bool,
        limit: int,
    ) -> tuple[list[StoreFile], bool]:
        """
        Return up to *limit* files of a batch, and whether more follow; as `page` does.

        A file that is in another state now is as good a place to go on from as any.

        Raises:
            NotFound: There is no such file in the batch to go on from.
        """
        told = self._ledger.rows.sketches(batch.job_id, ("document", "attached_end"))
        listed = [(name, row) for name, row in told.items() if row.get("document")]
        if newest_first:
            listed.reverse()
        files = [row["document"] for _, row in listed]
        if (edge := after or before) is not None and edge not in files:
            raise NotFound(f"there is no file {edge!r} in this batch")
        if after is not None:
            listed = listed[files.index(after) + 1 :]
        elif before is not None:
            listed = listed[: files.index(before)]
        names = [name for name, row in listed if state in (None, state_of_row(row))]
        page = names[-limit:] if edge is not None and edge != after else names[:limit]
        rows = self._ledger.rows.named(batch.job_id, page)
        shown = [of_batch_row(row) for row in rows if "created" in row]
        # One that has moved on since it was listed is left out.
        return [one for one in shown if state in (None, one.state)], len(names) > limit

    def _page_of_collection(
        self, store: StoreRecord, *, state: State | None, after: str | None, limit: int
    ) -> tuple[list[StoreFile], bool]:
        """Return files of a collection: those of other states first, then its documents."""
        found: list[StoreFile] = []
        states = [one for one in _NOT_DOCUMENTS if state in (None, one)]
        start = self._attachments.find(store.collection_id, after) if after else None
        begun = after is None
        for one in states:
            if not begun and start is not None and start.state == one:
                begun, behind = True, after
            else:
                behind = None
            if not begun or len(found) > limit:
                continue
            names, _ = self._attachments.page(
                store.collection_id, state=one, after=behind, before=None, newest_first=True,
                limit=limit + 1,
            )  # fmt: skip
            told = self._attachments.several(store.collection_id, names)
            found += [of_attachment(told[name]) for name in names if name in told]
        if state in (None, "completed") and (most := limit + 1 - len(found)) > 0:
            documents = self._documents_behind(store, "" if begun else after or "", at_once=most)
            found += islice(documents, most)
        return found[:limit], len(found) > limit

    def _documents_behind(
        self, store: StoreRecord, after: str | None, *, at_once: int
    ) -> Iterator[StoreFile]:
        """Yield a collection's documents as files, without those attached as what is none."""
        while after is not None:
            records, after = self._catalogue.documents.page(
                store.collection_id, after=after, limit=at_once
            )
            ids = [record["document_id"] for record in records]
            attached = self._attachments.several(store.collection_id, ids)
            for record in records:
                one = attached.get(record["document_id"])
                if one is None:
                    yield of_record(record)
                elif one.state == "completed":
                    yield of_attachment(one)


def _check_order(before: str | None, *, newest_first: bool) -> None:
    """Refuse what a list of a collection cannot do, whose documents are in order of their ids."""
    if before is not None:
        raise InvalidRequest("before", "cannot be asked of a collection; go on with after")
    if not newest_first:
        raise InvalidRequest("order", "must be desc: a collection is listed in one order")


def batch_id_of(job_id: str) -> str:
    """Return what clients call the batch of a job."""
    return _BATCH + job_id.replace("-", "")


def _job_of(batch_id: str) -> str | None:
    """Return the job of a batch; None where an id is none of a batch."""
    digits = batch_id.removeprefix(_BATCH)
    is_one = batch_id.startswith(_BATCH) and len(digits) == _HEX and digits.isalnum()
    if not is_one:
        return None
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
