"""The page in front of everything that Quern is made of, with nothing canned."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, expect

from stack.up import Stack
from tests.support.waiting import PATIENCE_S, until
from tests.support.whole_stack import quick_stack

NOTE = """# The mill at Harrow Ford

The mill at Harrow Ford was built in 1743 by Agnes Tolley. It ground rye until the flood of 1911.
Its upper stone, made of French burr, weighs 870 kilograms and is kept in the village hall.
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with quick_stack(data_dir=tmp_path_factory.mktemp("stack"), only=None) as running:
        # The page tells the browser's console of a health that fails, as it may beside the start.
        until(lambda: httpx.get(f"{running.url}/health", timeout=60, trust_env=False).is_success)
        yield running


def test_two_files_one_bad_then_a_question_and_its_citation(browser: Browser, stack: Stack) -> None:
    page = browser.new_page()
    page.set_default_timeout(1_000 * PATIENCE_S)
    complaints: list[str] = []
    asked: set[str] = set()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
    page.goto(f"{stack.url}/documents")
    page.get_by_label("Choose files").set_input_files(
        [
            {"name": "mill.md", "mimeType": "text/markdown", "buffer": NOTE.encode()},
            {"name": "bad.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 cut off"},
        ]
    )
    files = page.get_by_role("list", name="Files").get_by_role("listitem")
    expect(files.filter(has_text="mill.md")).to_contain_text("added, 1 passage")
    expect(files.filter(has_text="bad.pdf")).to_contain_text("failed")
    expect(page.locator("#upload-status")).to_contain_text("1 document ready, 1 failed")

    page.get_by_role("link", name="Ask").click()
    page.get_by_label("Question").fill("Who built the mill at Harrow Ford?")
    page.get_by_role("button", name="Ask").click()
    expect(page.locator("#stage")).to_contain_text("Answered in")
    expect(page.locator("#sources li")).to_have_count(1)
    expect(page.locator("#answer")).to_contain_text("Agnes Tolley")
    page.locator("#answer .cite").first.click()
    panel = page.get_by_role("complementary", name="The mill at Harrow Ford")
    expect(panel.locator("mark")).to_have_text(
        "The mill at Harrow Ford was built in 1743 by Agnes Tolley."
    )
    expect(panel).to_contain_text("mill.md")
    address = panel.get_by_role("link").get_attribute("href")
    file = page.request.get(f"{stack.url}{address}").body()
    expect(page.locator("#jobs tbody tr").first).to_contain_text(re.compile("done.*Harrow Ford"))
    page.close()

    assert file == NOTE.encode()
    assert complaints == []
    assert asked == {urlsplit(stack.url).netloc}
