"""All jobs: filters, pages, one job with where its time went and why it failed."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.canned_api import CannedApi, Job

Open = Callable[[str], Page]


def add(api: CannedApi, n: int, *, state: str = "succeeded") -> Job:
    question = {"question": f"What does valve {n} do?"}
    job = Job("query", "papers", question, state=state, created_at=f"2026-01-02T03:{n:02}:00.000Z")
    api.jobs[job.id] = job
    return job


def test_older_jobs_are_read_on_and_a_state_is_filtered_for(
    open_page: Open, url: str, api: CannedApi
) -> None:
    for n in range(58):
        add(api, n, state="failed" if n == 3 else "succeeded")
    page = open_page(f"{url}/jobs")
    lines = page.locator("#jobs tbody tr")
    expect(lines).to_have_count(50)
    page.get_by_role("button", name="Show more").click()
    expect(lines).to_have_count(58)
    expect(page.get_by_role("button", name="Show more")).to_be_hidden()
    page.get_by_label("State").select_option("failed")
    expect(lines).to_have_count(1)
    page.reload()

    expect(lines).to_have_count(1)
    expect(lines.first).to_contain_text("What does valve 3 do?")
    page.get_by_label("State").select_option("expired")
    expect(page.get_by_text("There are no such jobs.")).to_be_visible()


def test_a_job_shows_where_its_time_went(open_page: Open, url: str, api: CannedApi) -> None:
    job = add(api, 7)
    page = open_page(f"{url}/jobs")
    page.get_by_role("link", name="What does valve 7 do?").click()
    panel = page.get_by_role("complementary", name="What does valve 7 do?")

    expect(panel.get_by_role("heading", name="What does valve 7 do?")).to_be_focused()
    expect(panel.get_by_role("list", name="Where the time went")).to_contain_text("searched 23 ms")
    assert page.url.endswith(f"/jobs?job={job.id}")
    expect(panel.get_by_role("link", name="Open the answer")).to_have_attribute(
        "href", f"/?job={job.id}"
    )
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(page.get_by_role("link", name="What does valve 7 do?")).to_be_focused()


def test_an_ingest_shows_which_documents_failed_and_why(
    open_page: Open, url: str, api: CannedApi
) -> None:
    job = Job("ingest", "papers", {}, state="partial")
    good = {"document_id": "a.txt", "state": "succeeded"}
    bad = {"document_id": "b.pdf", "state": "failed", "error": {"detail": "It is cut off."}}
    job.rows = [good, bad]
    api.jobs[job.id] = job
    page = open_page(f"{url}/jobs?job={job.id}")
    panel = page.get_by_role("complementary", name="Add 2 documents, 1 failed")

    expect(panel).to_contain_text("b.pdf")
    expect(panel).to_contain_text("It is cut off.")
    panel.get_by_role("button", name="Retry").click()
    expect(page.get_by_role("complementary", name="Add 0 documents")).to_be_visible()
    assert len(api.jobs) == 2


def test_cancelling_is_said_at_once(open_page: Open, url: str, api: CannedApi) -> None:
    job = Job("ingest", "papers", {}, state="running", is_open=True)
    api.jobs[job.id] = job
    page = open_page(f"{url}/jobs?job={job.id}")
    panel = page.locator("#job")
    panel.get_by_role("button", name="Cancel").click()

    expect(panel.get_by_role("status")).to_have_text("cancelled")
    assert job.state == "cancelled"


def test_a_job_that_was_forgotten_meanwhile_goes_from_the_list(
    open_page: Open, url: str, api: CannedApi
) -> None:
    oldest = add(api, 0, state="running")
    for n in range(1, 53):
        add(api, n)
    page = open_page(f"{url}/jobs")
    lines = page.locator("#jobs tbody tr")
    page.get_by_role("button", name="Show more").click()
    expect(lines).to_have_count(53)
    del api.jobs[oldest.id]

    expect(lines).to_have_count(52)
    expect(page.locator("#jobs-problem")).to_be_hidden()


def test_a_job_is_looked_at_again_after_a_look_that_failed(
    open_page: Open, url: str, api: CannedApi
) -> None:
    job = Job("ingest", "papers", {}, state="running", is_open=True)
    api.jobs[job.id] = job
    page = open_page(f"{url}/jobs?job={job.id}")
    panel = page.locator("#job")
    expect(panel.get_by_role("status")).to_have_text("running")
    refused = {"status": 500, "json": {"title": "The server erred"}}
    page.route(f"**/api/jobs/{job.id}", lambda route: route.fulfill(**refused), times=1)
    expect(panel.get_by_role("alert")).to_have_text("The server erred")
    job.state = "succeeded"

    expect(panel.get_by_role("status")).to_have_text("done")
