"""Uploads of many files, and of files that are refused or fail: each is tried again."""

from collections.abc import Callable, Sequence

from playwright.sync_api import FilePayload, Page, expect

from tests.browser.canned_api import CannedApi

Open = Callable[[str], Page]


def files(*names: str, size: int = 4) -> Sequence[FilePayload]:
    return [{"name": name, "mimeType": "text/plain", "buffer": b"x" * size} for name in names]


def test_small_files_go_together_as_many_as_a_request_may_have(
    open_page: Open, url: str, api: CannedApi
) -> None:
    page = open_page(f"{url}/documents")
    page.get_by_label("Choose files").set_input_files(files(*(f"{n}.txt" for n in range(12))))

    expect(page.locator("#upload-status")).to_contain_text("12 documents ready")
    assert sorted(api.requests) == [2, 5, 5]


def test_of_files_that_go_together_only_the_one_at_fault_is_refused(
    open_page: Open, url: str, api: CannedApi
) -> None:
    api.refused = {"b.txt": 422}
    page = open_page(f"{url}/documents")
    page.get_by_label("Choose files").set_input_files(files("a.txt", "b.txt", "c.txt"))
    lines = page.get_by_role("list", name="Files").get_by_role("listitem")

    expect(page.locator("#upload-status")).to_contain_text("2 documents ready, 1 failed")
    expect(lines.nth(0)).to_contain_text("added")
    expect(lines.nth(1)).to_contain_text("b.txt is not wanted")
    expect(page.get_by_role("button", name="again")).to_be_hidden()


def test_what_the_server_could_not_take_is_sent_again(
    open_page: Open, url: str, api: CannedApi
) -> None:
    api.refused = {"b.txt": 500}
    page = open_page(f"{url}/documents")
    with page.expect_response("**/api/jobs/*/close"):
        page.get_by_label("Choose files").set_input_files(files("a.txt", "b.txt"))
    again = page.get_by_role("button", name="Upload 2 files again")
    with page.expect_response("**/api/jobs/*/close"):
        again.click()
    expect(page.locator("#upload-status")).to_contain_text("0 documents ready, 2 failed")
    api.refused = {}
    again.click()

    expect(page.locator("#upload-status")).to_contain_text("2 documents ready")
    expect(again).to_be_hidden()
    assert [name for name, _ in api.uploaded] == ["a.txt", "b.txt"]


def test_documents_that_failed_are_retried_by_the_server(open_page: Open, url: str) -> None:
    page = open_page(f"{url}/documents")
    page.get_by_label("Choose files").set_input_files(files("a.txt", "late.txt"))
    expect(page.locator("#upload-status")).to_contain_text("1 document ready, 1 failed")
    before = page.url
    page.get_by_role("button", name="Retry 1 failed document").click()

    page.wait_for_url(lambda now: now != before)
    expect(page.locator("#upload-status")).to_contain_text("0 documents ready, in")
    expect(page.get_by_role("button", name="Retry")).to_be_hidden()


def test_a_file_that_would_fail_again_is_mended_and_not_retried(open_page: Open, url: str) -> None:
    page = open_page(f"{url}/documents")
    page.get_by_label("Choose files").set_input_files(files("bad.pdf", "blank.txt"))
    lines = page.get_by_role("list", name="Files").get_by_role("listitem")

    expect(lines.nth(0)).to_contain_text("Mend the file and add it again.")
    expect(lines.nth(1)).to_contain_text("Mend the file and add it again.")
    expect(lines.nth(1).locator(".state")).to_have_attribute("data-state", "partial")
    expect(page.get_by_role("button", name="Retry")).to_be_hidden()


def test_rows_that_have_ended_are_not_read_again(open_page: Open, url: str, api: CannedApi) -> None:
    api.pace_s = 0.6
    page = open_page(f"{url}/documents")
    with page.expect_response("**/api/ingests"):
        page.get_by_label("Choose files").set_input_files(files(*(f"{n}.txt" for n in range(450))))
    expect(page.locator("#upload-status")).to_contain_text("450 documents ready")
    lines = page.get_by_role("list", name="Files").get_by_role("listitem")

    expect(lines).to_have_count(450)
    expect(lines.last).to_contain_text("added")
    last_of_first = max(at for at, cursor in enumerate(api.asked_rows) if cursor == "")
    assert "400" in api.asked_rows[last_of_first:]
    assert api.asked_rows[-1] == "400"
