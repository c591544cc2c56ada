"""
What metrics cost: an update, all updates of one search, the ledger's counters, and a scrape.

In processor time of the calling thread, which other work on the machine hardly changes; the scripts
in Redis' own time. On a private Redis with the options of `quern up`.
"""

import argparse
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from flask import Flask
from prometheus_client import generate_latest
from redis import Redis
from rich.progress import Progress

from benchmarks.figures.reporting import Limit, report
from benchmarks.running.private_redis import PrivateRedis
from benchmarks.running.processes import run
from benchmarks.running.progress import ProgressBars
from jobs import claim_metrics
from jobs.ledger.ledger import Ledger
from jobs.ledger.wire import Fields
from jobs.units import Unit
from protocol.ids import new_id
from protocol.messages import Message
from protocol.scripts import Scripts
from rag.search.retrieval import Found
from runtime.metrics import meters
from runtime.settings import Settings
from tasks.stage_metrics import record_search
from web.app import create_app
from web.http.http_metrics import _begin, _end

ROUNDS = 7
#: Takes the counting out of the scripts.
WITHOUT = ((r"\n *tally(_end)?\([^\n]*\)(?=\n)", ""),)

LIMITS = {
    "counter_us": Limit(at_most=2.0),
    "histogram_us": Limit(at_most=3.0),
    "search_us": Limit(at_most=100.0),
    "web_series": Limit(at_most=2_000),
    "worker_series": Limit(at_most=2_000),
    "scrape_web_ms": Limit(at_most=250.0),
}


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", 1)[0])
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ProgressBars() as progress:
        figures = measure(Path(name), progress, calls=1_000 if arguments.quick else 10_000)
    report("What metrics cost", figures, limits=LIMITS, json_path=arguments.json)


def measure(folder: Path, progress: Progress, *, calls: int) -> dict[str, float]:
    """Return every figure."""
    bar = progress.add_task("metrics", total=4)
    (folder / "redis").mkdir()
    with PrivateRedis(folder / "redis", evicts=False) as server:
        app = create_app(Settings(redis_url=server.url, cache_url=server.url, data_dir=folder))
        try:
            figures = _scrape_web(app)  # first: its process shows nothing of the workers
            meters.begin("every", "workers", "retrieval", "ingestion", "generation")
            progress.advance(bar)
            figures |= _scrape_worker()
            progress.advance(bar)
            figures |= _updates(app, calls)
            progress.advance(bar)
            figures |= _counters(server.url, calls // 10)
            progress.advance(bar)
        finally:
            app.extensions["quern"].close()
    return figures


def _updates(app: Flask, calls: int) -> dict[str, float]:
    """Measure what moves while work is done, in the way it is moved there."""
    found = Found([], [], 1, 20, dense_ms=8, sparse_ms=4, fuse_ms=0.2)
    unit = Unit("u", {
        "stage": "retrieve", "role": "retrieve", "claimed": "1700000000500000",
        "since": "1700000000000000", "stage_claims": "1",
    })  # fmt: skip

    def count() -> None:
        meters.STARTED["retrieve", "retrieve"].inc()

    def observe() -> None:
        meters.STAGE_SECONDS["embed"].observe(0.02)

    def search() -> None:
        claim_metrics.record_claim(unit)
        record_search(found)

    figures = {
        "counter_us": _each_us(count, calls),
        "histogram_us": _each_us(observe, calls),
        "search_us": _each_us(search, calls),
    }
    with app.test_request_context("/api/queries", method="POST"):
        answer = app.response_class(status=202)

        def request() -> None:
            _begin()
            _end(answer)

        figures["http_request_us"] = _each_us(request, calls)
    return figures


def _each_us(call: Callable[[], object], calls: int) -> float:
    """Return the processor time of a call, µs, an empty loop's taken off; the median of rounds."""

    def spent(what: Callable[[], object]) -> float:
        began = time.thread_time()
        for _ in range(calls):
            what()
        return time.thread_time() - began

    return median(spent(call) - spent(lambda: None) for _ in range(ROUNDS)) / calls * 1e6


def _counters(url: str, calls: int) -> dict[str, float]:
    """Measure the scripts that record and end a question, with and without their counting."""
    redis = Redis.from_url(url, decode_responses=True)
    times: dict[str, list[float]] = {"with": [], "without": []}
    for _ in range(ROUNDS):
        for name, without in (("with", ()), ("without", WITHOUT)):
            scripts = Scripts(redis, retention_s=60, event_retention_s=60, without=without)
            times[name].append(_question_us(redis, scripts, calls))
    redis.close()
    told, plain = median(times["with"]), median(times["without"])
    return {"question_scripts_us": told, "question_tallies_us": told - plain}


def _question_us(redis: "Redis[str]", scripts: Scripts, calls: int) -> float:
    """Return Redis' own time for submitting and cancelling a question, µs."""
    ledger = Ledger(redis, scripts=scripts, send=_nowhere)
    redis.flushall()
    fields: Fields = {"kind": "query", "class": "batch", "owner": "batch", "priority": 9}
    redis.config_resetstat()
    for _ in range(calls):
        unit = ledger.submissions.submit(
            new_id(), stage="retrieve", fields=fields, limit=10**9, deadline_s=60
        )
        ledger.submissions.cancel(unit)
    spent: Any = redis.info("commandstats")["cmdstat_evalsha"]
    return float(spent["usec"]) / calls


def _nowhere(_message: Message) -> None:
    """Send nothing."""


def _scrape_web(app: Flask) -> dict[str, float]:
    """Measure a scrape of the web, which asks Redis."""
    client = app.test_client()
    took = []
    for _ in range(ROUNDS * 3):
        began = time.perf_counter()
        text = client.get("/metrics").get_data(as_text=True)
        took.append((time.perf_counter() - began) * 1000)
    return {"scrape_web_ms": median(took), "web_series": _series(text)}


def _scrape_worker() -> dict[str, float]:
    """Measure a scrape of a worker that shows what all kinds of workers show."""
    began = time.thread_time()
    text = generate_latest().decode()
    took_ms = (time.thread_time() - began) * 1000
    return {"scrape_worker_cpu_ms": took_ms, "worker_series": _series(text)}


def _series(text: str) -> int:
    """Count the series of a scrape."""
    return len(re.findall(r"^\w", text, re.MULTILINE))


if __name__ == "__main__":
    run(main)
