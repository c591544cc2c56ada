"""A job's own view: its documents, and how the passages of a question were found."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.canned_api import RESULT, SOURCES, CannedApi, Job

TO_THE_END = "scrollTo(0, document.body.scrollHeight)"
Open = Callable[[str], Page]


def traced(n: int) -> dict[str, Any]:
    """Return a trace of *n* candidates, of which one was left out."""
    first = {
        "chunk_id": "notes/bm25.md:1:1", "rank": 1, "score": 0.91,
        "dense": {"rank": 2, "score": 0.7, "part": 0.31},
        "sparse": {"rank": 1, "score": 12.5, "part": 0.62},
        "neighbours": {"part": -0.02},
    }  # fmt: skip
    rest = [{"chunk_id": f"d{i}.md:1:{i}", "rank": i, "score": 1 / i} for i in range(2, n + 1)]
    return {
        "candidates": [first, *rest],
        "dropped": {"d2.md:1:2": "near-duplicate of notes/bm25.md:1:1", "old.md:1:0": "an older"},
    }


def test_the_search_of_a_question_is_a_table(open_page: Open, url: str, api: CannedApi) -> None:
    job = Job("query", "papers", {"question": "What is k1?"}, state="succeeded")
    job.result, job.sources = RESULT | {"trace": traced(30)}, SOURCES
    api.jobs[job.id] = job
    page = open_page(f"{url}/jobs/{job.id}")

    expect(page.get_by_role("heading", level=1)).to_have_text("What is k1?")
    lines = page.locator("#trace tbody tr")
    expect(lines).to_have_count(20)
    expect(lines.nth(0).locator("td")).to_have_text([
        "1", "notes/bm25.md, passage 2", "0.910", "no. 2: 0.700 (+0.310)",
        "no. 1: 12.500 (+0.620)", "\u22120.020", "read for the answer",
    ])  # fmt: skip
    expect(lines.nth(1)).to_contain_text("left out: near-duplicate of notes/bm25.md:1:1")
    expect(page.locator("#trace-words")).to_contain_text("1 more was left out before")
    page.get_by_role("button", name="Show all 30").click()
    expect(lines).to_have_count(30)
    expect(lines.nth(0).get_by_role("link")).to_have_attribute(
        "href", "/documents?collection=papers&document=notes%2Fbm25.md"
    )


def test_a_question_is_asked_again_with_its_search(
    open_page: Open, url: str, api: CannedApi
) -> None:
    asked = {"question": "What is k1?", "history": [], "top_k": 3, "priority": "batch"}
    job = Job("query", "papers", asked, state="succeeded", result=RESULT, sources=SOURCES)
    api.jobs[job.id] = job
    page = open_page(f"{url}/jobs/{job.id}")
    page.get_by_role("button", name="Ask again").click()
    page.wait_for_url(lambda address: not address.endswith(job.id))

    expect(page.get_by_role("heading", level=1)).to_have_text("What is k1?")
    (again,) = (one for one in api.jobs.values() if one is not job)
    assert again.request | {"collection": "papers"} == again.request
    assert (again.request["trace"], again.request["top_k"]) == (True, 3)


def test_the_documents_of_a_job_are_followed_and_filtered_page_by_page(
    open_page: Open, url: str, api: CannedApi
) -> None:
    job = Job("ingest", "papers", {}, state="running")
    job.rows = [
        {"document_id": f"{n:03}.txt", "state": "succeeded", "outcome": "created", "chunks": 2}
        for n in range(120)
    ]
    job.rows[0] |= {"state": "running", "outcome": None, "chunks": 0}
    job.rows[1] = {"document_id": "bad.pdf", "state": "failed", "attempts": 9,
                   "error": {"title": "Given up", "detail": "It is cut off."}}  # fmt: skip
    api.jobs[job.id] = job
    page = open_page(f"{url}/jobs/{job.id}")
    lines = page.locator("#rows tbody tr")

    expect(lines).to_have_count(100)
    expect(lines.nth(1)).to_contain_text("It is cut off; 9 attempts")
    expect(lines.nth(2).get_by_role("link")).to_have_attribute(
        "href", "/documents?collection=papers&document=002.txt"
    )
    job.rows[0] |= {"state": "succeeded", "outcome": "updated", "chunks": 1}
    expect(lines.nth(0)).to_contain_text("updated, 1 passage")
    page.evaluate(TO_THE_END)
    expect(lines).to_have_count(120)
    page.get_by_label("State").select_option("failed")
    expect(lines).to_have_count(1)
    page.get_by_label("State").select_option("expired")
    expect(page.get_by_text("There are no such documents.")).to_be_visible()


def test_a_job_that_is_not_known_says_so(open_page: Open, url: str) -> None:
    page = open_page(f"{url}/jobs/nothing")

    expect(page.get_by_role("alert")).to_have_text("there is no job 'nothing'")
    page.get_by_role("link", name="All jobs").click()
    expect(page.get_by_role("heading", name="Jobs")).to_be_visible()


def test_a_list_tells_how_many_were_answered_and_how_sure_each_is(
    open_page: Open, url: str, api: CannedApi
) -> None:
    cited = {"marker": 1, "source": 0, "start": 0, "end": 5, "quote": "Water", "chunk_id": "a:1:0"}
    cited |= {"document_id": "a.md", "page": None}
    gone = cited | {"quote": "", "deleted": True}
    rows = [
        {"answer": "Water. [1]", "answered": True, "confidence": 0.93, "citations": [cited]},
        {"answer": "Guess.", "answered": False, "confidence": 0.02, "citations": []},
        {"answer": "(Withheld.) [1]", "answered": True, "confidence": 0.9, "citations": [gone]},
    ]
    told = [
        {"n": n, "id": str(n), "question": f"What {n}?", "state": "succeeded"} | row
        for n, row in enumerate(rows, 1)
    ]
    job = Job("questions", "papers", {}, state="succeeded")
    job.told = {"progress": {"done": 3, "total": 3, "unit": "questions", "failed": 0}}
    api.jobs[job.id] = job
    page = open_page(f"{url}/")
    page.route(
        "**/questions?*", lambda route: route.fulfill(json={"questions": told, "next_cursor": None})
    )
    page.goto(f"{url}/jobs/{job.id}")
    lines = page.locator("#rows tbody tr")

    expect(page.locator("#rows-count")).to_have_text("2 answered, 1 not")
    expect(lines.locator(".state")).to_have_text(["answered", "not answered", "withheld"])
    expect(lines.locator("td.sureness")).to_have_text(["93 %", "", ""])
    expect(lines.nth(0).get_by_role("button", name="Source 1: a.md")).to_be_visible()
    page.get_by_label("State").select_option("not answered")
    expect(lines).to_have_count(1)
