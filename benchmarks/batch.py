"""
A batch of ten thousand questions: what people who ask meanwhile feel of it, and whether kills hurt.

    python -m benchmarks.batch [--questions 10000] [--json FILE] [--quick]

A private stack without a language model, which answers with quotes. People ask over
`/v1/chat/completions`, as streams: first while nothing else happens, then beside a batch of
`/v1/batches`. A second batch is worked off while the web server, the worker that answers and Redis
are killed in turns; each of its questions must be answered once, in its place.
"""

import argparse
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import Any, Final

import httpx
import orjson
import psutil
from rich.progress import Progress

from benchmarks.data.short_documents import note, write_folder
from benchmarks.figures.reporting import Limit, percentile, report
from benchmarks.running.processes import go_on, run
from benchmarks.running.progress import ProgressBars
from benchmarks.running.service import Service, call, service
from runtime.settings import Settings
from stack.up import Stack

LIMITS: Final = {
    "first_token_to_idle": Limit(at_most=1.2),
    "memory_growth": Limit(at_most=1.1),
    "wrong": Limit(at_most=0),
    "killed_wrong": Limit(at_most=0),
    "killed_each": Limit(at_least=1),
    "people_failed": Limit(at_most=0),
}
COLLECTION: Final = "notes"
NOTES: Final = 200
#: Between two questions of a person.
PAUSE_S: Final = 0.2
LOOK_S: Final = 1.0
#: Who is killed in turns, and how long all are left alone then.
VICTIMS: Final = ("web", "retrieval", "redis-queue")
CALM_S: Final = 5.0
ENDED: Final = ("completed", "failed", "expired", "cancelled")


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.batch", description=__doc__)
    parser.add_argument("--questions", type=int, default=10_000, help="of either batch")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--quick", action="store_true", help="a minute at most, on the same path")
    options = parser.parse_args()
    count = 500 if options.quick else options.questions
    with (
        tempfile.TemporaryDirectory(prefix="quern-batch-") as scratch,
        service(None, Settings()) as quern,
        ProgressBars() as progress,
    ):
        quern.ingest_folder(write_folder(Path(scratch) / "docs", NOTES)[0].parents[1], COLLECTION)
        figures = _beside(quern, progress, count) | _through_kills(quern, progress, count)
    report(f"batch, {count} questions", figures, limits=LIMITS, json_path=options.json)


