"""Calls that are made from the page of the API, in front of everything that Quern is made of."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from stack.up import Stack
from tests.support.waiting import PATIENCE_S
from tests.support.whole_stack import Api

NOTE = "# The lock\n\nThe lock at Weir End has four gates, and was last repaired in 1987.\n"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Open a page; at the end it may not have complained of anything."""
    page = browser.new_page()
    page.set_default_timeout(1_000 * PATIENCE_S)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    page.close()

    assert [line for line in complaints if "responded with a status" not in line] == []


def opened(page: Page, stack: Stack, name: str) -> Locator:
    """Open the trial of a call."""
    page.goto(f"{stack.url}/api/docs/{name}")
    page.get_by_role("button", name="Try it").click()
    form = page.get_by_role("form", name="Try it")
    expect(form.get_by_role("button", name="Send")).to_be_visible()
    return form


def sent(form: Locator) -> dict[str, Any]:
    """Send, and return the JSON that is shown."""
    form.get_by_role("button", name="Send").click()
    told = form.get_by_role("region", name="Body of the answer")
    expect(told).to_be_visible()
    shown: dict[str, Any] = json.loads(told.inner_text())
    return shown


def test_a_file_is_taken_in_asked_about_streamed_and_deleted(page: Page, stack: Stack) -> None:
    form = opened(page, stack, "ingest")
    file = {"name": "lock.md", "mimeType": "text/markdown", "buffer": NOTE.encode()}
    form.get_by_label("files").set_input_files([file])
    form.get_by_label("collection").fill("locks")
    form.get_by_text("Headers of the request").click()
    form.get_by_label("Prefer").fill("wait=30")
    ingested = sent(form)

    form = opened(page, stack, "ask")
    question = {"question": "How many gates has the lock at Weir End?", "collection": "locks"}
    form.get_by_label("Body (JSON)").fill(json.dumps(question))
    page.keyboard.press("Control+Enter")
    expect(form.get_by_label("Prefer")).to_have_value("wait=10")
    expect(form.get_by_role("status")).to_contain_text("200 OK")
    expect(page.get_by_text("An example of the answer (200)")).to_be_visible()
    link = form.get_by_role("link", name="/events")
    expect(link).to_have_attribute("href", re.compile("^/api/jobs/[^/]+/events$"))
    form.get_by_text("Headers", exact=True).click()
    expect(form.get_by_role("region", name="Headers of the answer")).to_contain_text(
        "location: /api/jobs/"
    )

    form = opened(page, stack, "streamEvents")  # the job's id is still known
    form.get_by_role("button", name="Send").click()
    events = form.get_by_role("region", name="Events")
    expect(events).to_contain_text("event: done")
    expect(events).to_contain_text("four gates")
    expect(form.get_by_role("status")).to_contain_text("the stream has ended")

    form = opened(page, stack, "deleteDocument")
    form.get_by_label("name", exact=False).first.fill("locks")
    form.get_by_label("document_id").fill("lock.md")
    form.get_by_role("button", name="Send").click()
    dialog = page.get_by_role("dialog", name="Make this call?")
    expect(dialog).to_contain_text("DELETE /api/collections/locks/documents/lock.md")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    with Api(stack.url) as api:
        assert len(api.get("/api/collections/locks/documents")["documents"]) == 1
        form.get_by_role("button", name="Send").click()
        dialog.get_by_role("button", name="Make the call").click()
        expect(form.get_by_role("status")).to_contain_text("202 Accepted")
        deleted = json.loads(form.get_by_role("region", name="Body of the answer").inner_text())
        api.finished(deleted["id"])

        assert api.get("/api/collections/locks/documents")["documents"] == []
    assert (ingested["state"], ingested["progress"]["done"]) == ("succeeded", 1)


def test_a_refusal_is_shown_with_its_reason(page: Page, stack: Stack) -> None:
    form = opened(page, stack, "ask")
    form.get_by_label("Body (JSON)").fill('{"question": "x", "top_k": 99}')
    refused = sent(form)

    expect(form.get_by_role("status")).to_contain_text("422")
    assert refused["errors"][0]["field"] == "top_k"
    form.get_by_label("Body (JSON)").fill("{")
    form.get_by_role("button", name="Send").click()
    expect(form.get_by_role("alert")).to_contain_text("The body is not JSON")


def test_a_stream_without_an_end_can_be_stopped(page: Page, stack: Stack) -> None:
    with Api(stack.url) as api:
        job = api.post("/api/ingests", {"open": True})
        form = opened(page, stack, "streamEvents")
        form.get_by_label("job_id").fill(job["id"])
        form.get_by_role("button", name="Send").click()
        expect(form.get_by_role("region", name="Events")).to_contain_text("event: ")
        form.get_by_role("button", name="Stop").click()

        expect(form.get_by_role("status")).to_have_text("Stopped.")
        expect(form.get_by_role("button", name="Stop")).to_be_hidden()
        api.http.delete(f"/api/jobs/{job['id']}")


def test_a_file_is_offered_to_be_saved_under_its_name(page: Page, stack: Stack) -> None:
    with Api(stack.url) as api:
        api.ingest({"gates.md": NOTE}, "gates")
    form = opened(page, stack, "getFile")
    form.get_by_label("name", exact=False).first.fill("gates")
    form.get_by_label("document_id").fill("gates.md")
    form.get_by_role("button", name="Send").click()
    with page.expect_download() as download:
        form.get_by_role("link", name="Save gates.md").click()

    assert download.value.path().read_text("utf-8") == NOTE
