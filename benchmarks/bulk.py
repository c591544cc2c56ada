"""
A folder of short documents: how fast it becomes searchable, again, and what searches feel of it.

    python -m benchmarks.bulk [--files 2000] [--engine ENGINE] [--quick] [--json FILE]

The folder is made up here (`short_documents`). What is timed is `quern ingest FOLDER`, a
process of its own, from its start to its end, against the embedder alone: the one that the service
uses, in this process, on the same texts and all cores, before and after.
"""

import argparse
import contextlib
import random
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean, median
from typing import Any, Final

import httpx
import psutil
from rich.progress import Progress

from adapters.embedding_models.models import open_model
from benchmarks.data.short_documents import note, write_folder
from benchmarks.figures.reporting import Limit, percentile, report
from benchmarks.running.processes import run, running
from benchmarks.running.progress import ProgressBars
from benchmarks.running.service import FINAL, ROOT, Service, call, service
from rag.documents import indexed_text
from rag.ports import Embedder
from runtime.settings import Settings

LIMITS: Final = {
    "of_embedder_limit": Limit(at_least=0.85),
    "second_run_speedup": Limit(at_least=50),
    "edited_wrong": Limit(at_most=0),
    "query_p95_during_to_idle": Limit(at_most=2),
    "urgent_s": Limit(at_most=10),
}
COLLECTION = "bulk"
#: One file of so many is edited.
EDITED = 100
AGAIN = 3
#: Between two searches: people who search, not a flood.
PAUSE_S = 0.1
#: When one more file is handed over, of those that take minutes.
URGENT_AFTER_S = 2.0


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bulk", description=__doc__)
    parser.add_argument("--files", type=int, default=2_000)
    parser.add_argument(
        "--engine",
        choices=("auto", "onnx-int8", "onnx-float32", "sentence-transformers"),
        default="auto",
        help="what embeds, in the service and beside it",
    )
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--quick", action="store_true", help="a minute at most, on the same path")
    options = parser.parse_args()
    files = 200 if options.quick else options.files
    settings = Settings(embedding_engine=options.engine)
    with tempfile.TemporaryDirectory(prefix="quern-bulk-") as folder, ProgressBars() as progress:
        figures = measure(files, Path(folder), settings, progress)
    report(f"bulk, {files} files", figures, limits=LIMITS, json_path=options.json)


def measure(files: int, folder: Path, settings: Settings, progress: Progress) -> dict[str, Any]:
    """Return all figures."""
    docs = folder / "docs"
    write_folder(docs, files)
    with contextlib.ExitStack() as stack:
        embedder, _ = open_model(settings)
        quern = stack.enter_context(service(None, settings))
        bar = progress.add_task("bulk", total=6)
        quern.ingest_folder(write_folder(folder / "warm", 8, seed=9)[0].parent, "warm")
        _search(quern, "warm", 8)
        before = _embed(embedder, files, first=True)
        progress.advance(bar)

        memory = _ingestion_memory(quern)
        with _processor_time(quern, files) as spent:
            first_s = quern.ingest_folder(docs, COLLECTION)
        memory = _ingestion_memory(quern) - memory
        progress.advance(bar)
        after = _embed(embedder, files, first=False)
        bare_per_s = mean([before[0], after[0]])
        bare_cpu_ms = mean([before[1], after[1]])
        progress.advance(bar)

        held = _documents(quern)
        chunks = sum(row["chunks"] for row in held.values())
        again_s = median(quern.ingest_folder(docs, COLLECTION) for _ in range(AGAIN))
        progress.advance(bar)
        edited = _edit(docs, files)
        quern.ingest_folder(docs, COLLECTION)
        now = _documents(quern)
        changed = {name for name in now if now[name]["generation"] != held[name]["generation"]}
        progress.advance(bar)
        idle, during, urgent_s = _searches(quern, folder, files)
        progress.advance(bar)
    figures: dict[str, Any] = {
        "files": files,
        "chunks": chunks,
        "missing": files - len(held),
        "first_run_s": first_s,
        "files_per_s": files / first_s,
        "chunks_per_s": chunks / first_s,
        "embedder_chunks_per_s": bare_per_s,
        "of_embedder_limit": chunks / first_s / bare_per_s,
        "second_run_s": again_s,
        "second_run_speedup": first_s / again_s,
        "edited_updated": len(changed & edited),
        "edited_wrong": len(changed ^ edited),
        "query_p95_idle_ms": percentile(idle, 0.95),
        "query_p95_during_ms": percentile(during, 0.95),
        "query_p95_during_to_idle": percentile(during, 0.95) / percentile(idle, 0.95),
        "queries_during": len(during),
        "urgent_s": urgent_s,
        "memory_growth_mb": memory / 1e6,
        "embedder_cpu_ms_per_chunk": bare_cpu_ms,
    }
    figures |= {f"cpu_ms_per_file_{name}": ms for name, ms in spent.items()}
    # Of all processor time the part that the model takes: what other work on the machine hides.
    figures["of_embedder_cpu"] = bare_cpu_ms * chunks / files / sum(spent.values())
    return figures


