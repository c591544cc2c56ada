"""Jobs of many rows, worked off in slices: they get their rows, rows of cancelled ones end."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from itertools import islice
from typing import BinaryIO, Final, NamedTuple, Protocol

from jobs.document_rows import Row, RowMaker, RowSource
from jobs.errors import CollectionGone, Full, NoMemory, Revoked
from jobs.ledger.ledger import Ledger
from jobs.ledger.pace import MOST_ROWS
from jobs.memory import MemorySight
from jobs.question_lists import (
    LIST_BLOB,
    ListedQuestion,
    encode_line,
    fields_of_all,
    read_from,
    row_of,
)
from jobs.units import FINAL_STATES
from protocol.names import tenant_of

log = logging.getLogger(__name__)

#: How long a request itself works on its job, seconds: a small one is done by then.
FIRST_TURN_S: Final = 0.05
#: The same for a list of questions, of which a thousand have their rows by then.
FIRST_LIST_TURN_S: Final = 0.2
#: How long what Redis said of its memory is believed; scripts count what came since, see `fits`.
_BELIEVED_S: Final = 1.0
#: How long the service works at a time, on all unfinished jobs together, seconds.
TURN_S: Final = 2.0
#: The share of the queue that a retry may fill: new requests find the rest.
FILLED_SHARE: Final = 0.9
#: States of rows that a retry takes.
_TRIED_AGAIN: Final = FINAL_STATES - {"succeeded"}
#: The share of Redis' memory up to which retries are filled; the rest is for new requests, and to
#: finish what was accepted.
MEMORY_SHARE: Final = 0.7
#: The same shares for lists of questions: they wait on the disk as well as in Redis, and documents
#: are to find room beside the longest one.
LISTED_SHARE: Final = 0.5
LISTED_MEMORY_SHARE: Final = 0.5
#: Bytes of questions that go to Redis together: where they are large, few of them.
SLICE_BYTES: Final = 256 * 1024
#: Where documents alone take more, a list goes on all the same with so many batch questions at a
#: time, up to a larger share.
FEW: Final = 1_000
FEW_MEMORY_SHARE: Final = 0.75


class _Room(NamedTuple):
    """How many batch questions may wait, in what memory, and until when that is believed."""

    limit: int
    memory_bound: int | None
    until: float


class Together(Protocol):
    """Blobs that are kept together."""

    def put(self, data: bytes, /) -> str:
        """Take *data* and return its name."""
        ...


class Blobs(Protocol):
    """Where lists lie, which may be larger than what is to be in memory."""

    def open(self, name: str, /) -> BinaryIO | None:
        """Open a blob by its name; None where it is gone."""
        ...

    def together(self) -> AbstractContextManager[Together]:
        """Keep several blobs, which are durable once the block has ended."""
        ...


class LongJobs:
    """
    Fill retries and lists, end rows of cancelled jobs; what one process began, any other ends.

    Args:
        ledger: Where the jobs are.

        limit: How many documents may wait at a time.

        question_limit: How many batch questions may.

        blobs: Where the lists are.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        limit: int,
        question_limit: int,
        blobs: Blobs,
    ) -> None:
        self._ledger = ledger
        self._slices = ledger.slices
        self._limit = max(1, int(limit * FILLED_SHARE))
        self._question_limit = max(1, int(question_limit * LISTED_SHARE))
        self._blobs = blobs

    def turn(self) -> None:
        """
        Work for a moment on each of some unfinished jobs; what fails for one stops no other.

        Raises:
            Exception: The first that was raised for a job.
        """
        found = self._slices.unfinished()
        share_s = TURN_S / max(1, sum(map(len, found)))
        work = (
            *((self.cancel_rows, job_id) for job_id in found.stopping),
            *((self.fill, job_id) for job_id in found.filling),
            *((self.ask, job_id) for job_id in found.asking),
        )
        failures: list[Exception] = []
        for act, job_id in work:
            try:
                act(job_id, within_s=share_s)
            except Exception as error:  # noqa: BLE001  raised below, once others had their turns
                failures.append(error)
        for failure in failures[:1]:
            raise failure

    def cancel_rows(self, job_id: str, *, within_s: float) -> None:
        """Ask the open rows of a cancelled job to stop, all of them or as many as there is time."""
        until = time.monotonic() + within_s
        cursor = "0"
        while True:
            cursor = self._slices.cancel_rows(job_id, cursor)
            if cursor == "0" or time.monotonic() > until:
                return

    def fill(self, job_id: str, *, within_s: float) -> None:
        """
        Give a retry rows of the job that it retries, for as long as there is time and room.

        A retry whose collection was deleted, or whose rows cannot be read, is cancelled: it would
        be tried for ever.
        """
        until = time.monotonic() + within_s
        most = MOST_ROWS
        while (job := self._ledger.rows.job(job_id)) and job.get("filling") == "1":
            sight = MemorySight.of(self._ledger.redis)
            if sight.is_above(MEMORY_SHARE):
                return
            size = min(most, self._slices.filling.rows)
            try:
                self._fill(job_id, job, size, sight.bound(MEMORY_SHARE))
            except NoMemory:
                return  # as for a full queue
            except Full as full:
                most = min(size // 2, full.limit - full.depth)
                if most < 1:
                    return  # the next turn may find room
            except CollectionGone:
                self._ledger.submissions.cancel_job(job_id)
            except (KeyError, ValueError):
                log.exception("retry cannot be filled", extra={"job_id": job_id})
                self._ledger.submissions.cancel_job(job_id)
            if time.monotonic() > until:
                return

    def ask(
        self,
        job_id: str,
        *,
        within_s: float,
        questions: Sequence[ListedQuestion] | None = None,
    ) -> None:
        """
        Give a list of questions its rows, for as long as there is time and room.

        *questions* are those of the list, where the caller has them. One that cannot be read from
        the blob store is cancelled: it would be tried for ever.

        Raises:
            StoreUnavailable: The blob store is away.
        """
        until = time.monotonic() + within_s
        job = self._ledger.rows.job(job_id)
        if job is None or job.get("filling") != "1":
            return
        at: int | None = int(job["fill_at"])
        more: Iterator[ListedQuestion] | None = None
        if questions is not None:
            more = islice(questions, at, None)
        with ExitStack() as opened:
            while at is not None:
                room = self._room_for_lists()
                left = int(job["fill_total"]) - at
                # Where no whole slice has room, a list is not worth a read.
                if self._slices.room(room.limit) < min(left, self._slices.asking.rows):
                    return
                if more is None and (more := self._listed(job_id, job, at, opened)) is None:
                    return
                while at is not None:
                    at = self._ask(job_id, job, more, at, room)
                    now = time.monotonic()
                    if now > until:
                        return
                    if now > room.until:
                        break

    def _room_for_lists(self) -> _Room:
        """Look how many batch questions may wait now for lists to go on, and in what memory."""
        sight = MemorySight.of(self._ledger.redis)
        limit, share = self._question_limit, LISTED_MEMORY_SHARE
        if sight.is_above(share):
            limit, share = min(limit, FEW), FEW_MEMORY_SHARE
        if sight.is_above(share):
            limit = 0
        return _Room(limit, sight.bound(share), sight.at + _BELIEVED_S)

    def _ask(
        self,
        job_id: str,
        job: Mapping[str, str],
        more: Iterator[ListedQuestion],
        start: int,
        room: _Room,
    ) -> int | None:
        """Give a list its next slice; returns where to go on, None where that is not for now."""
        total = int(job["fill_total"])
        part = self._part(job_id, job, more, min(self._slices.asking.rows, total - start))
        if part is None:
            return None
        end = start + len(part)
        with self._blobs.together() as several:
            rows = [row_of(question, several.put) for question in part]
        try:
            went_on = self._slices.fill_questions(
                job_id, fields_of_all(job_id, job), rows, start=start, is_last=end >= total,
                limit=room.limit, memory_bound=room.memory_bound,
            )  # fmt: skip
        except (Full, NoMemory):
            return None
        except Revoked:
            log.warning("a batch of a revoked key ends", extra={"job_id": job_id})
            self._ledger.submissions.cancel_job(job_id)
            return None
        return end if went_on and end < total else None

    def _part(
        self, job_id: str, job: Mapping[str, str], more: Iterator[ListedQuestion], size: int
    ) -> list[ListedQuestion] | None:
        """
        Return the next questions of a list, *size* at most; fewer where these are large.

        A list that is not there as it was sent is cancelled.
        """
        try:
            part, is_whole = _next_of(more, size)
            whose = tenant_of(job.get("collection", ""))
            asked = {name for question in part for name in question.collections}
            if is_whole and all(tenant_of(name) == whose for name in asked):
                return part
            log.error("list is not as it was sent", extra={"job_id": job_id})
        except (AttributeError, KeyError, TypeError, ValueError):
            log.exception("list cannot be read", extra={"job_id": job_id})
        self._ledger.submissions.cancel_job(job_id)
        return None

    def _listed(
        self, job_id: str, job: Mapping[str, str], start: int, opened: ExitStack
    ) -> Iterator[ListedQuestion] | None:
        """Open a list at a question, until *opened* is closed; cancels one that is gone."""
        lines = self._blobs.open(job[LIST_BLOB]) if LIST_BLOB in job else None
        if lines is not None:
            return read_from(opened.enter_context(lines), start)
        log.error("list gone from the blob store", extra={"job_id": job_id})
        self._ledger.submissions.cancel_job(job_id)
        return None

    def _fill(
        self, job_id: str, job: Mapping[str, str], size: int, memory_bound: int | None = None
    ) -> None:
        """Give a retry its next slice."""
        start = int(job["fill_at"])
        end = min(start + size, int(job["fill_total"]))
        found = self._ledger.rows.documents(
            job["retry_of"], first=start, last=end - 1, states=_TRIED_AGAIN
        )
        of_all, maker = job.get("metadata", "{}"), RowMaker(job["pipeline"])
        rows: list[Row] = [
            maker.row(
                job_id, RowSource.of_row(row, of_all), priority=job["priority"], of_all=of_all
            )
            for row in found
            if "sha256" in row
        ]
        self._slices.fill(
            job_id, job, rows, start=start, end=end, limit=self._limit, memory_bound=memory_bound
        )


def _next_of(more: Iterator[ListedQuestion], size: int) -> tuple[list[ListedQuestion], bool]:
    """Return the next questions, as many as one script may take; False where they end too soon."""
    part, weight = [], 0
    for question in islice(more, size):
        part.append(question)
        weight += len(encode_line(question))
        if weight > SLICE_BYTES:
            return part, True
    return part, len(part) == size
