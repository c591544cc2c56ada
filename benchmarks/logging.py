"""
What a log call costs who calls it, and what is lost: synchronous, the textbook's queue, and ours.

Processor time of the calling thread, which a busy machine inflates least; each design in processes
of its own, in turns, and the median of those. Ends by counting what lacks after each way a process
may end.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from rich.progress import Progress

from benchmarks.figures.bars import bars
from benchmarks.figures.reporting import Limit, report
from benchmarks.running.processes import run
from benchmarks.running.progress import ProgressBars
from stack.leash import leashed

ROOT = Path(__file__).parents[1]
DESIGNS = ("sync", "queue", "ours", "event")
THREADS = (1, 8, 64)
ENDS = ("return", "exception", "SIGTERM")
#: Fewer than may wait, so that what lacks at the end was lost and not dropped.
RECORDS = 8_000

LIMITS = (
    {f"ours_of_sync_{n}_threads": Limit(at_most=0.6) for n in THREADS}
    | {f"event_us_{n}_threads": Limit(at_most=2.0) for n in THREADS}
    | {f"ours_slow_p99_us_{n}_threads": Limit(at_most=1_000) for n in THREADS}
    | {f"ours_lost_on_{how}": Limit(at_most=0) for how in ENDS}
    | {
        f"{design}_unaccounted_{n}_threads": Limit(at_most=0)
        for design in ("ours", "event")
        for n in THREADS
    }
)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.logging", description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--plot", type=Path, help="draw the costs as SVG here")
    parser.add_argument("--quick", action="store_true", help="a minute at most, on the same path")
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="quern-logging-") as name, ProgressBars() as progress:
        sink = Path(name) / "lines"
        figures |= costs(sink, progress, turns=1 if options.quick else 5)
        figures |= slow_sink(sink, progress, calls=100 if options.quick else 400)
        figures |= floods(sink, progress)
        figures |= ends(sink, progress)
    if options.plot:
        rows = [
            (f"{design}, {n} thread{'s' * (n > 1)}", figures[f"{design}_us_{n}_threads"] * 1_000)
            for n in THREADS
            for design in DESIGNS
        ]
        title = "Processor time of a log call on its thread, nanoseconds"
        options.plot.write_text(bars(title, rows), "utf-8")
    report("logging", figures, limits=LIMITS, json_path=options.json)


def costs(sink: Path, progress: Progress, *, turns: int) -> dict[str, float]:
    """Return what a call costs, and lines a second, by design and threads."""
    bar = progress.add_task("cost of a call", total=turns * len(THREADS) * len(DESIGNS))
    figures: dict[str, float] = {}
    for threads in THREADS:
        seen: dict[str, list[Mapping[str, float]]] = {design: [] for design in DESIGNS}
        for _ in range(turns):
            for design in DESIGNS:
                seen[design].append(_told(sink, design, "cost", "--threads", str(threads)))
                progress.advance(bar)
        for design, told in seen.items():
            figures[f"{design}_us_{threads}_threads"] = median(t["cpu_us"] for t in told)
            figures[f"{design}_lines_per_s_{threads}_threads"] = median(
                t["lines_per_s"] for t in told
            )
        for design in ("queue", "ours", "event"):
            # Of each turn: what the machine did beside it then, it did to both.
            figures[f"{design}_of_sync_{threads}_threads"] = median(
                mine["cpu_us"] / theirs["cpu_us"]
                for mine, theirs in zip(seen[design], seen["sync"], strict=True)
            )
    return figures


def slow_sink(sink: Path, progress: Progress, *, calls: int) -> dict[str, float]:
    """Return how long a call takes where each write takes 5 ms, one call every millisecond."""
    bar = progress.add_task("slow sink", total=len(THREADS) * len(DESIGNS))
    figures = {}
    for threads in THREADS:
        # A synchronous sink lets one thread in at a time: 64 would take minutes for the same.
        each = str(max(calls // threads, 10))
        for design in DESIGNS:
            more = ("--slow", "--threads", str(threads), "--count", each)
            told = _told(sink, design, "waits", *more)
            for name, value in told.items():
                figures[f"{design}_slow_{name}_{threads}_threads"] = value
            progress.advance(bar)
    return figures


def floods(sink: Path, progress: Progress) -> dict[str, float]:
    """Return what becomes of many more lines than can be written."""
    bar = progress.add_task("flood", total=len(THREADS) * 2)
    figures = {}
    for threads in THREADS:
        for design in ("ours", "event"):
            told = _told(sink, design, "flood", "--threads", str(threads))
            for name, value in told.items():
                figures[f"{design}_{name}_{threads}_threads"] = value
            progress.advance(bar)
    return figures


def ends(sink: Path, progress: Progress) -> dict[str, int]:
    """Return the lines that lack after each way a process may end, of RECORDS that it logged."""
    bar = progress.add_task("ends", total=(len(ENDS) + 1) * 3)
    figures = {}
    for how in (*ENDS, "SIGKILL"):
        for design in ("sync", "queue", "ours"):
            _run(sink, design, "leave", "--how", how, "--count", str(RECORDS))
            there = sum(b"query done" in line for line in sink.read_bytes().splitlines())
            figures[f"{design}_lost_on_{how}"] = RECORDS - there
            progress.advance(bar)
    return figures


def _told(sink: Path, *arguments: str) -> dict[str, float]:
    """Measure in a process of its own; returns its figures."""
    told: dict[str, float] = json.loads(_run(sink, *arguments))
    return told


def _run(sink: Path, *arguments: str) -> bytes:
    """Run a design, its lines into the sink; returns what it says."""
    command = [sys.executable, "-m", "benchmarks.parts.log_designs", *arguments]
    with sink.open("wb") as lines:
        ended = subprocess.run(
            leashed(*command), cwd=ROOT, stdout=subprocess.PIPE, stderr=lines, check=False,
            timeout=300,
        )  # fmt: skip
    return ended.stdout


if __name__ == "__main__":
    run(main)
