"""
The most important panels of the dashboards, drawn from what a real Prometheus saw of a real run.

    python -m benchmarks.dashboards --data DIR --plot docs/dashboards.svg

Panels, their titles, queries and units are read from `observability/grafana/dashboards`. The run:
questions all the time, documents in two bursts, and a retrieval worker that hangs for a while. It
is short, so windows of five minutes are made as short as WINDOW.
"""

import argparse
import json
import re
import signal
import threading
import time
from pathlib import Path
from typing import Any

import httpx
from rich.progress import Progress

from benchmarks.data.short_documents import note
from benchmarks.figures.lines import Chart, sheet
from benchmarks.running.private_prometheus import PrivatePrometheus
from benchmarks.running.processes import run
from benchmarks.running.progress import ProgressBars
from stack.up import Stack

BOARDS = Path(__file__).parents[1] / "observability" / "grafana" / "dashboards"
SHOWN = (
    "Questions ended, by how", "How long a question takes", "Age of the oldest waiting unit",
    "Units that wait", "Stages, p95", "Threads busy", "Documents ended", "Texts found in the cache",
)  # fmt: skip
EVERY_S = 2
RUN_S, HANGS_AT_S, HANGS_S = 300.0, 150.0, 30.0
QUESTIONS_PER_S = 4.0
BURSTS_AT_S, BURST = (15.0, 225.0), 400
WINDOW = "20s"


def main() -> None:
    """Run, watch, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="an empty folder for the run")
    parser.add_argument("--plot", type=Path, required=True, help="the picture")
    options = parser.parse_args()
    with (
        ProgressBars() as progress,
        Stack.start(data_dir=options.data / "stack") as stack,
        PrivatePrometheus(
            options.data / "prometheus", web_url=stack.url, every_s=EVERY_S, window=WINDOW
        ) as prometheus,
    ):
        began = time.time()
        _run(stack, progress)
        charts = [_chart(prometheus, panel, began) for panel in _panels()]
    options.plot.write_text(sheet(charts, span_s=RUN_S), "utf-8")


def _run(stack: Stack, progress: Progress) -> None:
    """Ask and hand over documents for RUN_S; stop a worker in the middle."""
    bar = progress.add_task("run", total=RUN_S)
    began = time.monotonic()
    done = threading.Event()
    threads = [
        threading.Thread(target=_ask, args=(stack.url, done), daemon=True),
        threading.Thread(target=_hand_over, args=(stack.url, began, done), daemon=True),
    ]
    for thread in threads:
        thread.start()

    def sleep_until(moment: float) -> None:
        while (left := began + moment - time.monotonic()) > 0:
            time.sleep(min(left, 1.0))
            progress.update(bar, completed=time.monotonic() - began)

    try:
        sleep_until(HANGS_AT_S)
        stack.kill("retrieval", signal.SIGSTOP)
        sleep_until(HANGS_AT_S + HANGS_S)
        stack.kill("retrieval", signal.SIGCONT)
        sleep_until(RUN_S)
    finally:
        done.set()
    for thread in threads:
        thread.join()


def _ask(url: str, done: threading.Event) -> None:
    """Ask questions at an even pace, without waiting for answers."""
    with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
        n = 0
        while not done.wait(1 / QUESTIONS_PER_S):
            words = note(n % 97).split()
            client.post("/api/queries", json={"question": " ".join(words[4:12]) + "?"})
            n += 1


def _hand_over(url: str, began: float, done: threading.Event) -> None:
    """Send documents in bursts."""
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        for burst, at in enumerate(BURSTS_AT_S):
            if done.wait(max(0.0, began + at - time.monotonic())):
                return
            numbers = range(burst * BURST, (burst + 1) * BURST)
            documents = [{"id": f"note-{n}", "text": note(n)} for n in numbers]
            client.post("/api/ingests", json={"documents": documents})


def _panels() -> list[dict[str, Any]]:
    """Return the panels that are shown, in their order."""
    found = {
        panel["title"]: panel
        for path in BOARDS.glob("*.json")
        for panel in json.loads(path.read_text("utf-8"))["panels"]
    }
    return [found[title] for title in SHOWN]


def _chart(prometheus: PrivatePrometheus, panel: dict[str, Any], began: float) -> Chart:
    """Ask for a panel's values over the run; lines that are zero throughout are left out."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for target in panel["targets"]:
        expression = re.sub(r"\[(5m|\$__rate_interval)\]", f"[{WINDOW}]", target["expr"])
        found = prometheus.over(expression, start=began, end=began + RUN_S, step_s=EVERY_S)
        for series in found:
            if any(value > 0 for _, value in series.points):
                name = _named(target["legendFormat"], series.labels)
                lines[name] = [(at - began, value) for at, value in series.points]
    marked = (HANGS_AT_S, HANGS_AT_S + HANGS_S, "worker stopped")
    return Chart(panel["title"], panel["fieldConfig"]["defaults"]["unit"], lines, marked)


def _named(legend: str, labels: dict[str, str]) -> str:
    """Fill in a legend as Grafana does; of a process the role says enough."""
    told = {name: value for name, value in labels.items() if name != "instance"}
    return re.sub(r"{{(\w+)}}", lambda match: told.get(match[1], ""), legend).strip()


if __name__ == "__main__":
    run(main)
