"""Asking on: follow-ups, options, the same question again, and taking an answer along."""

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from cli.filters import filters
from tests.browser.canned_api import CannedApi

QUESTION = "Which values of k1 and b does Lucene use?"
Open = Callable[[str], Page]


def asked(page: Page, question: str = QUESTION) -> None:
    page.get_by_label("Question").fill(question)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=question)).to_be_visible()
    expect(page.get_by_text("Answered in")).to_be_visible()


def requests(api: CannedApi) -> list[dict[str, object]]:
    return [job.request for job in api.jobs.values()]


def test_a_follow_up_takes_along_what_was_asked_and_answered(
    open_page: Open, url: str, api: CannedApi
) -> None:
    page = open_page(url)
    asked(page)
    expect(page.get_by_label("Question")).to_have_attribute("placeholder", "A new question")
    page.get_by_label("Follow up").fill("And Anserini?")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="And Anserini?")).to_be_visible()
    expect(page.get_by_label("Follow up")).to_have_value("")
    expect(page.get_by_text("Answered in")).to_be_visible()

    first, second = requests(api)
    assert first["history"] == []
    assert second["history"] == [
        {"role": "user", "text": QUESTION},
        {"role": "assistant", "text": api.result["answer"]},
    ]
    earlier = page.get_by_role("list", name="Asked before").get_by_role("listitem")
    expect(earlier.first).to_contain_text(QUESTION)
    page.reload()
    expect(earlier).to_have_count(2)
    page.go_back()
    page.get_by_text("Asked after this:").get_by_role("link", name="And Anserini?").click()
    expect(page.get_by_role("heading", name="And Anserini?")).to_be_visible()
    asked(page, "Something else?")
    assert requests(api)[-1]["history"] == []


def test_options_say_which_documents_how_many_passages_and_when(
    open_page: Open, url: str, api: CannedApi
) -> None:
    page = open_page(url)
    page.get_by_text("Options").click()
    page.get_by_label("Only documents where").fill("author=Knuth\nyear>=1968")
    page.get_by_label("Passages to read").fill("3")
    page.locator("#priority").select_option("batch")
    expect(page.locator("#options-set")).to_have_text(": 3 set")
    asked(page)

    (request,) = requests(api)
    assert request["filters"] == {"and": [{"author": "Knuth"}, {"year": {"gte": 1968}}]}
    assert (request["top_k"], request["priority"]) == (3, "batch")
    page.get_by_label("Only documents where").fill("just words")
    page.get_by_label("Question").fill("More?")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator("#options").get_by_role("alert")).to_contain_text(
        "“just words” is no condition"
    )
    expect(page.get_by_label("Only documents where")).to_be_focused()
    assert len(api.jobs) == 1


CONDITIONS = [
    "author=Knuth", "year>=1968", "year<1.50", "tag=a,b", 'tag="a,b",c', "status!=draft",
    "version=1.10", "version=1.5", "version=2.0", "n=007", "n=-3", "n=1e5", "n>1e5", "on=true",
    'name="true"', "spaced name = two words ", '{"or": [{"a": 1}, {"b": {"exists": true}}]}',
    "empty=", "big=99999999999999999999", 'year>"1968"',
]  # fmt: skip


@pytest.fixture
def page(open_page: Open, url: str) -> Page:
    return open_page(url)


def test_conditions_mean_on_the_page_what_they_mean_to_the_command(page: Page, url: str) -> None:
    read = (
        "async ([root, line]) => (await import(root + '/static/ask/filters.js')).readFilters(line)"
    )
    for condition in CONDITIONS:
        assert page.evaluate(read, [url, condition]) == filters([condition]), condition
    both = page.evaluate(read, [url, "a=1\n\nb!=2"])
    assert json.dumps(both) == json.dumps(filters(["a=1", "b!=2"]))


def test_a_question_is_asked_again_as_it_was(open_page: Open, url: str, api: CannedApi) -> None:
    page = open_page(url)
    page.get_by_text("Options").click()
    page.get_by_label("Only documents where").fill("author=Knuth")
    asked(page)
    page.get_by_label("Only documents where").fill("")
    before = page.url
    page.get_by_role("button", name="Ask again").click()
    page.wait_for_url(lambda now: now != before)
    expect(page.get_by_text("Answered in")).to_be_visible()

    first, second = requests(api)
    assert second["filters"] == first["filters"] == {"author": "Knuth"}


def test_an_answer_is_copied_with_its_citations(open_page: Open, url: str, api: CannedApi) -> None:
    page = open_page(url)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    api.result = api.result | {"answer": "It is *k1* = 1.2. [1]"}
    asked(page)
    page.get_by_role("button", name="Copy as Markdown").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")

    assert copied.startswith(f"**{QUESTION}**\n\nIt is \\*k1\\* = 1.2. [1]\n")
    assert "1. BM25 and stemming, notes/bm25.md" in copied
    assert "   > Lucene uses k1 = 1.2 and b = 0.75 by default." in copied
    assert copied.endswith(f"<{page.url}>\n")


def test_an_answer_leads_to_its_job(open_page: Open, url: str) -> None:
    page = open_page(url)
    asked(page)
    page.get_by_role("link", name="The job").click()

    expect(page.get_by_role("complementary", name=QUESTION)).to_be_visible()
    times = page.get_by_role("table", name="Where the time went")
    expect(times.get_by_role("row", name="answered")).to_contain_text("61 ms")
