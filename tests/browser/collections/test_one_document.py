"""One document of a collection: asked alone, and gone where a link still leads to it."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.canned_api import CannedApi
from tests.browser.test_documents_view import listed

Open = Callable[[str], Page]


def test_one_document_is_asked_alone(open_page: Open, url: str, api: CannedApi) -> None:
    api.documents["papers"] = listed(3)
    page = open_page(f"{url}/documents?collection=papers&document=notes/0001.md")
    page.get_by_role("link", name="Ask this one").click()

    expect(page.get_by_label("Collection", exact=True)).to_have_value("papers")
    expect(page.get_by_label("Only documents where")).to_have_value("document_id=notes/0001.md")
    expect(page.locator("#options-set")).to_have_text(": 1 set")
    page.get_by_label("Question").fill("Which values?")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Answered in")).to_be_visible()
    (job,) = api.jobs.values()
    assert job.request["filters"] == {"document_id": "notes/0001.md"}


def test_several_documents_are_named_by_an_address(open_page: Open, url: str) -> None:
    page = open_page(f"{url}/?collection=papers&only=a.md&only=b,c.md")

    expect(page.get_by_label("Only documents where")).to_have_value('document_id=a.md,"b,c.md"')


def test_of_a_document_that_is_gone_nothing_is_offered(
    open_page: Open, url: str, api: CannedApi
) -> None:
    api.documents["papers"] = listed(3)
    api.generations["notes/9999.md"] = 0
    page = open_page(f"{url}/documents?collection=papers&document=notes/9999.md")
    panel = page.get_by_role("complementary", name="notes/9999.md")

    expect(panel.get_by_role("status")).not_to_be_empty()
    for name in ("Replace…", "Read again", "Delete", "Text", "Passages"):
        expect(panel.get_by_role("button", name=name, exact=True)).to_be_hidden()
    page.get_by_role("button", name="notes/0001.md").click()
    expect(page.get_by_role("button", name="Read again")).to_be_visible()
