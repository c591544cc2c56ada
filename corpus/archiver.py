"""The archiver: ended rows go from Redis into segments, by the worker with the lock."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from corpus.blobs import BlobStore
from corpus.storage import Storage
from jobs.archive.archive import Archive
from jobs.ledger.archiving import EndedRow
from jobs.memory import MemorySight
from protocol import timings
from protocol.clock import now_ms
from rag.errors import StoreUnavailable

log = logging.getLogger(__name__)

#: Rows of one segment.
ROWS: Final = 200
#: Jobs whose rows one script looks for.
_JOBS: Final = 500
#: How long a turn may last: the next one goes on.
_TURN_S: Final = 2.0
#: From this share of Redis' memory on no row waits; the shedder begins above it.
_AT_ONCE_AT: Final = 0.5
#: Fields that name a text in the blob store, and where it stands in a row of few bytes.
_IN_BLOBS: Final = {"sources_blob": "sources", "result_blob": "result"}


class Archiver:
    """
    Move ended rows to the archive, and forget what has expired.

    Every step may be repeated, and two archivers may run at once: the segment is on the disk
    before Redis points at it, and the script that points replaces a row once. What is left over
    after a crash is a segment that nobody points at, and that goes when its rows would have.
    """

    def __init__(self, storage: Storage, archive: Archive) -> None:
        self._redis = storage.redis
        self._ledger = storage.ledger
        self._blobs = storage.blobs
        self._archive = archive
        self._lists: list[str] = []
        self._looked_at = "0"

    def turn(self) -> None:
        """
        Archive what ended a while ago, or at once where Redis' memory is short.

        Raises:
            StoreUnavailable: The disk is full or away; the rows stay in Redis.
        """
        self.archive(at_once=MemorySight.of(self._redis).is_above(_AT_ONCE_AT))

    def archive(self, *, at_once: bool = False) -> int:
        """Take a turn: some seconds at most; returns how many rows were archived."""
        until = time.monotonic() + _TURN_S
        self._archive.delete_expired(self._redis.time()[0])  # first: the disk may be full
        count = 0
        while (due := self._due(at_once=at_once)) and time.monotonic() < until:
            count += self._move(due)
        if count:
            log.info("rows archived", extra={"rows": count})
        while time.monotonic() < until and self._forget_jobs():
            pass
        return count

    def _due(self, *, at_once: bool) -> list[str]:
        """Return units whose rows make the next segment; none where it is worth waiting."""
        now = now_ms(self._redis)
        after_ms = 0 if at_once else int(timings.ARCHIVE_AFTER_S * 1000)
        ended = self._ledger.archiving.ended(before_ms=now - after_ms, most=ROWS)
        if not ended:
            return []
        waited_s = (now - ended[0][1]) / 1000
        if not at_once and len(ended) < ROWS and waited_s < timings.ARCHIVE_WAIT_S:
            return []
        return [unit_id for unit_id, _ in ended]

    def _move(self, unit_ids: Sequence[str]) -> int:
        """Archive rows, and let Redis keep where they lie; returns how many."""
        rows = self._ledger.archiving.read(unit_ids)
        moved = [row for row in rows if _is_worth_it(row)]
        pointers = self._write(moved)
        left = [(row, "") for row in rows if not _is_worth_it(row)]
        return self._ledger.archiving.replace([*zip(moved, pointers, strict=True), *left])

    def _write(self, rows: Sequence[EndedRow]) -> list[str]:
        """Write a segment; returns the pointers of its rows."""
        if not rows:
            return []
        until_s = now_ms(self._redis) / 1000 + max(row.expires_in_s for row in rows)
        return self._archive.write(self._whole(rows), until_s=until_s)

    def _whole(self, rows: Sequence[EndedRow]) -> Iterator[Mapping[str, str]]:
        """Yield rows with their texts that lie in the blob store, which may forget them then."""
        for row in rows:
            whole = row.fields
            for field, in_row in _IN_BLOBS.items():
                if (text := _text(whole.get(field, ""), self._blobs)) is not None:
                    whole = whole | {in_row: text, field: ""}
            yield whole

    def _forget_jobs(self) -> bool:
        """Look on through the lists of jobs, tenant by tenant; returns False at their end."""
        archiving = self._ledger.archiving
        if not self._lists:
            self._lists = [*archiving.tenants(), ""]
        after = archiving.forget_jobs(after=self._looked_at, most=_JOBS, of=self._lists[-1])
        self._looked_at = after or "0"
        if not after:
            self._lists.pop()
        return bool(self._lists)


def _is_worth_it(row: EndedRow) -> bool:
    """Return True if a row is to be archived: it is there, whole, and will be for a while."""
    whole = row.fields and "archived" not in row.fields
    return bool(whole) and row.expires_in_s > timings.ARCHIVE_LEAST_S


def _text(name: str, blobs: BlobStore) -> str | None:
    """Return a text from the blob store, None where there is none to be read."""
    if not name:
        return None
    try:
        data = blobs.get(name)
    except StoreUnavailable as error:
        log.warning("text left in the blob store", extra={"reason": str(error)})
        return None
    return None if data is None else data.decode()
