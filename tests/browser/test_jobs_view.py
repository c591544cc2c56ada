"""All jobs: filters, pages, one job with where its time went and why it failed."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.canned_api import CannedApi, Job

Open = Callable[[str], Page]
GIVEN_UP = {"type": "too_many_attempts", "title": "Given up after 9 attempts", "detail": "It died."}
TO_THE_END = "scrollTo(0, document.body.scrollHeight)"
LOOK_AGAIN = "document.dispatchEvent(new Event('visibilitychange'))"


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
    page.evaluate(TO_THE_END)
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
    times = panel.get_by_role("table", name="Where the time went")
    expect(times.get_by_role("row")).to_have_text([
        "waited2.1 ms", "embedded the question11 ms", "searched by meaning14 ms",
        "searched by words, at the same time7.0 ms", "merged the two2.0 ms",
        "read the passages7.0 ms", "answered61 ms", "between the stages6.9 ms",
    ])  # fmt: skip
    both = panel.locator(".timeline .both span")
    assert [one["width"] for one in both.evaluate_all("all => all.map(one => one.style)")] == [
        "100%", "50%",
    ]  # fmt: skip
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
    expect(panel).to_contain_text("1 of 2 read, 1 failed")
    expect(panel).to_contain_text("documents added")
    panel.get_by_role("button", name="Retry").click()
    expect(panel.get_by_role("link", name="Tried again as")).to_be_focused()
    assert len(api.jobs) == 2


def test_what_was_tried_again_says_so_and_leads_there(
    open_page: Open, url: str, api: CannedApi
) -> None:
    later = Job("ingest", "papers", {}, state="running")
    told = {"retried_as": later.id, "progress": {"done": 2, "total": 2, "failed": 1}}
    job = Job("ingest", "papers", {}, state="partial", told=told)
    api.jobs |= {job.id: job, later.id: later}
    page = open_page(f"{url}/jobs/{job.id}")
    link = page.get_by_role("link", name=f"Tried again as {later.id}")

    expect(link).to_have_attribute("href", f"/documents?collection=papers&job={later.id}")
    expect(page.get_by_role("button", name="Retry")).to_have_count(0)


def test_files_that_would_fail_again_are_not_retried(
    open_page: Open, url: str, api: CannedApi
) -> None:
    told = {"type": "documents_failed", "title": "None", "detail": "See links.documents."}
    job = Job("ingest", "papers", {}, state="failed", told={"error": told})
    corrupt = {"type": "corrupt", "detail": "It is cut off."}
    job.rows = [{"document_id": "b.pdf", "state": "failed", "error": corrupt}]
    api.jobs[job.id] = job
    page = open_page(f"{url}/jobs?job={job.id}")
    panel = page.locator("#job")

    expect(panel).to_contain_text("0 of 1 read, 1 failed")
    expect(panel).to_contain_text("No document succeeded. Below stands why, for each.")
    expect(panel).to_contain_text("It is cut off. Mend the file and add it again.")
    expect(panel.get_by_role("button", name="Retry")).to_have_count(0)
    page.goto(f"{url}/jobs/{job.id}")
    expect(page.locator("#rows tbody")).to_contain_text("Mend the file and add it again.")
    expect(page.get_by_role("button", name="Retry")).to_have_count(0)


def test_below_the_pointer_that_pressed_retry_the_list_stays(
    open_page: Open, url: str, api: CannedApi
) -> None:
    for n in (1, 2):
        created = f"2026-01-02T03:04:0{n}.000Z"
        job = Job("ingest", "papers", {}, state="partial", created_at=created)
        api.jobs[job.id] = job
    page = open_page(f"{url}/jobs")
    rows = page.locator("#jobs tbody tr")
    expect(rows).to_have_count(2)
    with page.expect_response("**/api/jobs?*"):
        rows.nth(1).get_by_role("button", name="Retry").click()
    expect(rows.nth(1).get_by_role("link", name="Tried again as")).to_be_visible()
    expect(rows).to_have_count(2)
    page.mouse.move(5, 5)

    expect(rows).to_have_count(3)
    expect(rows.nth(2).get_by_role("link", name="Tried again as")).to_be_visible()


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
    expect(lines).to_have_count(50)
    page.evaluate(TO_THE_END)
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


def test_a_job_that_waits_says_for_how_long_and_behind_how_many(
    open_page: Open, url: str, api: CannedApi
) -> None:
    waiting = add(api, 1, state="queued")
    waiting.told = {"queue": {"position": 1_204, "eta_s": 65.0}}
    filling = Job("ingest", "papers", {}, state="running", is_open=True)
    filling.told = {"filling": True, "filled": {"done": 300, "total": 1_000}}
    api.jobs[filling.id] = filling
    running = add(api, 2, state="running")
    running.told = {"started_at": "2026-01-02T03:02:04.000Z", "timings_ms": {"queued": 4_000.0}}
    page = open_page(f"{url}/jobs")
    lines = page.locator("#jobs tbody tr")

    expect(lines.filter(has_text="valve 1")).to_contain_text(
        "number 1,204 in the queue, about 1 min 5 s to go"
    )
    expect(lines.filter(has_text="Add 0")).to_contain_text("getting its rows: 300 of 1,000")
    expect(lines.filter(has_text="valve 2").locator(".waited")).to_have_text("4.0 s")
    expect(lines.filter(has_text="valve 2").locator(".took")).to_have_text(re.compile(r"\d h"))


def test_what_was_given_up_is_filtered_for_and_says_what_to_do(
    open_page: Open, url: str, api: CannedApi
) -> None:
    add(api, 1, state="failed")
    add(api, 2, state="failed").error = GIVEN_UP
    partial = Job("ingest", "papers", {}, state="partial")
    partial.rows = [{"document_id": "bomb.pdf", "state": "failed", "error": GIVEN_UP}]
    told = {"done": 5, "total": 5, "failed": 1, "given_up": 1, "unit": "documents"}
    partial.told = {"progress": told}
    api.jobs[partial.id] = partial
    page = open_page(f"{url}/jobs")
    lines = page.locator("#jobs tbody tr")
    expect(lines).to_have_count(3)
    page.get_by_label("State").select_option("given up on")

    expect(lines).to_have_count(2)
    expect(page.locator("#given-up")).to_contain_text("take it out or split it")
    expect(lines.first).to_contain_text("gave up on 1 document: the worker died each time")
    lines.first.get_by_role("link").click()
    panel = page.locator("#job")
    expect(panel).to_contain_text("bomb.pdf")
    expect(panel).to_contain_text("take it out or split it")
    expect(panel).not_to_contain_text("Gave up on 1 document")
    page.reload()
    expect(lines).to_have_count(2)


def test_more_jobs_than_a_page_that_came_between_two_looks_leave_no_gap(
    open_page: Open, url: str, api: CannedApi
) -> None:
    add(api, 0)
    page = open_page(f"{url}/jobs")
    lines = page.locator("#jobs tbody tr")
    expect(lines).to_have_count(1)
    for n in range(1, 58):
        add(api, n)
    page.evaluate(LOOK_AGAIN)

    expect(lines).to_have_count(50)
    page.evaluate(TO_THE_END)
    expect(lines).to_have_count(58)
    names = page.locator("#jobs tbody a").all_text_contents()
    assert names == [f"What does valve {n} do?" for n in range(57, -1, -1)]


def test_of_a_long_list_what_is_in_sight_is_read_again_and_what_changed_is_drawn_again(
    open_page: Open, url: str, api: CannedApi
) -> None:
    last, *_ = [add(api, n, state="running") for n in range(60)]
    page = open_page(f"{url}/jobs")
    lines = page.locator("#jobs tbody tr")
    expect(lines).to_have_count(50)
    page.evaluate(TO_THE_END)
    expect(lines).to_have_count(60)
    page.evaluate("for (const line of document.querySelectorAll('#jobs tr')) line.kept = true")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    lines.last.scroll_into_view_if_needed()
    last.state = "failed"

    expect(lines.last.locator(".word")).to_have_text("failed")
    assert lines.evaluate_all("all => all.map(one => one.kept)") == [*[True] * 59, None]
    assert all("/api/jobs?" in one or one.endswith("/health") for one in asked)
    api.jobs.pop(last.id)
    expect(lines).to_have_count(59)


def test_a_retry_that_failed_can_be_made_once_more(
    open_page: Open, url: str, api: CannedApi
) -> None:
    add(api, 1, state="failed")
    reindex = Job("reindex", "papers", {}, state="failed", error={"title": "Away", "detail": "x"})
    reindex.told = {"progress": {"done": 1, "total": 3, "failed": 0}}
    api.jobs[reindex.id] = reindex
    page = open_page(f"{url}/jobs")
    button = page.get_by_role("button", name="Retry: What does valve 1 do?")
    page.route("**/retry", lambda route: route.fulfill(status=500, json={"title": "It erred"}))
    button.click()
    expect(page.get_by_role("alert")).to_have_text("It erred")
    expect(button).to_be_enabled()
    page.unroute("**/retry")
    button.click()
    expect(page.get_by_role("link", name="Tried again as")).to_be_visible()
    page.mouse.move(5, 5)

    expect(page.locator("#jobs tbody tr")).to_have_count(3)
    expect(page.get_by_role("button", name="Retry: Reindex")).to_be_visible()


def test_on_a_telephone_the_state_of_a_job_is_a_word(
    open_page: Open, url: str, api: CannedApi
) -> None:
    job = Job("ingest", "papers", {}, state="failed")
    api.jobs[job.id] = job
    page = open_page(f"{url}/jobs")
    page.set_viewport_size({"width": 360, "height": 740})

    word = page.locator("#jobs tbody .state .word")
    expect(word).to_have_text("failed")
    assert word.bounding_box()["width"] > 20  # type: ignore[index]
    assert page.evaluate("document.documentElement.scrollWidth") == 360
