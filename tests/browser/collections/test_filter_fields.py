"""Conditions are told by what documents of the collection have, and by what was asked."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.canned_api import CannedApi

Open = Callable[[str], Page]
KNOWN = [
    {"document_id": "a.md", "title": "Pumps", "language": "en", "metadata": {"year": 1968}},
    {"document_id": "long/b.md", "title": "", "metadata": {"tags": ["x, y", "old"], "by": "7"}},
]


def test_fields_that_documents_have_are_offered_and_written_by_a_click(
    open_page: Open, url: str, api: CannedApi
) -> None:
    api.documents["papers"] = KNOWN
    page = open_page(f"{url}/?collection=papers")
    page.get_by_text("Options", exact=True).click()
    offered = page.locator("#filter-examples").get_by_role("button")

    expect(offered).to_have_text(
        ["year>=1968", "language=en", "title=Pumps", "document_id=a.md", 'by="7"', "tags=old"]
    )
    offered.nth(0).click()
    offered.nth(5).click()
    expect(page.get_by_label("Only documents where")).to_have_value("year>=1968\ntags=old")
    expect(page.locator("#options-set")).to_have_text(": 1 set")


def test_a_collection_without_documents_offers_none(open_page: Open, url: str) -> None:
    page = open_page(url)
    with page.expect_response("**/api/collections/default/documents?limit=100"):
        page.get_by_text("Options", exact=True).click()

    expect(page.locator("#filter-examples")).to_be_hidden()


def test_a_question_that_is_opened_again_says_what_it_was_asked_of(
    open_page: Open, url: str, api: CannedApi
) -> None:
    page = open_page(url)
    page.get_by_text("Options", exact=True).click()
    lines = 'year>=1968\nn=2\ntag=a,b\nname="true"\n{"or": [{"a": 1}, {"b": 2}]}'
    page.get_by_label("Only documents where").fill(lines)
    page.get_by_label("Question").fill("Which values?")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Answered in")).to_be_visible()
    page.reload()
    told = 'year>=1968 and n=2 and tag=a,b and name="true" and {"or":[{"a":1},{"b":2}]}'

    expect(page.locator("#asked-of")).to_have_text(f"Only documents where {told}")
    page.goto(f"{url}/jobs/{next(iter(api.jobs))}")
    expect(page.locator("#job-body")).to_contain_text(told)
