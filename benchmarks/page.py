"""
The page in a browser: how long the server takes to render a view, and until its largest paint.

    python -m benchmarks.page [--loads 20] [--browser /usr/bin/chromium] [--json FILE]

On a private stack of Redis and the web, on loopback, with an empty cache for each load. Needs
Chromium and what `requirements/dev.txt` installs.
"""

import argparse
import asyncio
import shutil
import time
from pathlib import Path
from statistics import median
from typing import Any, Final

from playwright.sync_api import Browser, sync_playwright
from rich.progress import Progress

from benchmarks.figures.reporting import Limit, percentile, report
from benchmarks.running.http_line import HttpLine
from benchmarks.running.processes import go_on, run
from benchmarks.running.progress import ProgressBars
from benchmarks.running.service import service
from runtime.settings import Settings

VIEWS: Final = {"ask": "/", "documents": "/documents", "jobs": "/jobs", "status": "/status"}
OK: Final = 200
#: Renders of a view that are asked for in turn.
RENDERS: Final = 100

#: Of a document that has just been loaded: the time of its largest paint, and its own bytes.
LARGEST_PAINT: Final = """() => new Promise((done) => {
  new PerformanceObserver((list) => done(list.getEntries().at(-1).startTime))
    .observe({ type: "largest-contentful-paint", buffered: true });
})"""
BYTES: Final = """() => [...performance.getEntriesByType("navigation"),
  ...performance.getEntriesByType("resource")]
  .filter(({ name }) => name.includes("/static/") || name === location.href)
  .reduce((sum, { decodedBodySize }) => sum + decodedBodySize, 0)"""

LIMITS = {
    "ask_first_render_ms": Limit(at_most=200),
    **{f"{view}_render_p95_ms": Limit(at_most=200) for view in VIEWS},
    **{f"{view}_largest_paint_ms": Limit(at_most=1_000) for view in VIEWS},
    **{f"{view}_bytes": Limit(at_most=100_000) for view in VIEWS},
}


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=__doc__)
    parser.add_argument("--loads", type=int, default=20, help="of each view in the browser")
    parser.add_argument("--browser", default=shutil.which("chromium"), help="path of a Chromium")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--quick", action="store_true", help="a fifth of the work")
    options = parser.parse_args()
    loads = max(3, options.loads // 5) if options.quick else options.loads
    only = ("redis-queue", "redis-cache", "web")
    with service(None, Settings(), only=only) as quern, ProgressBars() as progress:
        figures = asyncio.run(_renders(quern.url, progress))
        with sync_playwright() as playwright:
            started = playwright.chromium.launch(
                executable_path=options.browser, args=["--no-sandbox"]
            )
            figures |= _paints(started, quern.url, progress, loads=loads)
            started.close()
    report("The page", figures, limits=LIMITS, json_path=options.json)


async def _renders(url: str, progress: Progress) -> dict[str, Any]:
    """Return how long the server takes to answer with a view; the very first comes by itself."""
    line = HttpLine(url)
    bar = progress.add_task("renders", total=RENDERS * len(VIEWS))
    figures = {"ask_first_render_ms": await _render(line, VIEWS["ask"])}
    for view, path in VIEWS.items():
        took = []
        for _ in range(RENDERS):
            took.append(await _render(line, path))
            progress.advance(bar)
        figures[f"{view}_render_p50_ms"] = median(took)
        figures[f"{view}_render_p95_ms"] = percentile(took, 0.95)
    line.close()
    return figures


async def _render(line: HttpLine, path: str) -> float:
    """Return how long one answer took, milliseconds."""
    go_on()
    began = time.perf_counter()
    status, answer = await line.call("GET", path)
    if status != OK:
        raise SystemExit(f"GET {path}: {status} {answer[:300]!r}")
    return (time.perf_counter() - began) * 1000


def _paints(browser: Browser, url: str, progress: Progress, *, loads: int) -> dict[str, Any]:
    """Return when each view's largest paint is, in the median, and what it loads of ours."""
    figures: dict[str, Any] = {}
    bar = progress.add_task("loads in the browser", total=loads * len(VIEWS))
    for view, path in VIEWS.items():
        paints, sizes = [], []
        for _ in range(loads):
            go_on()
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            page = context.new_page()
            page.goto(url + path, wait_until="networkidle")
            paints.append(float(page.evaluate(LARGEST_PAINT)))
            sizes.append(int(page.evaluate(BYTES)))
            context.close()
            progress.advance(bar)
        figures[f"{view}_largest_paint_ms"] = median(paints)
        figures[f"{view}_bytes"] = max(sizes)
    return figures


if __name__ == "__main__":
    run(main)
