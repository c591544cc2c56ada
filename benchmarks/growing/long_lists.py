"""A long history: pages of jobs by a rare state."""

import time
from typing import Any, Final

import orjson
from rich.progress import Progress

from benchmarks.figures.reporting import percentile
from benchmarks.running.private_stack import PrivateStack
from benchmarks.running.processes import go_on
from benchmarks.running.service import Service, call, entries
from corpus.storage import Storage
from jobs.document_rows import bare_row
from jobs.requests import IngestTerms, QueryRequest
from protocol.ids import new_id
from protocol.messages import PRIORITY_OF

#: Of the jobs, those that failed.
FAILED: Final = 60
PAGE: Final = 20
LOOKS: Final = 60
HOUR_S: Final = 3_600.0


def long_lists(running: PrivateStack, *, jobs: int, progress: Progress) -> dict[str, Any]:
    """Fill the history with cancelled questions and a few failed ingests, and list the latter."""
    history = History(running.storage)
    bar = progress.add_task("history", total=jobs)
    for n in range(jobs):
        go_on()
        if n % max(1, jobs // FAILED) == 0:
            history.failed_ingest(n)
        else:
            history.cancelled_question(n)
        progress.advance(bar)
    return _listed(running.service, progress)


class History:
    """Jobs that end as soon as they are made, by the scripts that make and end all jobs."""

    def __init__(self, storage: Storage) -> None:
        self._submissions = storage.ledger.submissions
        self._collection_id = storage.catalogue.collections.create("history")[0]

    def cancelled_question(self, n: int) -> None:
        """Record a question and cancel it."""
        request = QueryRequest(
            question=f"What was decided in meeting {n}?", collection="history",
            top_k=5, priority="batch", deadline_s=int(HOUR_S),
        )  # fmt: skip
        fields: dict[str, str | int] = {
            "kind": "query", "class": "batch", "owner": "batch", "priority": PRIORITY_OF["batch"],
            "collection": "history", "incarnation": self._collection_id,
            "request": orjson.dumps(request.as_json()).decode(),
        }  # fmt: skip
        unit = self._submissions.submit(
            new_id(), stage="retrieve", fields=fields, limit=10**9, deadline_s=HOUR_S
        )
        self._submissions.cancel(unit)

    def failed_ingest(self, n: int) -> None:
        """Record an ingest of one document that is refused as it comes."""
        terms = IngestTerms(
            collection="history", collection_id=self._collection_id, priority="batch",
            on_duplicate="index", metadata="{}",
        )  # fmt: skip
        job = new_id()
        why = {"type": "unreadable", "title": "Not readable", "detail": "It has no text."}
        row = bare_row(job, stage="parse", document=f"scan-{n}.pdf")
        row |= {
            "size": 0,
            "filename": "",
            "title": "",
            "sha256": "",
            "rejected": orjson.dumps(why).decode(),
        }
        self._submissions.accept(
            job, job=terms.as_row(), rows=[row], limit=10**9, deadline_s=HOUR_S
        )


def _listed(service: Service, progress: Progress) -> dict[str, Any]:
    """List the failed jobs, page by page, again and again; how long a page takes."""
    took: list[float] = []
    bar = progress.add_task("lists", total=LOOKS)

    def page(given: dict[str, Any]) -> dict[str, Any]:
        began = time.perf_counter()
        answer = call(
            service.http, "GET", "/api/jobs", params=given | {"state": "failed", "limit": PAGE}
        )
        took.append((time.perf_counter() - began) * 1000)
        return answer

    while len(took) < LOOKS:
        found = sum(1 for _ in entries(page, "jobs"))
        if found < FAILED:
            raise SystemExit(f"{found} failed jobs are listed; {FAILED} were made")
        progress.update(bar, completed=len(took))
    return {"list_failed_p95_ms": percentile(took, 0.95), "list_failed_max_ms": max(took)}
