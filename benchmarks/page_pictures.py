"""
Pictures of the page, each view light, dark and on a telephone, from a private stack with examples.

    python -m benchmarks.page_pictures --folder docs/page [--browser /usr/bin/chromium]

Needs Chromium and what `requirements/dev.txt` installs. Few colours, so that a picture is small.
"""

import argparse
import asyncio
import io
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import orjson
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from rich.progress import Progress

from benchmarks.running.processes import go_on, run
from benchmarks.running.progress import ProgressBars
from benchmarks.running.service import ROOT, Service, call, service
from runtime.settings import Settings

EXAMPLES: Final = ROOT / "examples"
#: Widths and heights in pixels, and whether the machine prefers dark.
SHAPES: Final = {
    "light": (1280, 860, "light"), "dark": (1280, 860, "dark"), "narrow": (360, 780, "light"),
}  # fmt: skip
COLOURS: Final = 256
#: Two samples of the hour that health draws.
HISTORY_S: Final = 25.0


def main() -> None:
    """Fill a service, then take the pictures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page_pictures", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where the pictures go")
    parser.add_argument("--browser", default=shutil.which("chromium") or "chromium")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with service(None, Settings()) as quern, ProgressBars() as progress:
        views = _filled(quern)
        time.sleep(HISTORY_S)
        with sync_playwright() as playwright:
            # Playwright's sync API leaves its loop behind; nothing here may meet it.
            browser = playwright.chromium.launch(
                executable_path=options.browser, args=["--no-sandbox"]
            )
            for name, picture in _pictures(browser, quern.url, views, progress):
                (options.folder / f"{name}.png").write_bytes(picture)
            browser.close()
    asyncio.set_event_loop(None)


def _filled(quern: Service) -> dict[str, str]:
    """Hand over examples and ask; returns the address of each view."""
    quern.ingest_folder(EXAMPLES / "documents", "default")
    broken = {"collection": "default", "documents": [
        {"id": "notes.md", "title": "Notes", "text": "The next meeting is on Monday."},
        {"id": "empty.md", "title": "Empty", "text": " "},
    ]}  # fmt: skip
    _ended(quern, "/api/ingests", broken)
    rows = map(orjson.loads, (EXAMPLES / "questions.jsonl").read_bytes().splitlines())
    asked = [str(row["question"]) for row in rows]
    jobs = [_ended(quern, "/api/queries", {"question": text, "trace": True}) for text in asked]
    several = [*asked, "Who won the boat race of 1912?"]
    table = _ended(quern, "/api/questions", {"questions": [{"question": one} for one in several]})
    return {
        "ask": f"/?job={jobs[0]}", "documents": "/documents", "questions": f"/jobs/{table}",
        "jobs": "/jobs", "job": f"/jobs/{jobs[0]}", "status": "/status", "api": "/api/docs",
    }  # fmt: skip


def _ended(quern: Service, path: str, body: dict[str, Any]) -> str:
    """Return the id of a job that has ended."""
    job = call(quern.http, "POST", path, json=body)["id"]
    call(quern.http, "GET", f"/api/jobs/{job}", params={"wait": 30})
    return str(job)


def _pictures(
    browser: Browser, url: str, views: dict[str, str], progress: Progress
) -> Iterator[tuple[str, bytes]]:
    """Yield the name of each picture and its bytes."""
    bar = progress.add_task("pictures", total=len(SHAPES) * len(views))
    for shape, (width, height, scheme) in SHAPES.items():
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        page = context.new_page()
        for view, path in views.items():
            go_on()
            page.goto(url + path, wait_until="networkidle")
            _act(page, view)
            yield f"{view}-{shape}", _small(page.screenshot())
            progress.advance(bar)
        context.close()


def _act(page: Page, view: str) -> None:
    """Do what shows a view as people see it."""
    if view == "ask":
        page.locator("button.cite").first.click()
        page.locator("#passage mark").first.wait_for()


def _small(picture: bytes) -> bytes:
    """Return a PNG of few colours."""
    out = io.BytesIO()
    few = Image.open(io.BytesIO(picture)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(out, "png", optimize=True)
    return out.getvalue()


if __name__ == "__main__":
    run(main)
