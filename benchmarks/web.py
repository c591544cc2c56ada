"""
The web server under load: submits beside Redis' own, alone and by lists; pollers and streams.

    python -m benchmarks.web [--clients 16] [--pollers 1000] [--streams 200] [--json FILE]

On a private stack of Redis and the web, without workers: what is asked stays in its lane.
"""

import argparse
import asyncio
import itertools
import random
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final

import orjson
from redis import Redis
from rich.progress import Progress

from benchmarks.figures.reporting import Limit, percentile, report
from benchmarks.parts.bulk_submits import bulk_submits
from benchmarks.running.http_line import HttpLine
from benchmarks.running.processes import go_on, run
from benchmarks.running.progress import ProgressBars
from benchmarks.running.service import Service, service
from jobs.ledger.wire import json_of
from protocol.ids import new_id
from protocol.keys import key
from protocol.scripts import Scripts
from runtime.settings import Settings

ROUNDS: Final = 5
#: Who send lists at once: fewer than a server has places for large bodies.
LISTING: Final = 4
#: Scripts of one pipeline.
TOGETHER: Final = 100
#: What the script writes itself, or takes in another form.
NOT_GIVEN: Final = frozenset({
    "state", "created", "since", "deadline", "epoch", "held", "deaths", "request_id",
})  # fmt: skip
DEADLINE_MS: Final = 86_400_000
ACCEPTED: Final = 202
OK: Final = 200

LIMITS = {
    "submit_share_of_redis": Limit(at_least=0.7),
    "bulk_submit_share_of_redis": Limit(at_least=0.7),
    "poll_p95_ms": Limit(at_most=250),
    "stream_p95_ms": Limit(at_most=250),
    "refused": Limit(at_most=0),
}


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.web", description=__doc__)
    parser.add_argument("--clients", type=int, default=16, help="who submit at once")
    parser.add_argument("--submits", type=int, default=2_000, help="in each of five rounds")
    parser.add_argument("--listed", type=int, default=10_000, help="in lists, in each round")
    parser.add_argument("--processes", type=int, default=1, help="of the web server")
    parser.add_argument("--pollers", type=int, default=1_000)
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=20, help="of pollers and streams")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work")
    options = parser.parse_args()
    if options.quick:
        options.submits, options.seconds = options.submits // 10, options.seconds / 4
        options.listed = options.listed // 5
    settings = Settings(
        max_streams=max(256, options.streams), client_share=1.0,
        web_processes=options.processes,
    )  # fmt: skip
    only = ("redis-queue", "redis-cache", "web")
    with (
        tempfile.TemporaryDirectory(prefix="quern-bench-") as scratch,
        service(None, settings, only=only, folder=Path(scratch)) as quern,
        ProgressBars() as progress,
    ):
        assert quern.stack is not None  # noqa: S101  it is private
        options.folder = Path(scratch)
        with Redis.from_url(quern.stack.redis_url, decode_responses=True) as redis:
            figures = asyncio.run(measure(quern, redis, progress, options))
    report("The web server under load", figures, limits=LIMITS, json_path=options.json)


async def measure(
    quern: Service, redis: "Redis[str]", progress: Progress, options: argparse.Namespace
) -> dict[str, Any]:
    """Run both parts and return their figures."""
    async with lines(quern.url, options.clients) as clients:
        figures = await _submits(quern, clients, redis, progress, count=options.submits)
        figures |= await bulk_submits(
            clients[:LISTING], redis, options.folder, progress, count=options.listed
        )
    count = options.pollers + options.streams + 1
    before = _spent_s(quern, "web")
    async with lines(quern.url, count) as callers:
        figures |= await _load(callers, progress, options)
    polled = figures["polls_per_s"] * options.seconds
    figures["poll_web_cpu_ms"] = (_spent_s(quern, "web") - before) / polled * 1000
    return figures


def _spent_s(quern: Service, name: str) -> float:
    """Return the processor time that a process of the stack and its children have taken."""
    assert quern.stack is not None  # noqa: S101  it is private
    first = quern.stack.process(name)
    times = [process.cpu_times() for process in (first, *first.children(recursive=True))]
    return float(sum(each.user + each.system for each in times))


