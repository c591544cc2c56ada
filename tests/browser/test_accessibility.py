"""Every view, light and dark, wide and narrow, has no serious finding of axe-core (WCAG 2.2 AA)."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.browser.canned_api import CannedApi, Job
from tests.browser.test_documents_view import listed
from tests.browser.test_job_view import traced
from tests.browser.test_model_answers import HOSTILE
from tests.browser.test_status_view import history

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
Prepare = Callable[[CannedApi], str]


def answer(api: CannedApi) -> str:
    job = Job("query", "papers", {"question": "What?", "history": []}, state="succeeded")
    job.result = api.result | {"answer": HOSTILE, "generator": "a-model"}
    job.sources = api.found
    api.jobs[job.id] = job
    return f"/?job={job.id}"


def documents(api: CannedApi) -> str:
    api.documents["papers"] = listed(30)
    return "/documents?collection=papers&document=notes/0001.md"


def questions(api: CannedApi) -> str:  # noqa: ARG001 - the other views need it
    return "/questions"


def jobs(api: CannedApi) -> str:
    for n, state in enumerate(("queued", "running", "partial", "failed", "cancelled", "expired")):
        bad = {"document_id": "b.pdf", "state": "failed", "error": {"detail": "It is cut off."}}
        job = Job("ingest", "papers", {}, state=state, created_at=f"2026-01-02T03:0{n}:00.000Z")
        job.rows = [bad]
        api.jobs[job.id] = job
    return f"/jobs?job={next(one.id for one in api.jobs.values() if one.state == 'partial')}"


def one_job(api: CannedApi) -> str:
    job = Job("query", "papers", {"question": "What?", "history": []}, state="succeeded")
    job.result, job.sources = api.result | {"trace": traced(25)}, api.found
    api.jobs[job.id] = job
    return f"/jobs/{job.id}"


def status(api: CannedApi) -> str:
    api.history = history(
        questions=("per_min", [1.0, None, 2.0]), latency__p50=("s", [0.1, 0.2, 0.3])
    )
    api.checks = {
        "workers:retrieve": [{"status": "pass", "observedValue": 1, "observedUnit": "count"}],
        "disk:data": [{"status": "fail", "output": "the data disk is full"}],
    }
    return "/status"


def all_calls(_: CannedApi) -> str:
    return "/api/docs#error-422"


def one_call(_: CannedApi) -> str:
    return "/api/docs/ingest#type-Job"


@pytest.mark.parametrize("look", [("light", 1280), ("light", 360), ("dark", 1280)])
@pytest.mark.parametrize(
    "prepare",
    [answer, questions, documents, jobs, one_job, status, all_calls, one_call],
)
def test_a_view_has_no_serious_finding(
    browser: Browser, api: CannedApi, url: str, prepare: Prepare, look: tuple[str, int]
) -> None:
    scheme, width = look
    # axe is put into the page, which its policy would not allow.
    context = browser.new_context(
        viewport={"width": width, "height": 860}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    page.goto(url + prepare(api))
    expect(page.locator("#health-text")).to_have_text("All well")
    page.wait_for_load_state("networkidle")
    if (button := page.get_by_role("button", name="Try it")).count():
        button.click()
        expect(page.get_by_label("on_duplicate")).to_be_visible()

    found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
    wide = page.evaluate("document.documentElement.scrollWidth")
    context.close()

    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
    assert wide <= width
