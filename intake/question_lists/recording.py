"""Lists of questions become jobs: kept on the disk first, given their rows as there is room."""

import os
from collections.abc import Mapping, Sequence
from typing import Final

from corpus.blobs import BlobStore
from corpus.catalogue.catalogue import Catalogue
from intake.admission import Admission
from intake.disk_room import DiskRoom
from intake.errors import NotRetryable
from intake.idempotency import Idempotency
from intake.lookup.collections import collection_of
from intake.question_lists.reading import QuestionList
from jobs.ledger.ledger import Ledger
from jobs.long_jobs import FIRST_LIST_TURN_S, LongJobs
from jobs.question_lists import (
    ALSO,
    KIND,
    LIST_BLOB,
    ListedQuestion,
    encode,
    encode_line,
    number_of,
    read_from,
)
from protocol.ids import new_id
from rag.errors import QuernError

#: Rows whose states are asked for in one trip.
_STATES_AT_ONCE: Final = 1_000


class QuestionLists:
    """
    Record lists of questions.

    A list is on the disk before its job exists, and its job before the answer: an accepted question
    is never lost, and however many there are, Redis is busy with some of them at a time.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        catalogue: Catalogue,
        blobs: BlobStore,
        admission: Admission,
        disk: DiskRoom,
        long_jobs: LongJobs,
    ) -> None:
        self._ledger = ledger
        self._catalogue = catalogue
        self._blobs = blobs
        self._admission = admission
        self._disk = disk
        self._long_jobs = long_jobs

    def submit(self, asked: QuestionList, *, idempotency: Idempotency | None = None) -> str:
        """
        Record a list and return its job's id.

        The first of its questions wait in their lane when this returns, the rest follow by and by.

        Raises:
            NotFound: There is no such collection.

            MemoryFull, DiskFull, IdempotencyConflict, CollectionGone, StoreUnavailable: As named.
        """
        fields = {
            "collection": asked.collection,
            "incarnation": collection_of(self._catalogue, asked.collection),
        }
        if asked.webhook_url:
            fields["webhook_url"] = asked.webhook_url
        return self._record(
            asked.questions, fields, deadline_s=asked.deadline_s, idempotency=idempotency
        )

    def retry(
        self, job_id: str, job: Mapping[str, str], *, idempotency: Idempotency | None = None
    ) -> str:
        """
        Record a new list of the questions of *job* that were not answered, and return its id.

        Those that never had a row, because the list was cancelled before, are among them. While a
        retry of *job* has not ended, the id is that one's.

        Raises:
            NotRetryable: The list is gone from the blob store.

            MemoryFull, DiskFull, IdempotencyConflict, CollectionGone, StoreUnavailable: As named.
        """
        if LIST_BLOB not in job:
            raise NotRetryable("nothing of this list was accepted; send it again")
        self._admission.check("batch")
        file = self._blobs.open(job[LIST_BLOB])
        if file is None:
            raise NotRetryable("this list is gone from the blob store; send it again")
        answered = self._answered(job_id, int(job["total"]))
        count = 0
        with file, self._blobs.growing() as left:
            self._disk.check(os.fstat(file.fileno()).st_size)
            for n, question in enumerate(read_from(file, 0)):
                if n not in answered:
                    left.write(encode_line(question) + b"\n")
                    count += 1
            blob = left.keep()
        told = {
            name: job[name]
            for name in ("collection", "incarnation", "webhook_url", ALSO)
            if name in job
        }
        again_id = self._begin(
            new_id(),
            told | {"retry_of": job_id, LIST_BLOB: blob, "fill_total": str(count)},
            deadline_s=int(job["deadline_ms"]) / 1000,
            idempotency=idempotency,
        )
        self._long_jobs.ask(again_id, within_s=FIRST_LIST_TURN_S)
        return again_id

    def _record(
        self,
        questions: Sequence[ListedQuestion],
        fields: Mapping[str, str],
        *,
        deadline_s: float,
        idempotency: Idempotency | None,
    ) -> str:
        """Keep a list, record its job, and give it its first rows; returns the job's id."""
        data = encode(questions)
        self._admission.check("batch")
        self._disk.check(len(data))
        written: dict[str, int] = {}
        fresh_id = new_id()
        try:
            with self._blobs.together() as several:
                written = several.written
                blob = several.put(data)
            told = {LIST_BLOB: blob, "fill_total": str(len(questions))}
            job_id = self._begin(
                fresh_id, {**fields, **told}, deadline_s=deadline_s, idempotency=idempotency
            )
        except QuernError:
            # Not where Redis did not answer: it may have been accepted.
            self._blobs.take_back(written)
            raise
        # An earlier job, as for a repeated key, is one that this list need not be.
        known = questions if job_id == fresh_id else None
        self._long_jobs.ask(job_id, within_s=FIRST_LIST_TURN_S, questions=known)
        return job_id

    def _begin(
        self,
        fresh_id: str,
        fields: Mapping[str, str],
        *,
        deadline_s: float,
        idempotency: Idempotency | None,
    ) -> str:
        """Record the job of a list that is kept; returns its id, or that of an earlier one."""
        with self._admission.admitting("batch") as bound:
            return self._ledger.slices.begin_list(
                fresh_id,
                job={"kind": KIND, **fields},
                deadline_s=deadline_s,
                idempotency=idempotency,
                memory_bound=bound,
            )

    def _answered(self, job_id: str, total: int) -> set[int]:
        """
        Return the numbers of a list's questions that were answered.

        By the names of their rows: a list that is being forgotten has lost its first ones.
        """
        found: set[int] = set()
        for first in range(0, total, _STATES_AT_ONCE):
            last = first + _STATES_AT_ONCE - 1
            states = self._ledger.rows.states(job_id, first=first, last=last)
            found |= {number_of(name) for name, state in states.items() if state == "succeeded"}
        return found
