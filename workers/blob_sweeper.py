"""The blob sweep: what no row and no document names any more goes from the disk."""

import logging
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from corpus.storage import Storage
from jobs.archive.segment import BLOB_FIELDS
from jobs.question_lists import LIST_BLOB
from protocol import timings
from protocol.keys import key
from workers.rounds import Rounds

log = logging.getLogger(__name__)

#: Fields of a document's record that do.
IN_RECORDS: Final = ("source_blob", "text_blob", "manifest_blob")
#: Rows or records that are read in one trip, and files that are looked at in one step.
PAGE: Final = 500
#: Folders of the blob store, by the first byte of the names in them.
FOLDERS: Final = tuple(f"{number:02x}" for number in range(256))


class Names:
    """
    A set of blobs' names in eight bytes each, whatever their number.

    Of two names with the same beginning both are in it if one is: a blob stays, none goes.
    """

    def __init__(self) -> None:
        self._sorted: NDArray[np.uint64] = np.zeros(0, dtype=np.uint64)
        self._fresh = array("Q")

    def add(self, names: Iterable[str | None]) -> None:
        """Add names; what is none, and what cannot be one, is passed over."""
        for name in names:
            try:
                self._fresh.append(int((name or "")[:16], 16))
            except ValueError:
                continue
        if len(self._fresh) > max(100_000, len(self._sorted)):
            self._settle()

    def without(self, names: Sequence[str]) -> list[str]:
        """Return those of *names* that are not in the set."""
        self._settle()
        numbers = np.array([int(name[:16], 16) for name in names], dtype=np.uint64)
        first, last = (np.searchsorted(self._sorted, numbers, side) for side in ("left", "right"))
        return [name for name, new in zip(names, (first == last).tolist(), strict=True) if new]

    def _settle(self) -> None:
        """Sort in what was added."""
        if self._fresh:
            self._sorted = np.union1d(self._sorted, np.array(self._fresh, dtype=np.uint64))
            self._fresh = array("Q")


class BlobSweeper:
    """
    Deletes blobs of a day's age that nothing names; none while a backup is made.

    A sweep goes through all rows and records first, then through the disk, folder by folder, a
    second at a time, so that the lock of the service is kept. A blob that is named meanwhile is
    written, which renews its age. Two sweeps at once, or half of one, do no harm.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._rounds = Rounds(
            self._sweep, every_s=timings.BLOB_SWEEP_S, turn_s=timings.BLOB_SWEEP_TURN_S,
            at_once=False,
        )  # fmt: skip

    def turn(self) -> None:
        """Sweep on for a second; begin anew an hour after the last end."""
        self._rounds.turn()

    def sweep(self) -> int:
        """Sweep from beginning to end; returns how many blobs were deleted."""
        return sum(self._sweep())

    def _sweep(self) -> Iterator[int]:
        """Sweep step by step; yields how many blobs each step deleted."""
        named = Names()
        named_in = (
            self._in_rows(), self._in_jobs(), self._in_archive(), self._in_records(),
            self._storage.files.blobs(),
        )  # fmt: skip
        for names in chain(*named_in):
            named.add(names)
            yield 0
        # After all looks: whatever a backup's snapshot names was still named when it was taken.
        if self._storage.redis.exists(key("lock", "backup")):
            return
        blobs, deleted = self._storage.blobs, 0
        for folder in FOLDERS:
            old = blobs.older_than(timings.BLOB_AGE_S, folder=folder)
            while page := list(islice(old, PAGE)):
                loose = named.without(page)
                gone = sum(blobs.delete(name, older_than_s=timings.BLOB_AGE_S) for name in loose)
                deleted += gone
                yield gone
        if deleted:
            log.info("blobs swept", extra={"deleted": deleted})

    def _in_rows(self) -> Iterator[list[str | None]]:
        """Yield what rows name, a page at a time."""
        return self._in_hashes(key("unit", "*"), BLOB_FIELDS)

    def _in_jobs(self) -> Iterator[list[str | None]]:
        """Yield the lists of questions that jobs name, a page at a time."""
        return self._in_hashes(key("job", "*"), (LIST_BLOB,))

    def _in_hashes(self, match: str, fields: Sequence[str]) -> Iterator[list[str | None]]:
        """Yield what hashes of the ledger name in *fields*, a page at a time."""
        redis = self._storage.redis
        found = redis.scan_iter(match=match, count=PAGE)
        while page := list(islice(found, PAGE)):
            pipe = redis.pipeline(transaction=False)
            for name in page:
                pipe.hmget(name, fields)
            yield [blob for told in pipe.execute() for blob in told]

    def _in_archive(self) -> Iterator[list[str | None]]:
        """Yield what archived rows name; after the others, for a row goes there and never back."""
        archive = self._storage.ledger.archive
        names: Iterator[str | None] = archive.blobs() if archive else iter(())
        while page := list(islice(names, PAGE)):
            yield page

    def _in_records(self) -> Iterator[list[str | None]]:
        """Yield what the records of current documents name, a page at a time."""
        documents = self._storage.catalogue.documents
        for collection_id in self._storage.catalogue.collections.collection_ids().values():
            after: str | None = ""
            while after is not None:
                page, after = documents.page(collection_id, after=after, limit=PAGE)
                yield [record.get(field) for record in page for field in IN_RECORDS]
