"""Jobs of many rows: cancelled and retried over HTTP, while another client watches Redis."""

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
from redis import Redis
from rich.progress import Progress

from benchmarks.running.private_stack import PrivateStack
from benchmarks.running.processes import go_on
from benchmarks.running.service import FINAL, call
from corpus.storage import Storage
from jobs.document_rows import RowMaker, RowSource
from jobs.requests import IngestTerms
from protocol.ids import new_id
from protocol.keys import key

#: Rows of one script while the job is made.
TOGETHER: Final = 500
REPEATS: Final = 5
PATIENCE_S: Final = 1_800.0
DAY_S: Final = 86_400.0


class Pauses:
    """
    The longest time that another client of a Redis on this machine waited for an answer.

    Attributes:
        longest_s: That time, seconds.

        busiest_s: The most processor time that Redis spent while the client waited for one answer,
            seconds. What is longer than this is for a processor that others had.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        pid = int(redis.info("server")["process_id"])
        self._spent = Path(f"/proc/{pid}/task/{pid}/schedstat")
        self.longest_s = 0.0
        self.busiest_s = 0.0

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Ask Redis without pause during the block."""
        over = threading.Event()

        def watch() -> None:
            while not over.is_set():
                spent_s, began = self._spent_s(), time.perf_counter()
                self._redis.ping()
                self.longest_s = max(self.longest_s, time.perf_counter() - began)
                self.busiest_s = max(self.busiest_s, self._spent_s() - spent_s)
                time.sleep(0.001)

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _spent_s(self) -> float:
        """Return the processor time of the thread that serves Redis' clients, seconds."""
        return int(self._spent.read_text().split()[0]) / 1e9


def long_jobs(running: PrivateStack, *, rows: int, progress: Progress) -> dict[str, Any]:
    """
    Cancel a waiting ingest of *rows*, then retry it five times, as a client that hears nothing.

    Nobody parses meanwhile: rows are made by the scripts that would make them, without files.
    """
    job = _made(running.storage, rows, progress)
    http = running.service.http
    pauses = Pauses(running.redis)
    with pauses.watched():
        began = time.perf_counter()
        call(http, "DELETE", f"/api/jobs/{job}")
        cancel_s = time.perf_counter() - began
        _wait_for(http, job, progress)
        retries: list[str] = []
        began = time.perf_counter()
        for _ in range(REPEATS):
            retries.append(call(http, "POST", f"/api/jobs/{job}/retry")["id"])
            if len(retries) == 1:
                retry_s = time.perf_counter() - began
        retried = _filled(running.redis, set(retries), rows, progress)
        for one in set(retries):
            call(http, "DELETE", f"/api/jobs/{one}")
            _wait_for(http, one, progress)
    return {
        "cancel_accept_s": cancel_s,
        "retry_accept_s": retry_s,
        "retry_jobs": len(set(retries)),
        "retried_rows_over_rows": retried / rows,
        "redis_pause_max_ms": pauses.longest_s * 1000,
        "redis_busy_max_ms": pauses.busiest_s * 1000,
    }


def _made(storage: Storage, rows: int, progress: Progress) -> str:
    """Record an ingest of *rows* documents that wait; return its id."""
    collection_id = storage.catalogue.collections.create("long")[0]
    terms = IngestTerms(
        collection="long", collection_id=collection_id, priority="batch",
        on_duplicate="index", metadata="{}",
    )  # fmt: skip
    job, maker = new_id(), RowMaker("benchmark")
    bar = progress.add_task("rows", total=rows)
    for at in range(0, rows, TOGETHER):
        go_on()
        made = [
            maker.row(job, _source(n), priority="batch", of_all="{}")
            for n in range(at, min(at + TOGETHER, rows))
        ]
        storage.ledger.submissions.accept(
            job, job=terms.as_row(), rows=made, limit=10 * rows, deadline_s=DAY_S,
            keep_open=at + TOGETHER < rows,
        )  # fmt: skip
        progress.advance(bar, len(made))
    return job


def _source(n: int) -> RowSource:
    """Return where a document comes from whose bytes nobody reads."""
    name = f"archive/{n // 100:05}/letter-{n:07}.txt"
    digest = hashlib.sha256(name.encode()).hexdigest()
    return RowSource(name, digest, size=100, filename=name, title="", metadata="{}")


def _wait_for(http: httpx.Client, job: str, progress: Progress) -> None:
    """Wait until a job has ended."""
    bar = progress.add_task("ends", total=1)
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        go_on()
        shown = call(http, "GET", f"/api/jobs/{job}")
        if shown["state"] in FINAL:
            progress.update(bar, completed=1)
            return
        time.sleep(0.2)
    raise SystemExit(f"{job} did not end")


def _filled(redis: Redis, jobs: set[str], rows: int, progress: Progress) -> int:
    """Wait until retries have all their rows; return how many they have together."""
    bar = progress.add_task("retried", total=rows)
    end = time.monotonic() + PATIENCE_S
    found = -1
    while time.monotonic() < end:
        go_on()
        now = sum(int(redis.hget(key("job", job), "total") or 0) for job in jobs)
        progress.update(bar, completed=now)
        if now >= rows and now == found:
            break
        found = now
        time.sleep(2)
    return found
