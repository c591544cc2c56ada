"""The pages of the API: all calls, and each with its example, found and read without a mouse."""

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_page_below_a_path import PATH
from tests.browser.test_page_below_a_path import url as below_a_path

Open = Callable[[str], Page]
__all__ = ["below_a_path"]


def test_a_call_is_found_by_words_of_its_path_and_opened_by_enter(
    open_page: Open, url: str
) -> None:
    page = open_page(f"{url}/api/docs")
    found = page.get_by_role("navigation", name="Calls").locator("[data-find]:visible")
    page.get_by_label("Find a call").fill("job delete")
    expect(page.locator("#found")).to_have_text("1 call")
    expect(found).to_have_text(["Cancel a job"])
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text("Cancel a job")
    assert urlsplit(page.url).path == "/api/docs/cancelJob"
    page.get_by_label("Find a call").fill("no such words")
    expect(page.locator("#found")).to_have_text("0 calls")
    page.get_by_label("Find a call").fill("")
    expect(page.locator("#found")).to_have_text("")
    expect(page.locator(".toc [aria-current]")).to_have_text("Cancel a job")


def test_an_error_and_a_type_open_where_an_address_names_them(open_page: Open, url: str) -> None:
    page = open_page(f"{url}/api/docs/ask")
    page.get_by_role("link", name="Filter", exact=True).first.click()
    expect(page.locator("#type-Filter")).to_have_attribute("open", "")
    expect(page.locator("#type-Job")).not_to_have_attribute("open", "")
    page.get_by_role("link", name="429", exact=True).click()

    expect(page.locator("#error-429")).to_have_attribute("open", "")
    assert page.url == f"{url}/api/docs#error-429"
    expect(page.locator("#error-429")).to_contain_text("memory-full")
    expect(page.locator("#error-429")).to_be_in_viewport()


def test_a_line_is_copied_as_it_stands(open_page: Open, url: str) -> None:
    page = open_page(f"{url}/api/docs/ask")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")

    assert copied.startswith(
        f"curl {url}/api/queries \\\n  -H 'Prefer: wait=10' \\\n"
        "  -H 'Content-Type: application/json'"
    )
    expect(page.get_by_role("button", name="Copy")).to_be_visible()


def test_without_a_clipboard_the_line_is_copied_all_the_same(open_page: Open, url: str) -> None:
    page = open_page(f"{url}/api/docs/listJobs")
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.get_by_role("button", name="Copy").click()

    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("getSelection().toString()") == f"curl {url}/api/jobs"


def test_a_script_is_needed_for_trying_alone(browser: object, url: str) -> None:
    context = browser.new_context(java_script_enabled=False)  # type: ignore[attr-defined]
    page = context.new_page()
    page.goto(f"{url}/api/docs/ask")

    expect(page.get_by_text("curl")).to_be_visible()
    expect(page.get_by_role("button", name="Try it")).to_be_hidden()
    expect(page.get_by_label("Find a call")).to_be_hidden()
    context.close()


class TestBelowAPath:
    """A proxy that says nothing of the path that it serves Quern below."""

    @pytest.fixture
    def url(self, below_a_path: str) -> str:
        return below_a_path

    def test_lines_and_calls_have_the_address_that_the_browser_knows(
        self, open_page: Open, url: str
    ) -> None:
        page = open_page(f"{url}api/docs")
        expect(page.locator(".base")).to_have_text(url.rstrip("/"))
        page.get_by_role("link", name="List collections").first.click()
        expect(page.locator(".curl")).to_have_text(f"curl {url}api/collections")
        page.get_by_role("button", name="Try it").click()
        page.get_by_role("button", name="Send").click()

        expect(page.locator("#trial-status")).to_contain_text("200")
        assert urlsplit(page.url).path == f"{PATH}/api/docs/listCollections"