def _beside(quern: Service, progress: Progress, count: int) -> dict[str, Any]:
    """Ask while nothing else happens, and then beside a batch."""
    assert quern.stack is not None  # noqa: S101  it is private
    people = _People(quern)
    people.ask(20, seed="warm")
    idle, _ = people.ask(100, seed="idle")
    ended = threading.Event()
    during: list[float] = []
    failed = 0

    def ask() -> None:
        nonlocal failed
        waits, failed = people.ask(1_000_000, seed="during", until=ended)
        during.extend(waits)

    asking = threading.Thread(target=ask)
    with _memory(quern.stack) as held:
        began = time.monotonic()
        batch = _begin(quern.http, count, whose="one")
        accepted_s = time.monotonic() - began
        asking.start()
        try:
            shown = _watched(quern.http, batch, progress, "a batch beside people")
        finally:
            ended.set()
            asking.join()
        took = time.monotonic() - began
    quarter = max(1, len(held) // 4)
    return {
        "accepted_s": accepted_s,
        "questions_per_s": count / took,
        "first_token_p95_idle_ms": percentile(idle, 0.95),
        "first_token_p95_ms": percentile(during, 0.95),
        "first_token_to_idle": percentile(during, 0.95) / percentile(idle, 0.95),
        "first_token_p50_idle_ms": median(idle),
        "first_token_p50_ms": median(during),
        "people_asked": len(during),
        "people_failed": failed,
        "memory_mb": median(held[-quarter:]) / 1e6,
        # Behind the first quarter all rows are there.
        "memory_growth": median(held[-quarter:]) / median(held[quarter : 2 * quarter] or held),
        "wrong": _wrong(quern.http, shown, count),
    }


def _through_kills(quern: Service, progress: Progress, count: int) -> dict[str, Any]:
    """Have a batch worked off while processes are killed in turns."""
    assert quern.stack is not None  # noqa: S101  it is private
    stack, over = quern.stack, threading.Event()
    kills: Counter[str] = Counter()

    def kill() -> None:
        turn = 0
        while not over.wait(CALM_S):
            name = VICTIMS[turn % len(VICTIMS)]
            turn += 1
            stack.wait_until_ready(name, other_than=stack.kill(name))
            kills[name] += 1

    batch = _begin(quern.http, count, whose="another")
    killer = threading.Thread(target=kill)
    killer.start()
    began = time.monotonic()
    try:
        shown = _watched(quern.http, batch, progress, "a batch through kills")
    finally:
        over.set()
        killer.join()
    took = time.monotonic() - began
    killed = {f"killed_{name.replace('-', '_')}": kills[name] for name in VICTIMS}
    return killed | {
        "killed_each": min(killed.values()),
        "killed_questions_per_s": count / took,
        "killed_wrong": _wrong(quern.http, shown, count),
    }


class _People:
    """Ask one question after the other, as people who read along."""

    def __init__(self, quern: Service) -> None:
        self._http = quern.client()

    def ask(
        self, count: int, *, seed: str, until: threading.Event | None = None
    ) -> tuple[list[float], int]:
        """Return after how many milliseconds each answer began, and how many never did."""
        waits, failed = [], 0
        for n in range(count):
            go_on()
            if until is not None and until.is_set():
                break
            wait = self._first_token(_question(n, whose=seed))
            if wait is None:
                failed += 1
            else:
                waits.append(wait)
            time.sleep(PAUSE_S)
        return waits, failed

    def _first_token(self, question: str) -> float | None:
        """Ask, read the answer, and return when its first words came, ms."""
        began, first = time.perf_counter(), None
        with self._http.stream(
            "POST", "/v1/chat/completions", json=_body(question) | {"stream": True}
        ) as answer:
            for line in answer.iter_lines():
                if line.startswith("data: {") and first is None:
                    choices = orjson.loads(line.removeprefix("data: ")).get("choices")
                    if choices and choices[0]["delta"].get("content"):
                        first = 1_000 * (time.perf_counter() - began)
        return first


def _question(n: int, *, whose: str) -> str:
    """Return a question that nobody else asks: its vector is in no cache."""
    return f"What is told of {note(n % NOTES).split('.')[0]}, for the {n}th of {whose}?"


def _body(question: str) -> dict[str, Any]:
    """Return the body of a completion."""
    messages = [{"role": "user", "content": question}]
    return {"model": "quern", "collection": COLLECTION, "messages": messages}


def _begin(http: httpx.Client, count: int, *, whose: str) -> str:
    """Hand a file of questions over and make a batch of it; returns its id."""
    lines = (
        orjson.dumps({
            "custom_id": f"q{n}", "method": "POST", "url": "/v1/chat/completions",
            "body": _body(_question(n, whose=whose)),
        })
        for n in range(count)
    )  # fmt: skip
    file = call(
        http, "POST", "/v1/files", data={"purpose": "batch"},
        files={"file": ("batch.jsonl", b"\n".join(lines))},
    )  # fmt: skip
    asked = {
        "input_file_id": file["id"], "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
    }  # fmt: skip
    return str(call(http, "POST", "/v1/batches", json=asked)["id"])


def _watched(http: httpx.Client, batch: str, progress: Progress, title: str) -> dict[str, Any]:
    """Look at a batch until it has ended; a server that is away is asked again."""
    bar = progress.add_task(title, total=None)
    while True:
        go_on()
        with suppress(httpx.HTTPError):
            answer = http.get(f"/v1/batches/{batch}")
            if answer.status_code == httpx.codes.NOT_FOUND:
                raise LookupError(f"batch {batch} is gone")
            if answer.is_success:
                shown: dict[str, Any] = answer.json()
                counts = shown["request_counts"]
                progress.update(
                    bar, total=counts["total"], completed=counts["completed"] + counts["failed"]
                )
                if shown["status"] in ENDED:
                    return shown
        time.sleep(LOOK_S)


def _wrong(http: httpx.Client, batch: dict[str, Any], count: int) -> int:
    """Return how many questions were not answered, not once, or with an error."""
    if batch["status"] != "completed" or not batch["output_file_id"]:
        return count
    text = http.get(f"/v1/files/{batch['output_file_id']}/content").raise_for_status().content
    told = [orjson.loads(line) for line in text.splitlines()]
    good = Counter(
        line["custom_id"] for line in told if line["response"]["status_code"] == httpx.codes.OK
    )
    wanted = [f"q{n}" for n in range(count)]
    once = {name for name, times in good.items() if times == 1}
    misplaced = [line["custom_id"] for line in told] != wanted
    return len(set(wanted) ^ once) + len(told) - len(good) + misplaced


@contextmanager
def _memory(stack: Stack) -> Iterator[list[int]]:
    """Note, once a second while the block lasts, the memory of all processes, bytes."""
    held: list[int] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK_S):
            held.append(sum(_held(one.pid) for one in stack.record.processes.values()))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield held
    finally:
        over.set()
        looking.join()


def _held(pid: int) -> int:
    """Return what a process and all below it hold of their own, bytes."""
    total = 0
    with suppress(psutil.Error):
        first = psutil.Process(pid)
        for process in (first, *first.children(recursive=True)):
            with suppress(psutil.Error):
                total += process.memory_full_info().uss
    return total


if __name__ == "__main__":
    run(main)
