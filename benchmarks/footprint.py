"""
What the service takes while it does nothing: memory of every process, and the time of its start.

    python -m benchmarks.footprint [--starts 5] [--quick] [--json FILE]

`quern up` is started on an empty private folder, once to warm the disk and then several times; each
figure is the median of those. Memory is the proportional set size that the kernel tells
(`/proc/PID/smaps_rollup`), in which a page that several processes share counts once: idle, and idle
again after a first ingest and a question. A process and the ones below it have names of their own,
and none is left out.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.figures.reporting import Limit, report, write
from benchmarks.running.processes import run
from benchmarks.running.progress import ProgressBars
from benchmarks.running.service import FINAL, Service, call
from runtime.settings import Settings
from stack.leash import leashed
from stack.run_folder import RunFolder
from stack.up import Stack

LIMITS: Final = {
    "ready_s": Limit(at_most=8),
    "idle_mb": Limit(at_most=700),
    "used_mb": Limit(at_most=700),
}
#: Of `examples/documents`; each is parsed in another way.
FILES: Final = ("chunking.txt", "bm25-and-stemming.md", "redis-persistence.html", "hnsw-graphs.pdf")
QUESTION: Final = "When does Redis rewrite its append-only file?"
#: How long the stack is left alone before its memory is read.
IDLE_S: Final = 5.0
POLL_S: Final = 0.02
PATIENCE_S: Final = 120.0
SUPERVISOR: Final = "quern up"
OUTPUT: Final = "up.log"
#: What the processes below one of the stack are, by how far below.
BELOW: Final = {"web": ("worker",), "ingestion": ("parser template", "parser")}
ROOT: Final = Path(__file__).parents[1]


@dataclass(slots=True)
class Start:
    """
    What one start of the stack showed, by process.

    Args:
        ready_s: From the start of `quern up` until every process served.

        begun_s: From there to the start of each process.

        ready_after_s: From the start of each process until it served.

        busy_s: Processor time of each until then, with what is below it; of `quern up` until all
            served.

        idle, used: Memory of each before and after work, bytes.
    """

    ready_s: float = 0.0
    begun_s: dict[str, float] = field(default_factory=dict)
    ready_after_s: dict[str, float] = field(default_factory=dict)
    busy_s: dict[str, float] = field(default_factory=dict)
    idle: dict[str, int] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.footprint", description=__doc__)
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--quick", action="store_true", help="a minute at most, on the same path")
    options = parser.parse_args()
    count = 1 if options.quick else options.starts
    with ProgressBars() as progress:
        bar = progress.add_task("starts", total=count + 1)
        measure(warm=True)
        progress.advance(bar)
        starts = []
        for _ in range(count):
            starts.append(measure())
            progress.advance(bar)
    Console().print(table(starts))
    figures = totals(starts)
    report(f"footprint, median of {count} starts", figures, limits=LIMITS, json_path=None)
    if options.json is not None:
        write(figures | {"processes": by_process(starts)}, options.json)


def measure(*, warm: bool = False) -> Start:
    """Start the stack on an empty folder, read its memory, and stop it; *warm* reads nothing."""
    start = Start()
    with tempfile.TemporaryDirectory(prefix="quern-footprint-") as folder:
        began = time.time()
        with _started(Path(folder)) as stack:
            _watch(stack, Path(folder), start, began)
            if not warm:
                time.sleep(IDLE_S)
                start.idle = _memory(stack)
            _use(stack)
            if not warm:
                time.sleep(IDLE_S)
                start.used = _memory(stack)
            alive = [process for _, process in _processes(stack)]
        left = [process for process in alive if process.is_running()]
        if left:
            raise SystemExit(f"processes that did not end: {left}")
    return start


def totals(starts: Sequence[Start]) -> dict[str, Any]:
    """Return what has a limit, and what the processes have in common."""
    return {
        "starts": len(starts),
        "ready_s": median(start.ready_s for start in starts),
        "busy_until_ready_s": median(sum(start.busy_s.values()) for start in starts),
        "idle_mb": median(sum(start.idle.values()) for start in starts) / 1e6,
        "used_mb": median(sum(start.used.values()) for start in starts) / 1e6,
    }


def by_process(starts: Sequence[Start]) -> dict[str, dict[str, float]]:
    """Return the medians of each process, the largest first."""
    names = {name for start in starts for name in (*start.busy_s, *start.used)}
    shown = {}
    for name in names:
        columns: dict[str, list[float | None]] = {
            "begun_s": [start.begun_s.get(name) for start in starts],
            "ready_after_s": [start.ready_after_s.get(name) for start in starts],
            "busy_s": [start.busy_s.get(name) for start in starts],
            "idle_mb": [start.idle.get(name, 0) / 1e6 for start in starts],
            "used_mb": [start.used.get(name, 0) / 1e6 for start in starts],
        }
        shown[name] = {
            column: median(known)
            for column, values in columns.items()
            if (known := [value for value in values if value is not None])
        }
    return dict(sorted(shown.items(), key=lambda entry: -entry[1]["used_mb"]))


def table(starts: Sequence[Start]) -> Table:
    """Return what is printed of each process."""
    shown = Table(
        title="seconds until ready, processor seconds until then, memory before and after work, MB",
        title_justify="left",
    )
    shown.add_column("process")
    columns = ("begun_s", "ready_after_s", "busy_s", "idle_mb", "used_mb")
    for column in columns:
        shown.add_column(column, justify="right")
    for name, values in by_process(starts).items():
        digits = (2, 2, 2, 1, 1)
        cells = (
            f"{values[column]:.{places}f}" if column in values else ""
            for column, places in zip(columns, digits, strict=True)
        )
        shown.add_row(name, *cells)
    return shown


@contextlib.contextmanager
def _started(folder: Path) -> Iterator[Stack]:
    """Run `quern up` on *folder* as people do, on free ports, until the block ends."""
    settings = Settings(
        data_dir=folder,
        port=0,
        redis_url="redis://127.0.0.1:0/0",
        cache_url="redis://127.0.0.1:0/0",
        chroma_url="http://127.0.0.1:0",
    )
    # Whoever installs it lets Python keep what it compiled.
    strange = ("QUERN_", "PYTHONDONTWRITEBYTECODE")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(strange)}
    output = folder / OUTPUT
    with output.open("wb") as log:
        process = subprocess.Popen(
            leashed(sys.executable, "-m", "cli.main", "up"),
            cwd=ROOT,
            env=environment | settings.environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
    with Stack(process, RunFolder(folder), output) as stack:
        yield stack


def _watch(stack: Stack, folder: Path, start: Start, began: float) -> None:
    """Note when each process serves, and what it took until then."""
    supervisor = psutil.Process(stack.pid)
    # The system knows when it started to a second only, and to a hundredth between two processes.
    first = supervisor.create_time()
    while True:
        record = RunFolder(folder).read()
        now = time.time() - began
        for name, process in (record.processes if record else {}).items():
            if process.ready and name not in start.ready_after_s:
                start.begun_s[name] = process.created_at - first
                start.ready_after_s[name] = now - start.begun_s[name]
                start.busy_s[name] = _busy_s(psutil.Process(process.pid), below=True)
        if record and record.ready:
            break
        if supervisor.status() == psutil.STATUS_ZOMBIE or now > PATIENCE_S:
            raise SystemExit(f"the stack did not start: {(folder / OUTPUT).read_text()[-500:]}")
        time.sleep(POLL_S)
    start.ready_s = now
    start.busy_s[SUPERVISOR] = _busy_s(supervisor, below=False)


def _busy_s(process: psutil.Process, *, below: bool) -> float:
    """Return the processor time of a process, with what is *below* it, seconds."""
    total = 0.0
    for one in (process, *(process.children(recursive=True) if below else ())):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = one.cpu_times()
            total += times.user + times.system
            total += times.children_user + times.children_system if below else 0.0
    return total


def _use(stack: Stack) -> None:
    """Ingest a few small files and ask a question."""
    quern = Service(stack.url)
    with quern.http, contextlib.ExitStack() as opened:
        folder = ROOT / "examples" / "documents"
        files = [("files", opened.enter_context((folder / name).open("rb"))) for name in FILES]
        job = call(quern.http, "POST", "/api/ingests", files=files)
        while job["state"] not in FINAL:
            job = call(quern.http, "GET", f"/api/jobs/{job['id']}", params={"wait": 10})
        waiting = {"Prefer": "wait=30"}
        asked = {"question": QUESTION}
        answer = call(quern.http, "POST", "/api/queries", json=asked, headers=waiting)
    if (job["state"], answer["state"]) != ("succeeded", "succeeded"):
        raise SystemExit(f"the ingest {job['state']}, the question {answer['state']}")


def _memory(stack: Stack) -> dict[str, int]:
    """Return the proportional set size of every process, by name, bytes."""
    found: dict[str, int] = defaultdict(int)
    for name, process in _processes(stack):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
            told = next(line for line in lines if line.startswith("Pss:"))
            found[name] += int(told.split()[1]) * 1024
    return dict(found)


def _processes(stack: Stack) -> Iterator[tuple[str, psutil.Process]]:
    """Yield every process of the stack with its name, `quern up` itself among them."""
    names = {process.pid: name for name, process in stack.record.processes.items()}
    supervisor = psutil.Process(stack.pid)
    yield SUPERVISOR, supervisor
    for process in supervisor.children():
        name = names.get(process.pid, process.name())
        yield name, process
        yield from _below(process, name, BELOW.get(name, ()))


def _below(
    parent: psutil.Process, name: str, kinds: Sequence[str]
) -> Iterator[tuple[str, psutil.Process]]:
    """Yield what is below a process; what is not expected there goes by the program's own name."""
    for process in parent.children():
        kind = kinds[0] if kinds else process.name()
        yield f"{name}: {kind}", process
        yield from _below(process, name, kinds[1:])


if __name__ == "__main__":
    run(main)
