"""A real browser on the real page, in front of canned answers."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from werkzeug.serving import make_server

from runtime.settings import Settings
from stack.up import Stack
from tests.browser.canned_api import CannedApi, canned_app
from tests.support.waiting import PATIENCE_S, until
from tests.support.whole_stack import quick_stack

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
FLOWER = "http://127.0.0.1:5555"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        missing = "no Chromium on this machine; on Debian: apt install chromium"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    with sync_playwright() as playwright:
        expect.set_options(timeout=1_000 * PATIENCE_S)  # five seconds are short on a busy machine
        started = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Start everything that Quern is made of, for the tests with nothing canned."""
    with quick_stack(data_dir=tmp_path_factory.mktemp("stack"), only=None) as running:
        # The page tells the browser's console of a health that fails, as it may beside the start.
        until(lambda: httpx.get(f"{running.url}/health", timeout=60, trust_env=False).is_success)
        yield running


@pytest.fixture
def api() -> CannedApi:
    return CannedApi()


@pytest.fixture
def url(api: CannedApi) -> Iterator[str]:
    app = canned_app(api, Settings(flower_url=FLOWER, max_file_bytes=1_000_000, max_files=5))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    api.gate.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def open_page(browser: Browser, url: str) -> Iterator[Callable[[str], Page]]:
    """Open pages; at the end none may have complained or asked another host for anything."""
    contexts, complaints, asked = [], [], set()

    def opened(address: str) -> Page:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(1_000 * PATIENCE_S)
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()

    # A refused request is logged by the browser itself; tests of refusals expect that line.
    unexpected = [line for line in complaints if "the server responded with a status" not in line]
    assert unexpected == []
    assert asked == {urlsplit(url).netloc}