async def _submits(
    quern: Service,
    clients: list[HttpLine],
    redis: "Redis[str]",
    progress: Progress,
    *,
    count: int,
) -> dict[str, Any]:
    """Compare submits over HTTP with the same script in pipelines, in turns."""
    scripts = Scripts(redis, retention_s=86_400, event_retention_s=3_600)
    first = await ask(clients[0])
    fields = json_of(_given(redis.hgetall(key("unit", first))))
    bar = progress.add_task("submits", total=ROUNDS)
    web, waits, alone, spent = [], [], [], []
    for _ in range(ROUNDS):
        alone.append(await asyncio.to_thread(_pipelined, scripts, fields, count))
        began, before = time.perf_counter(), _spent_s(quern, "web")
        told = await asyncio.gather(*(_asked(one, count // len(clients)) for one in clients))
        took = [ms for each in told for ms in each]
        web.append(len(took) / (time.perf_counter() - began))
        waits += took
        spent.append((_spent_s(quern, "web") - before) / len(took) * 1000)
        await asyncio.to_thread(redis.flushdb)
        progress.advance(bar)
    return {
        "redis_submits_per_s": median(alone),
        "submits_per_s": median(web),
        "submit_share_of_redis": median(a / b for a, b in zip(web, alone, strict=True)),
        "submit_web_cpu_ms": median(spent),
        "submit_p50_ms": median(waits),
        "submit_p95_ms": percentile(waits, 0.95),
    }


def _given(row: dict[str, str]) -> dict[str, str | int]:
    """Return the fields that a row was submitted with."""
    given: dict[str, str | int] = {k: v for k, v in row.items() if k not in NOT_GIVEN}
    return given | {"deadline_ms": DEADLINE_MS}


def _pipelined(scripts: Scripts, fields: str, count: int) -> float:
    """Return how many submits a second Redis takes, in pipelines of one client."""
    began = time.perf_counter()
    for _ in range(0, count, TOGETHER):
        calls = [(new_id(), fields, 10**9, "", "", 0) for _ in range(TOGETHER)]
        scripts.many("submit", calls)
    return count / (time.perf_counter() - began)


async def _asked(line: HttpLine, count: int) -> list[float]:
    """Submit one question after the other; returns how long each took, milliseconds."""
    took = []
    for _ in range(count):
        began = time.perf_counter()
        await ask(line)
        took.append((time.perf_counter() - began) * 1000)
    return took


async def ask(line: HttpLine) -> str:
    """Submit a batch question and return its id."""
    go_on()
    body = orjson.dumps({"question": f"How long is piece {new_id()}?", "priority": "batch"})
    headers = "Content-Type: application/json\r\n"
    status, answer = await line.call("POST", "/api/queries", body, headers=headers)
    if status != ACCEPTED:
        raise SystemExit(f"POST /api/queries: {status} {answer[:300]!r}")
    return str(orjson.loads(answer)["id"])


async def _load(
    callers: list[HttpLine], progress: Progress, options: argparse.Namespace
) -> dict[str, Any]:
    """Have all poll and read at once, while one streamed job after the other is ended."""
    jobs = [await ask(line) for line in callers[: options.streams]]
    streamed = callers[: options.streams]
    polling, ending = callers[options.streams : -1], callers[-1]
    end = time.monotonic() + options.seconds
    bar = progress.add_task("pollers and streams", total=options.seconds)
    open_streams = [
        asyncio.create_task(_ends_at(line, job)) for line, job in zip(streamed, jobs, strict=True)
    ]
    polls = [
        asyncio.create_task(_poll(line, job, until=end))
        for line, job in zip(polling, itertools.cycle(jobs), strict=False)
    ]
    ended_at = await _end_one_by_one(ending, jobs, until=end)
    told = [await poll for poll in polls]
    progress.update(bar, completed=options.seconds)
    seen_at = [await task for task in open_streams]
    waits = [ms for each, _ in told for ms in each]
    delays = [
        (seen - ended_at[job]) * 1000
        for job, seen in zip(jobs, seen_at, strict=True)
        if seen is not None
    ]
    return {
        "polls_per_s": len(waits) / options.seconds,
        "poll_p50_ms": median(waits),
        "poll_p95_ms": percentile(waits, 0.95),
        "stream_p50_ms": median(delays),
        "stream_p95_ms": percentile(delays, 0.95),
        "refused": sum(refused for _, refused in told) + seen_at.count(None),
    }


async def _poll(line: HttpLine, job: str, *, until: float) -> tuple[list[float], int]:
    """Poll a job once a second; returns how long each took, and how many were refused."""
    await asyncio.sleep(random.random())  # that not all come at once
    took, refused = [], 0
    while time.monotonic() < until:
        go_on()
        began = time.perf_counter()
        status, _ = await line.call("GET", f"/api/jobs/{job}")
        took.append((time.perf_counter() - began) * 1000)
        refused += status != OK
        await asyncio.sleep(max(0.0, 1 - took[-1] / 1000))
    return took, refused


async def _ends_at(line: HttpLine, job: str) -> float | None:
    """Read a job's events; returns when its end was seen, None where the stream was refused."""
    if await line.stream(f"/api/jobs/{job}/events") != OK:
        return None
    seen = b""
    while b"event: done" not in seen:
        came = await line.read()
        if not came:
            return None
        seen = seen[-20:] + came
    return time.perf_counter()


async def _end_one_by_one(line: HttpLine, jobs: list[str], *, until: float) -> dict[str, float]:
    """Cancel one job after the other until the end; returns when each was asked to."""
    asked_at = {}
    for n, job in enumerate(jobs):
        left_s = until - time.monotonic()
        await asyncio.sleep(max(0.0, left_s / (len(jobs) - n)))
        asked_at[job] = time.perf_counter()
        await line.call("DELETE", f"/api/jobs/{job}")
    return asked_at


@asynccontextmanager
async def lines(url: str, count: int) -> AsyncIterator[list[HttpLine]]:
    """Give connections of so many callers."""
    opened = [HttpLine(url) for _ in range(count)]
    try:
        yield opened
    finally:
        for one in opened:
            one.close()


if __name__ == "__main__":
    run(main)
