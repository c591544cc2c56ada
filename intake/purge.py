"""Purging on request: jobs that ended long ago are forgotten, a few seconds' worth a call."""

import time
from collections.abc import Iterable
from typing import Any, Final

from access.grants import current
from jobs.archive.archive import Archive
from jobs.ledger.purging import Purged, Purging
from jobs.requests import PurgeRequest

#: Jobs looked at together, and how long one call goes on.
_STEP: Final = 200
#: Later than any job ended, microseconds.
_EVER: Final = 2**52
_CALL_S: Final = 2.0


class Purge:
    """Forget jobs that ended, with their rows, events and segments."""

    def __init__(self, purging: Purging, archive: Archive | None) -> None:
        self._purging = purging
        self._archive = archive

    def page(
        self, request: PurgeRequest, *, after: tuple[str, str] = ("0", "")
    ) -> tuple[dict[str, Any], tuple[str, str] | None]:
        """
        Forget some; returns what was forgotten, and where the next call goes on, None at the end.

        Raises:
            ScopeMissing: All collections are not the caller's.

            StoreUnavailable: A segment cannot be deleted; its rows are forgotten all the same.
        """
        if request.collection is None:
            current().require_operator()
        before_us = int((time.time() - request.older_than_s) * 1e6)
        until = time.monotonic() + _CALL_S
        at, skip = float(after[0]), after[1]
        purged, ended = Purged(), False
        while not ended and time.monotonic() < until:
            jobs = self._purging.page(before_us=before_us, after=(at, skip), most=_STEP)
            ended = not jobs
            trips = self._purging.forget(
                [name for name, _ in jobs],
                purged,
                before_us=before_us,
                collection=request.collection or "",
                dry_run=request.dry_run,
            )
            if any(left and time.monotonic() >= until for left in trips):
                break  # some have rows left: the next call looks at these jobs once more
            if jobs:
                skip, at = jobs[-1]
        if not request.dry_run:
            self._delete_segments(purged.segments, everywhere=ended)
        told = {"jobs": purged.jobs, "documents": purged.rows}
        return told, None if ended else (f"{at:.0f}", skip)

    def forget(self, job_id: str) -> None:
        """
        Forget one job that has ended, whenever that was; the caller has looked that it may.

        Raises:
            StoreUnavailable: A segment cannot be deleted; its row is forgotten all the same.
        """
        purged = Purged()
        for _ in self._purging.forget(
            [job_id], purged, before_us=_EVER, collection="", dry_run=False
        ):
            pass
        self._delete_segments(purged.segments, everywhere=False)

    def _delete_segments(self, segments: Iterable[str], *, everywhere: bool) -> None:
        """Delete segments whose rows are all forgotten; *everywhere*: of earlier calls too."""
        # A backup's snapshot may name them; the last call of the next purge looks again.
        if self._archive is None or self._purging.files_held():
            return
        found = self._purging.counted() if everywhere else self._purging.counts(segments).items()
        for segment, forgotten in found:
            if self._archive.delete_forgotten(segment, rows=forgotten):
                self._purging.segment_gone(segment)
