"""Lists of questions until all of each are in the lane, beside the script that puts them there."""

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final

import orjson
from redis import Redis
from rich.progress import Progress

from benchmarks.running.http_line import HttpLine
from benchmarks.running.processes import go_on
from corpus.blobs import BlobStore
from jobs.ledger.ledger import Ledger
from jobs.ledger.wire import json_of, text_of
from jobs.long_jobs import LongJobs
from jobs.question_lists import ListedQuestion, fields_of_all
from protocol import timings
from protocol.ids import new_id
from protocol.keys import key
from protocol.scripts import Scripts
from runtime.settings import Settings

ROUNDS: Final = 5
#: Questions of one request, and scripts of one pipeline.
EACH: Final = 1_000
TOGETHER: Final = 100
#: Questions of one script here; the product's slices follow the time that they take.
SLICE: Final = 50
_ACCEPTED: Final = 202
_NO_BOUND: Final = 10**9


async def bulk_submits(
    clients: Sequence[HttpLine],
    redis: "Redis[str]",
    data_dir: Path,
    progress: Progress,
    *,
    count: int,
) -> dict[str, Any]:
    """
    Compare lists over HTTP with the script that gives them their rows, in turns.

    *count* questions a round. What the workers do of it, this process does.
    """
    scripts = Scripts(redis, retention_s=86_400, event_retention_s=3_600)
    ledger = Ledger(redis, scripts=scripts, send=lambda _: None)
    bar = progress.add_task("bulk submits", total=ROUNDS)
    web, alone = [], []
    for _ in range(ROUNDS):
        alone.append(await asyncio.to_thread(_pipelined, ledger, scripts, count))
        await asyncio.to_thread(redis.flushdb)
        with _filling(ledger, data_dir):
            began = time.perf_counter()
            bodies = (_body(n) for n in range(0, count, EACH))
            await asyncio.gather(*(_sent(line, bodies) for line in clients))
            await asyncio.to_thread(_until_waiting, redis, count)
            web.append(count / (time.perf_counter() - began))
        await asyncio.to_thread(redis.flushdb)
        progress.advance(bar)
    return {
        "redis_bulk_submits_per_s": median(alone),
        "bulk_submits_per_s": median(web),
        "bulk_submit_share_of_redis": median(a / b for a, b in zip(web, alone, strict=True)),
    }


async def _sent(line: HttpLine, bodies: Iterator[bytes]) -> None:
    """Send one list after the other, for as long as there are some."""
    for body in bodies:
        go_on()
        headers = "Content-Type: application/json\r\n"
        status, answer = await line.call("POST", "/api/questions", body, headers=headers)
        if status != _ACCEPTED:
            raise SystemExit(f"POST /api/questions: {status} {answer[:300]!r}")


def _body(first: int) -> bytes:
    """Return a list of questions, none of which was asked before."""
    texts = (f"How long is piece {first + n} of {new_id()}?" for n in range(EACH))
    return orjson.dumps({"questions": [{"question": text} for text in texts]})


def _until_waiting(redis: "Redis[str]", count: int) -> None:
    """Return once so many questions are in the lane."""
    while int(redis.zcard(key("deadlines", "batch"))) < count:
        go_on()
        time.sleep(0.005)


def _pipelined(ledger: Ledger, scripts: Scripts, count: int) -> float:
    """Return how many questions a second Redis takes, slice by slice, in pipelines."""
    calls = [_slices(ledger, part) for part in _parts(count)]
    began = time.perf_counter()
    for part in calls:
        for at in range(0, len(part), TOGETHER):
            scripts.many("fill_questions", part[at : at + TOGETHER])
    return count / (time.perf_counter() - began)


def _parts(count: int) -> Iterator[int]:
    """Yield how many questions each list has: whole pipelines of slices, as far as that goes."""
    most = SLICE * TOGETHER
    for first in range(0, count, most):
        yield min(most, count - first)


def _slices(ledger: Ledger, count: int) -> list[tuple[str | int, ...]]:
    """Record a list, and return the calls that give it its rows."""
    job_id = new_id()
    job: dict[str, str | int] = {
        "kind": "questions", "incarnation": "default-1", "fill_total": count, "list_blob": "",
    }  # fmt: skip
    ledger.redis.hset(key("collection", "default-1"), "name", "default")
    ledger.slices.begin_list(job_id, job=job, deadline_s=86_400)
    asked = {"top_k": Settings().top_k, "deadline_s": 86_400, "priority": "batch"}
    rows = [
        text_of(ListedQuestion(f"{n}", {"question": f"How long is {new_id()}?"} | asked).row)
        for n in range(count)
    ]
    of_all = json_of(fields_of_all(job_id, text_of(job)))
    return [
        (
            job_id, of_all, json_of(rows[at : at + SLICE]), _NO_BOUND, "", str(at),
            int(at + SLICE >= count),
        )
        for at in range(0, count, SLICE)
    ]  # fmt: skip


@contextmanager
def _filling(ledger: Ledger, data_dir: Path) -> Iterator[None]:
    """Take the turns of the workers' service, until the block ends."""
    service = LongJobs(
        ledger, limit=1, question_limit=Settings().max_batch_jobs,
        blobs=BlobStore(data_dir / "blobs"),
    )  # fmt: skip
    closing = threading.Event()

    def turns() -> None:
        while not closing.wait(timings.LONG_JOBS_S):
            service.turn()

    thread = threading.Thread(target=turns, name="long jobs")
    thread.start()
    try:
        yield
    finally:
        closing.set()
        thread.join()
