"""Any process may be killed at any instant: nothing is lost, nothing ends twice."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis import Redis

from jobs.heartbeats import live_workers
from stack.up import Stack
from tests.support.waiting import until
from tests.support.whole_stack import Api, quick_stack

FACTS = {
    f"fact-{n}": f"The warden of gate {n} keeps {n * 3 + 7} keys. Gate {n} faces the river."
    for n in range(40)
}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Api]]:
    """A stack that may be hurt."""
    folder = tmp_path_factory.mktemp("hurt")
    with quick_stack(data_dir=folder) as running, Api(running.url) as api:
        yield running, api


def test_killed_workers_and_a_killed_redis_lose_nothing_and_end_nothing_twice(
    own: tuple[Stack, Api],
) -> None:
    stack, api = own
    assert api.ingest({"warm": "Something to begin with."}, "gates")["state"] == "succeeded"

    body = {
        "collection": "gates",
        "documents": [{"id": name, "text": text} for name, text in FACTS.items()],
    }
    ingest = api.post("/api/ingests", body)["id"]
    until(lambda: _embedding(api, ingest), told="documents are being embedded")
    stack.kill("ingestion")  # in the middle of embedding
    first = api.finished(ingest, within_s=180)
    rows = api.get(f"/api/jobs/{ingest}/documents", limit=200)["documents"]

    jobs = [
        api.post(
            "/api/queries",
            {"question": f"How many keys does the warden of gate {n} keep?", "collection": "gates"},
        )["id"]
        for n in range(40)
    ]
    until(lambda: api.get(f"/api/jobs/{jobs[0]}")["state"] == "succeeded")
    stack.kill("retrieval")  # in the middle of answering
    ended = [api.finished(job, within_s=180) for job in jobs]

    assert first["state"] == "succeeded"
    assert {row["outcome"] for row in rows} == {"created"}
    assert {job["state"] for job in ended} == {"succeeded"}
    assert [api.ends(job) for job in jobs] == [1] * len(jobs)
    right = [str(n * 3 + 7) in job["result"]["answer"] for n, job in enumerate(ended)]
    assert sum(right) >= 36

    stack.wait_until_ready("redis-queue", other_than=stack.kill("redis-queue"))
    again = _eventually(lambda: api.ask("How many keys does the warden of gate 3 keep?", "gates"))
    assert "16" in again["result"]["answer"]
    assert api.get(f"/api/jobs/{ingest}")["state"] == "succeeded"


def test_a_question_is_not_embedded_again_after_its_worker_and_the_cache_were_killed(
    own: tuple[Stack, Api],
) -> None:
    stack, api = own
    question = "How many keys does the warden of gate 3 keep?"
    api.ingest(FACTS, "gates")
    first = api.ask(question, "gates")
    with Redis.from_url(stack.cache_url) as redis:
        # What Redis was told is in its append-only file, unless an fsync holds writes back.
        until(lambda: redis.info("persistence")["aof_buffer_length"] == 0)
    cache, worker = stack.kill("redis-cache"), stack.kill("retrieval")
    stack.wait_until_ready("redis-cache", other_than=cache)
    pid = stack.wait_until_ready("retrieval", other_than=worker)

    again = api.ask(question, "gates")
    with Redis.from_url(stack.redis_url, decode_responses=True) as redis:

        def told() -> dict[str, Any]:
            states = [state for state in live_workers(redis) if state.pid == pid]
            assert states
            counts: dict[str, Any] = states[0].details["embedding_cache"]
            assert counts["hits_l2"]
            return counts

        counts = _eventually(told)

    assert again["result"]["answer"] == first["result"]["answer"]
    assert (counts["misses"], counts["corrupt"], counts["trouble"]) == (0, 0, "")


# The last one: it stops the stack.
def test_what_was_ingested_is_there_after_a_restart(own: tuple[Stack, Api]) -> None:
    stack, api = own
    folder = Path(stack.record.data_dir)
    api.ingest({"moon": "The far side of the moon was seen in 1959."}, "default")
    stack.stop()
    with quick_stack(data_dir=folder) as again, Api(again.url) as api:
        sparse = api.search("far side", "default", "sparse")
        answer = api.ask("When was the far side of the moon first seen?", "default")

    assert "1959" in answer["result"]["answer"]
    assert answer["result"]["degraded"] == []
    assert [hit["document_id"] for hit in sparse] == ["moon"]


def _embedding(api: Api, ingest: str) -> bool:
    rows = api.get(f"/api/jobs/{ingest}/documents", limit=200)["documents"]
    return any((row["stage"], row["state"]) == ("publish", "running") for row in rows) or any(
        row["state"] == "succeeded" for row in rows
    )


def _eventually(act: Callable[[], dict[str, Any]], *, within_s: float = 60) -> dict[str, Any]:
    """Repeat what is refused while a process is on its way back."""
    until = time.monotonic() + within_s
    while True:
        try:
            return act()
        except (AssertionError, httpx.HTTPError):
            if time.monotonic() > until:
                raise
            time.sleep(0.5)
