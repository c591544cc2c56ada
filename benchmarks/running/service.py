"""The service under measurement: a private stack from an empty folder, or a running one."""

import contextlib
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import httpx
from rich.progress import Progress

from benchmarks.running.processes import finished, go_on
from runtime.settings import Settings
from stack.up import Stack

FINAL = ("succeeded", "partial", "failed", "cancelled", "expired")
BATCH = 500
BUSY_TRIES = 60
WHOLE: Final = ("redis-queue", "redis-cache", "chroma", "retrieval", "ingestion", "web")
ROOT: Final = Path(__file__).parents[2]


class Service:
    """A Quern to measure, over HTTP only. *stack* is None for one that was already running."""

    def __init__(self, url: str, stack: Stack | None = None) -> None:
        self.url = url
        self.stack = stack
        self.http = self.client()

    def client(self) -> httpx.Client:
        """Return a client of its own, for a thread of its own."""
        return httpx.Client(base_url=self.url, timeout=90, trust_env=False)

    def ingest(
        self, corpus: Sequence[Mapping[str, Any]], collection: str, progress: Progress
    ) -> dict[str, Any]:
        """Ingest a corpus as one job; returns the job once it has ended."""
        opened = {"collection": collection, "open": True, "documents": []}
        job = call(self.http, "POST", "/api/ingests", json=opened)["id"]
        bar = progress.add_task(f"ingest {collection}", total=len(corpus))
        for first in range(0, len(corpus), BATCH):
            documents = [
                {
                    "id": row["_id"],
                    "text": row["text"],
                    "title": row["title"],
                    "metadata": row.get("metadata", {}),
                }
                for row in corpus[first : first + BATCH]
            ]
            call(self.http, "POST", f"/api/jobs/{job}/documents", json={"documents": documents})
        call(self.http, "POST", f"/api/jobs/{job}/close")
        while True:
            shown = call(self.http, "GET", f"/api/jobs/{job}", params={"wait": 1})
            progress.update(bar, completed=shown["progress"]["done"])
            if shown["state"] in FINAL:
                return shown

    def rows(self, job: str) -> Iterator[dict[str, Any]]:
        """Yield every document row of an ingest."""
        return self._listed(f"/api/jobs/{job}/documents")

    def documents(self, collection: str) -> Iterator[dict[str, Any]]:
        """Yield what is current of each document."""
        return self._listed(f"/api/collections/{collection}/documents")

    def ingest_command(self, folder: Path, collection: str) -> list[str]:
        """Return the command that hands a folder over, to be run in `ROOT`."""
        program = [sys.executable, "-m", "cli.main", "--url", self.url]
        return [*program, "ingest", str(folder), "-c", collection]

    def ingest_folder(self, folder: Path, collection: str) -> float:
        """Run `quern ingest` on a folder, a process of its own; returns the seconds it took."""
        began = time.perf_counter()
        finished(self.ingest_command(folder, collection), failure="quern ingest failed", cwd=ROOT)
        return time.perf_counter() - began

    def _listed(self, path: str) -> Iterator[dict[str, Any]]:
        return entries(lambda given: call(self.http, "GET", path, params=given), "documents")


@contextlib.contextmanager
def service(
    url: str | None,
    settings: Settings | None = None,
    *,
    only: Sequence[str] = WHOLE,
    folder: Path | None = None,
) -> Iterator[Service]:
    """
    Give the service at *url*, or a private one of *settings* with a folder of its own.

    *only* names the processes that a private one has. What it has in *folder* is kept.
    """
    if url:
        yield Service(url)
        return
    with (
        tempfile.TemporaryDirectory(prefix="quern-bench-") as scratch,
        Stack.start(data_dir=folder or Path(scratch), settings=settings, only=only) as stack,
    ):
        yield Service(stack.url, stack)


def entries(
    page_of: Callable[[dict[str, Any]], dict[str, Any]], key: str
) -> Iterator[dict[str, Any]]:
    """Yield the entries of a list over all its pages; *page_of* gets the page of parameters."""
    given: dict[str, Any] = {"limit": 200}
    while True:
        page = page_of(given)
        yield from page[key]
        if not (cursor := page.get("next_cursor")):
            return
        given["cursor"] = cursor


def answered(http: httpx.Client, method: str, path: str, **more: Any) -> httpx.Response:
    """
    Call the API and return its answer, an error too.

    A server that is busy is asked again when it says so, as any client should. A benchmark that is
    ended calls no more, from whatever thread.
    """
    for _ in range(BUSY_TRIES):
        go_on()
        response = http.request(method, path, **more)
        if response.status_code not in (429, 503):
            break
        time.sleep(float(response.headers.get("Retry-After", "1")))
    return response


def call(http: httpx.Client, method: str, path: str, **more: Any) -> dict[str, Any]:
    """Call the API as `answered` does and return its JSON; an error ends the benchmark with it."""
    response = answered(http, method, path, **more)
    if response.is_error:
        raise SystemExit(f"{method} {response.request.url}: {response.text[:500]}")
    body: dict[str, Any] = response.json()
    return body


def retrieval_ms(answer: Mapping[str, Any]) -> float:
    """
    Return what a search took in the worker, milliseconds.

    Raises:
        SystemExit: A part of it was left out, so that it measures nothing.
    """
    if answer["degraded"]:
        raise SystemExit(f"a search was degraded: {answer['degraded']}")
    timings = answer["timings_ms"]
    return float(timings["embed"] + timings["retrieve"])
