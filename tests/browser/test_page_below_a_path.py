"""The page behind a proxy that serves it below a path, on a host that it shares with others."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from werkzeug.serving import make_server

from runtime.settings import Settings
from tests.browser.canned_api import CannedApi, canned_app

PATH = "/tools/quern"
Open = Callable[[str], Page]


@pytest.fixture
def url(api: CannedApi) -> Iterator[str]:
    """Serve the app as behind a proxy that strips the path and says nothing of it."""
    app = canned_app(api, Settings(max_file_bytes=1_000_000, max_files=5))

    def proxy(environ: dict[str, Any], start_response: Any) -> Any:
        if not environ["PATH_INFO"].startswith(f"{PATH}/"):
            start_response("404 Not Found", [("Content-Length", "0")])
            return []
        return app(environ | {"PATH_INFO": environ["PATH_INFO"][len(PATH) :]}, start_response)

    server = make_server("127.0.0.1", 0, proxy, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}{PATH}/"
    api.gate.set()
    server.shutdown()
    thread.join()
    server.server_close()


def test_asking_adding_and_going_back_work_below_a_path(
    open_page: Open, url: str, api: CannedApi
) -> None:
    page = open_page(url)
    failed: list[str] = []
    page.on("response", lambda got: failed.append(got.url) if got.status >= 400 else None)
    page.get_by_label("Question").fill("Which values of k1 and b does Lucene use?")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Answered in")).to_be_visible()
    assert page.url.startswith(f"{url}?job=")

    page.locator("#sources button").nth(0).click()
    address = page.locator("#passage-file").evaluate("link => link.href")
    assert address.startswith(f"{url}api/collections/")

    page.get_by_role("link", name="Documents", exact=True).click()
    assert page.url.startswith(f"{url}documents")
    page.get_by_label("Choose files").set_input_files(
        [{"name": "good.txt", "mimeType": "text/plain", "buffer": b"text"}]
    )
    expect(page.locator("#upload-status")).to_contain_text("1 document ready")
    assert api.uploaded == [("good.txt", 4)]

    page.reload()
    expect(page.locator("#upload-status")).to_contain_text("1 document ready")
    page.get_by_role("link", name="Ask", exact=True).click()
    page.locator("#jobs a").last.click()
    assert page.url.startswith(f"{url}?job=")
    page.locator("a.brand").click()
    assert page.url == url

    job = next(iter(api.jobs.values()))
    page.goto(f"{url}jobs/{job.id}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Which values")
    page.get_by_role("link", name="All jobs").click()
    expect(page.locator("#jobs tbody tr")).to_have_count(2)
    assert page.url == f"{url}jobs"
    assert failed == []
