"""Checking: whether catalogue, vector store and sparse indexes agree, and their repair."""

import time

from celery import shared_task

from corpus.blobs import BlobStore
from corpus.check_and_repair.checker import Checker
from corpus.sources import keep_result
from jobs.leases.lease import Lease
from jobs.requests import CheckRequest
from tasks.base import QuernTask
from tasks.resources import require

#: A job's progress is told this often at most.
PROGRESS_S = 0.5


@shared_task(name="admin.check", bind=True, base=QuernTask)
def check(self: QuernTask, unit_id: str) -> None:
    """Compare everything, document by document; safe to run twice and to kill at any instant."""
    with self.resources.leases.claim(unit_id, "check") as lease:
        if lease is not None:
            _check(lease, require(self.resources.checker), self.resources.storage.blobs)


def _check(lease: Lease, checker: Checker, blobs: BlobStore) -> None:
    """Walk through all that is asked for, and end the job with what was found."""
    request = CheckRequest.from_row(lease.unit.fields)
    walk = checker.walk(request.collection, repair=request.repair)
    told = float("-inf")
    for step in walk:
        lease.check()
        if time.monotonic() - told > PROGRESS_S:
            told = time.monotonic()
            lease.progress(done=min(step.done, step.total), total=step.total, what="entries")
    result = walk.result()
    lease.finish(state="succeeded", fields=keep_result(result, blobs))
