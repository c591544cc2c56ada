"""
One way to log, measured in a process of its own: `python -m benchmarks.parts.log_designs DESIGN …`.

`sync` writes each line before the call returns; `queue` is the textbook's QueueHandler and
QueueListener, stopped at exit; `ours` and `event` are Quern's, by `logging` and by the thin path.
All write the same JSON, by the same encoder, to the same kind of sink.
"""

import argparse
import atexit
import json
import logging
import os
import queue
import signal
import statistics
import sys
import threading
import time
from collections.abc import Callable
from logging.handlers import QueueHandler, QueueListener

from benchmarks.figures.reporting import percentile
from runtime.logging import log_writer, logs
from runtime.logging.log_lines import JsonLines

#: Records of a round: fewer than may wait, so that none is dropped and none is cheap for that.
ROUND = 8_000
SLOW_S = 0.005
FLOOD = 200_000

Call = Callable[[int], None]
Flush = Callable[[], None]

log = logging.getLogger("benchmark")


def open_design(design: str, *, slow: bool) -> tuple[Call, Flush]:
    """Set up a design that writes to stderr; returns its call and what waits for its lines."""
    if design in ("ours", "event"):
        if slow:
            write = log_writer._write_once  # noqa: SLF001 - the sink of the one that is measured

            def slowly(descriptor: int, data: memoryview) -> int:
                time.sleep(SLOW_S)
                return write(descriptor, data)

            log_writer._write_once = slowly  # noqa: SLF001
        logs.configure(level="INFO", role="benchmark")
        log.setLevel("INFO")
        return (by_event if design == "event" else by_logging), logs.flush
    handler = _Slow() if slow else logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(role="benchmark"))
    log.setLevel("INFO")
    if design == "sync":
        log.addHandler(handler)
        return by_logging, lambda: None
    waiting: queue.Queue[logging.LogRecord] = queue.Queue(-1)
    listener = QueueListener(waiting, handler)
    log.addHandler(QueueHandler(waiting))
    listener.start()
    atexit.register(listener.stop)

    def flush() -> None:
        while waiting.unfinished_tasks:
            time.sleep(0.001)

    return by_logging, flush


class _Slow(logging.StreamHandler):  # type: ignore[type-arg]  # of text
    """A sink in which each write takes 5 ms."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)

    def emit(self, record: logging.LogRecord) -> None:
        """Wait, then write."""
        time.sleep(SLOW_S)
        super().emit(record)


def by_logging(number: int) -> None:
    """Log a record by `logging`."""
    fields = {"job_id": "j1", "task_id": "t1", "request_id": "r1"}
    log.info("query done in %.1f ms k=%d", 12.5, number, extra=fields)


def by_event(number: int) -> None:
    """Log the same by the thin path."""
    logs.event("query done", ms=12.5, k=number, job_id="j1", task_id="t1", request_id="r1")


def cost(call: Call, flush: Flush, *, threads: int, rounds: int) -> dict[str, float]:
    """Return the processor time of a call on its thread, median of rounds, and lines a second."""
    each = ROUND // threads
    costs: list[float] = []
    began = 0.0
    for number in range(rounds + 1):
        if number == 1:  # the first round warms
            costs, began = [], time.perf_counter()
        spent = [0.0] * threads

        def run(place: int, spent: list[float] = spent) -> None:
            start = time.thread_time()
            for n in range(each):
                call(n)
            spent[place] = time.thread_time() - start

        givers = [threading.Thread(target=run, args=(place,)) for place in range(threads)]
        for giver in givers:
            giver.start()
        for giver in givers:
            giver.join()
        flush()
        costs.append(sum(spent) / (each * threads) * 1e6)
    took_s = time.perf_counter() - began
    return {"cpu_us": statistics.median(costs), "lines_per_s": rounds * each * threads / took_s}


def waits(call: Call, flush: Flush, *, threads: int, calls: int) -> dict[str, float]:
    """Return how long calls take, one every millisecond on each thread."""
    times: list[float] = []

    def run() -> None:
        for n in range(calls):
            began = time.perf_counter()
            call(n)
            times.append(time.perf_counter() - began)
            time.sleep(0.001)

    givers = [threading.Thread(target=run) for _ in range(threads)]
    for giver in givers:
        giver.start()
    for giver in givers:
        giver.join()
    flush()
    return {"p50_us": percentile(times, 0.5) * 1e6, "p99_us": percentile(times, 0.99) * 1e6}


def flood(call: Call, flush: Flush, *, threads: int) -> dict[str, float]:
    """Give far more than can be written; returns what became of it."""
    each = FLOOD // threads

    def run() -> None:
        for n in range(each):
            call(n)

    givers = [threading.Thread(target=run) for _ in range(threads)]
    began = time.perf_counter()
    for giver in givers:
        giver.start()
    for giver in givers:
        giver.join()
    given_s = time.perf_counter() - began
    flush()
    told = logs.report()
    if told is None:
        return {"given_per_s": each * threads / given_s}
    # The line that tells of drops is the writer's own.
    written, dropped = told.written["INFO"], told.dropped["INFO"]
    return {
        "given_per_s": each * threads / given_s,
        "dropped_share": dropped / (each * threads),
        "unaccounted": float(each * threads - written - dropped),
    }


def leave(call: Call, how: str, *, records: int) -> None:
    """Log and end this process in a way."""
    for n in range(records):
        call(n)
    if how == "exception":
        raise RuntimeError("the end")
    if how in ("SIGTERM", "SIGKILL"):
        os.kill(os.getpid(), getattr(signal, how))
        time.sleep(30)


def main() -> None:
    """Measure one design; the figures go to stdout."""
    parser = argparse.ArgumentParser()
    parser.add_argument("design", choices=("sync", "queue", "ours", "event"))
    parser.add_argument("what", choices=("cost", "waits", "flood", "leave"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--count", type=int, default=5)
    parser.add_argument("--slow", action="store_true")
    parser.add_argument("--how", default="return")
    options = parser.parse_args()
    call, flush = open_design(options.design, slow=options.slow)
    threads, count = options.threads, options.count
    match options.what:
        case "cost":
            print(json.dumps(cost(call, flush, threads=threads, rounds=count)))
        case "waits":
            print(json.dumps(waits(call, flush, threads=threads, calls=count)))
        case "flood":
            print(json.dumps(flood(call, flush, threads=threads)))
        case _:
            leave(call, options.how, records=count)


if __name__ == "__main__":
    main()
