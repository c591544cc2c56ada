"""
What traces cost: the same questions to a stack that records them and to one that does not.

    python -m benchmarks.tracing [--questions 200] [--quick] [--json FILE]

Two private stacks with the same documents, asked in turns, one question at a time; the collector is
a server in this process that reads and forgets. Every question is new, so none is answered from a
cache, and each is asked of both: the cost is the median of the differences.
"""

import argparse
import contextlib
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any, Final

from rich.progress import Progress

from benchmarks.data.short_documents import note
from benchmarks.figures.reporting import report
from benchmarks.running.processes import run
from benchmarks.running.progress import ProgressBars
from benchmarks.running.service import FINAL, Service, call
from runtime.settings import Settings
from runtime.tracing import traces
from stack.up import Stack

WANTED: Final = ("redis-queue", "redis-cache", "chroma", "retrieval", "ingestion", "web")
OURS: Final = ("web", "retrieval")
DOCUMENTS: Final = 100
NAMES: Final = ("plain", "traced")


class Sink(ThreadingHTTPServer):
    """A collector that counts bytes."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bytes = 0

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Sink

    def do_POST(self) -> None:
        """Read and forget."""
        length = int(self.headers["Content-Length"])
        self.rfile.read(length)
        self.server.bytes += length
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tracing", description=__doc__)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--quick", action="store_true", help="a minute at most, on the same path")
    options = parser.parse_args()
    questions = 40 if options.quick else options.questions
    with ProgressBars() as progress, _sink() as sink:
        figures = measure(questions, sink, progress)
    report(f"tracing, {questions} questions", figures, limits={}, json_path=options.json)


def measure(questions: int, sink: Sink, progress: Progress) -> dict[str, Any]:
    """Return all figures."""
    with contextlib.ExitStack() as stack:
        both = {
            name: stack.enter_context(_stack(Settings(otlp_endpoint=url)))
            for name, url in zip(NAMES, ("", sink.url), strict=True)
        }
        corpus = [{"_id": f"d{n}", "title": "", "text": note(n, seed=1)} for n in range(DOCUMENTS)]
        for each in both.values():
            each.ingest(corpus, "default", progress)
            for n in range(8):
                _ask(each, f"Warm {n}?")
        sent, before = sink.bytes, {name: _spent(each) for name, each in both.items()}
        took = _asked_in_turns(both, questions, progress)
        time.sleep(2)  # what is on its way to the collector counts
        spent = {name: _spent(each) - before[name] for name, each in both.items()}
    extra = [b - a for a, b in zip(*(took[name] for name in NAMES), strict=True)]
    per = 1_000 / questions
    return {
        "plain_ms": median(took["plain"]) * 1_000,
        "traced_ms": median(took["traced"]) * 1_000,
        "extra_ms": median(extra) * 1_000,
        "plain_cpu_ms": spent["plain"] * per,
        "traced_cpu_ms": spent["traced"] * per,
        "sent_bytes_per_question": (sink.bytes - sent) / questions,
        "off_ns": _off_ns(),
    }


def _asked_in_turns(
    both: dict[str, Service], questions: int, progress: Progress
) -> dict[str, list[float]]:
    """Ask each question of both, who is first changing each time; returns seconds."""
    took: dict[str, list[float]] = {name: [] for name in both}
    for n in progress.track(range(questions), description="questions"):
        for name in NAMES if n % 2 else reversed(NAMES):
            began = time.perf_counter()
            _ask(both[name], f"What does number {n} say?")
            took[name].append(time.perf_counter() - began)
    return took


def _ask(each: Service, question: str) -> None:
    """Ask and wait for the answer, in one call of the API."""
    job = call(
        each.http,
        "POST",
        "/api/queries",
        json={"question": question},
        headers={"Prefer": "wait=30"},
    )
    if job["state"] not in FINAL:
        raise SystemExit(f"no answer within 30 s: {job['state']}")


def _spent(each: Service) -> float:
    """Return processor time of the processes that record, seconds."""
    assert each.stack is not None  # noqa: S101  both are ours
    total = 0.0
    for name in OURS:
        process = each.stack.process(name)
        for one in (process, *process.children(recursive=True)):
            times = one.cpu_times()
            total += times.user + times.system
    return total


def _off_ns(times: int = 200_000) -> float:
    """Return the processor time of a span where none is recorded, nanoseconds; best of five."""
    best = float("inf")
    for _ in range(5):
        began = time.thread_time()
        for _ in range(times):
            with traces.span("nothing"):
                pass
        best = min(best, time.thread_time() - began)
    return best / times * 1e9


@contextlib.contextmanager
def _stack(settings: Settings) -> Iterator[Service]:
    """Start a private stack."""
    with (
        tempfile.TemporaryDirectory(prefix="quern-bench-") as folder,
        Stack.start(data_dir=Path(folder), settings=settings, only=WANTED) as stack,
    ):
        yield Service(stack.url, stack)


@contextlib.contextmanager
def _sink() -> Iterator[Sink]:
    """Run the collector."""
    with Sink() as sink:
        thread = threading.Thread(target=sink.serve_forever)
        thread.start()
        try:
            yield sink
        finally:
            sink.shutdown()
            thread.join()


if __name__ == "__main__":
    run(main)
