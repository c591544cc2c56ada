"""The collection that was chosen last is the one that the next view asks."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.canned_api import CannedApi

Open = Callable[[str], Page]


def test_a_collection_that_was_chosen_is_remembered_by_every_view(
    open_page: Open, url: str
) -> None:
    page = open_page(url)
    page.get_by_label("Collection", exact=True).select_option("papers")

    for view in ("/", "/questions", "/documents"):
        other = page.context.new_page()
        other.goto(url + view)
        expect(other.get_by_label("Collection", exact=True)).to_have_value("papers")


def test_an_address_says_more_than_what_is_remembered(open_page: Open, url: str) -> None:
    page = open_page(url)
    page.get_by_label("Collection", exact=True).select_option("papers")
    page.goto(f"{url}/?collection=default")

    expect(page.locator("#collection-note")).to_have_text("12 documents")
    expect(page.get_by_label("Collection", exact=True)).to_have_value("default")


def test_a_collection_that_is_gone_is_not_remembered(
    open_page: Open, url: str, api: CannedApi
) -> None:
    page = open_page(url)
    page.get_by_label("Collection", exact=True).select_option("papers")
    del api.sizes["papers"]
    page.goto(f"{url}/documents")

    expect(page.get_by_label("Collection", exact=True)).to_have_value("default")
    expect(page.locator("#collection-note")).to_have_text("12 documents")


def test_what_was_added_is_asked_by_a_link_and_the_answer_says_where_it_looked(
    open_page: Open, url: str
) -> None:
    page = open_page(f"{url}/documents?collection=papers")
    note = {"name": "a.txt", "mimeType": "text/plain", "buffer": b"text"}
    page.get_by_label("Choose files").set_input_files([note])
    page.get_by_role("link", name="Ask these documents").click()
    expect(page.get_by_role("heading", name="Ask your documents")).to_be_visible()
    expect(page.get_by_label("Collection", exact=True)).to_have_value("papers")
    page.get_by_label("Question").fill("Which values?")
    page.keyboard.press("Enter")

    expect(page.get_by_text("Answered in 105 ms, in papers")).to_be_visible()
