"""The API of a running stack, with the few moves that end-to-end tests repeat."""

import time
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import httpx

from runtime.settings import Settings
from stack.up import Stack
from tests.support.waiting import until

FINAL = ("succeeded", "partial", "failed", "cancelled", "expired")
WANTED = ("redis-queue", "redis-cache", "chroma", "retrieval", "ingestion", "web")


def quick_stack(
    *,
    data_dir: Path,
    settings: Settings | None = None,
    only: Collection[str] | None = WANTED,
    timeout_s: float = 180.0,
) -> Stack:
    """As `Stack.start`; the web goes at once when told to, for nobody has to ask elsewhere."""
    settings = replace(settings or Settings(), web_drain_s=0.0)
    return Stack.start(data_dir=data_dir, settings=settings, only=only, timeout_s=timeout_s)


class Api:
    """The API of a running stack, with the few moves that tests repeat."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=60, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        response = self.http.post(path, json=body)
        assert response.is_success, response.text
        shown: dict[str, Any] = response.json()
        return shown

    def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        response = self.http.get(path, params=parameters)
        assert response.is_success, response.text
        shown: dict[str, Any] = response.json()
        return shown

    def finished(self, job_id: str, *, within_s: float = 120) -> dict[str, Any]:
        end = time.monotonic() + within_s
        # The server waits, but only for so many callers at once.
        while (job := self.get(f"/api/jobs/{job_id}", wait=5))["state"] not in FINAL:
            assert time.monotonic() < end, f"job {job_id} has not ended after {within_s} s: {job}"
            time.sleep(0.02)
        return job

    def ingest(self, documents: dict[str, str], collection: str) -> dict[str, Any]:
        body = {
            "collection": collection,
            "documents": [{"id": name, "text": text} for name, text in documents.items()],
        }
        return self.finished(self.post("/api/ingests", body)["id"])

    def ask(self, question: str, collection: str) -> dict[str, Any]:
        body = {"question": question, "collection": collection}
        return self.finished(self.post("/api/queries", body)["id"])

    def search(self, query: str, collection: str, mode: str = "hybrid") -> list[dict[str, Any]]:
        """Return what is found once both retrievers answer; one may be starting."""
        body = {"query": query, "collection": collection, "mode": mode}

        def whole() -> dict[str, Any] | None:
            answer = self.post("/api/search", body)
            return None if answer["degraded"] else answer

        results: list[dict[str, Any]] = until(whole, told="no retriever lacks")["results"]
        return results

    def ends(self, job_id: str) -> int:
        events = self.http.get(f"/api/jobs/{job_id}/events").text
        return sum(line == "event: done" for line in events.splitlines())
