"""Checking: whether catalogue, vector store and sparse indexes agree, and their repair."""

import time
from collections.abc import Mapping
from typing import Any

import orjson
from celery import shared_task

from corpus.blobs import BlobStore
from corpus.check_and_repair.checker import Checker, Walk
from corpus.sources import RESULT_BYTES, keep_result
from jobs.leases.lease import Lease
from jobs.requests import CheckRequest
from tasks.base import QuernTask
from tasks.resources import require

#: A job's progress is told this often at most, and this often where another worker would go on.
PROGRESS_S = 0.5
STANDING_S = 5.0


@shared_task(name="admin.check", bind=True, base=QuernTask)
def check(self: QuernTask, unit_id: str) -> None:
    """Compare everything, document by document; safe to run twice and to kill at any instant."""
    with self.resources.leases.claim(unit_id, "check") as lease:
        if lease is not None:
            run_check(lease, require(self.resources.checker), self.resources.storage.blobs)


def run_check(lease: Lease, checker: Checker, blobs: BlobStore) -> None:
    """Walk through all that is asked for, and end the job with what was found."""
    request = CheckRequest.from_row(lease.unit.fields)
    walk = checker.walk(
        request.collection, repair=request.repair, after=_kept(lease.unit.fields, blobs)
    )
    told, stood = float("-inf"), time.monotonic()
    for step in walk:
        lease.check()
        now = time.monotonic()
        if now - told > PROGRESS_S:
            at = ""
            if now - stood > STANDING_S:
                stood, at = now, _keep(walk, blobs)
            told = now
            done = min(step.done, step.total)
            lease.progress(done=done, total=step.total, what="entries", at=at)
    result = walk.result()
    lease.finish(state="succeeded", fields={"at": ""} | keep_result(result, blobs))


def _keep(walk: Walk, blobs: BlobStore) -> str:
    """Return where a walk is as its row keeps it: the name of a blob where that is much."""
    text = orjson.dumps(walk.standing(reports=True))
    return text.decode() if len(text) <= RESULT_BYTES else blobs.put(text, durable=False)


def _kept(row: Mapping[str, str], blobs: BlobStore) -> dict[str, Any] | None:
    """Return where another worker's walk was; None where it had not come far."""
    at = row.get("at", "")
    if not at.startswith("{"):
        found = blobs.get_json(at) if at else None
        return found if isinstance(found, dict) else None
    told: dict[str, Any] = orjson.loads(at)
    return told