def _embed(embedder: Embedder, files: int, *, first: bool) -> tuple[float, float]:
    """Embed half of the texts; returns passages a second, and processor time of each, ms."""
    texts = [
        indexed_text(f"note {n:05}", note(n).strip()) for n in range(0 if first else 1, files, 2)
    ]
    embedder.embed(texts[:8])
    began, busy = time.perf_counter(), time.process_time()
    embedder.embed(texts)
    took, busy = time.perf_counter() - began, time.process_time() - busy
    return len(texts) / took, 1000 * busy / len(texts)


def _edit(docs: Path, files: int) -> set[str]:
    """Change some files; returns the documents they are."""
    changed = set()
    for n in range(0, files, EDITED):
        path = docs / f"{n // 100:03}" / f"note-{n:05}.txt"
        path.write_text(path.read_text("utf-8") + "It was edited since.\n", "utf-8")
        changed.add(path.relative_to(docs).as_posix())
    return changed


def _documents(quern: Service) -> dict[str, Any]:
    """Return what is current of each document."""
    return {row["document_id"]: row for row in quern.documents(COLLECTION)}


def _searches(quern: Service, folder: Path, files: int) -> tuple[list[float], list[float], float]:
    """
    Search at a walking pace: while nothing else happens, then while others are ingested.

    Returns what each search took, ms, and after how many seconds one file was searchable that was
    handed over in the middle of the others.
    """
    idle = _search(quern, COLLECTION, 100, seed="idle")
    more = folder / "more"
    write_folder(more, max(200, files // 2), seed=2)
    ended = threading.Event()
    command = quern.ingest_command(more, "more")
    with (
        ThreadPoolExecutor(1) as beside,
        running(command, cwd=ROOT, stdout=subprocess.DEVNULL) as ingest,
    ):

        def watch() -> None:
            ingest.wait()
            ended.set()

        watcher = threading.Thread(target=watch)
        watcher.start()
        time.sleep(1.0)  # for it to start
        urgent = beside.submit(_urgent, quern.client())
        during = _search(quern, COLLECTION, 1_000_000, seed="during", until=ended)
        watcher.join()
    return idle, during, urgent.result()


def _urgent(http: httpx.Client) -> float:
    """Hand one file over, and search until it is found; returns the seconds that took."""
    time.sleep(URGENT_AFTER_S)
    began = time.perf_counter()
    document = {"id": "urgent.txt", "text": "The word of the day is quagmirewort."}
    body = {"collection": "urgent", "documents": [document]}
    job = call(http, "POST", "/api/ingests", json=body)
    while job["state"] not in FINAL:
        job = call(http, "GET", f"/api/jobs/{job['id']}", params={"wait": 10})
    asked = {"query": "quagmirewort", "collection": "urgent", "mode": "sparse"}
    while not call(http, "POST", "/api/search", json=asked)["results"]:
        time.sleep(PAUSE_S)
    return time.perf_counter() - began


def _search(
    quern: Service, collection: str, count: int, *, seed: str = "", until: Any = None
) -> list[float]:
    """Make searches of words nobody asked before, one after the other; returns what each took."""
    waits: list[float] = []
    for n in range(count):
        if until is not None and until.is_set() and waits:
            break
        chance = random.Random(f"{seed}{n}")
        query = " ".join(chance.sample(note(chance.randrange(1_000)).split(), 5))
        began = time.perf_counter()
        body = {"query": query, "collection": collection}
        call(quern.http, "POST", "/api/search", json=body)
        waits.append((time.perf_counter() - began) * 1000)
        time.sleep(PAUSE_S)
    return waits


@contextlib.contextmanager
def _processor_time(quern: Service, files: int) -> Iterator[dict[str, float]]:
    """Give, once it is left, the processor time of each process, with its children's, ms a file."""
    spent: dict[str, float] = {}
    before = {name: _busy(quern, name) for name in _names(quern)}
    children = _children_s()
    yield spent
    for name, was in before.items():
        spent[name.replace("-", "_")] = 1000 * (_busy(quern, name) - was) / files
    spent["command"] = 1000 * (_children_s() - children) / files


def _names(quern: Service) -> Sequence[str]:
    return [] if quern.stack is None else list(quern.stack.record.processes)


def _children_s() -> float:
    """Return the processor time of this process' children that have ended, seconds."""
    times = psutil.Process().cpu_times()
    return float(times.children_user + times.children_system)


def _busy(quern: Service, name: str) -> float:
    """Return the processor time of a process of the stack and all below it, seconds."""
    if quern.stack is None:
        return 0.0
    process = quern.stack.process(name)
    times = process.cpu_times()
    total = times.user + times.system + times.children_user + times.children_system
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            own = child.cpu_times()
            total += own.user + own.system + own.children_user + own.children_system
    return float(total)


def _ingestion_memory(quern: Service) -> int:
    """Return what the ingestion worker holds, bytes."""
    return 0 if quern.stack is None else int(quern.stack.process("ingestion").memory_info().rss)


if __name__ == "__main__":
    run(main)
