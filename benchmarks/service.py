"""The service under measurement: a private stack from an empty folder, or a running one."""

import contextlib
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
from rich.progress import Progress

from benchmarks.processes import go_on
from cli.stack import Stack
from runtime.settings import Settings

FINAL = ("succeeded", "partial", "failed", "cancelled", "expired")
BATCH = 500
BUSY_TRIES = 60


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
        cursor = None
        while True:
            parameters = {"limit": 200} | ({"cursor": cursor} if cursor else {})
            page = call(self.http, "GET", f"/api/jobs/{job}/documents", params=parameters)
            yield from page["documents"]
            cursor = page.get("next_cursor")
            if not cursor:
                return


@contextlib.contextmanager
def service(url: str | None, settings: Settings | None = None) -> Iterator[Service]:
    """Give the service at *url*, or a private one of *settings* with a folder of its own."""
    if url:
        yield Service(url)
        return
    with tempfile.TemporaryDirectory(prefix="quern-bench-") as folder:
        wanted = ("redis-queue", "redis-cache", "chroma", "retrieval", "ingestion", "web")
        with Stack.start(data_dir=Path(folder), settings=settings, only=wanted) as stack:
            yield Service(stack.url, stack)


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
