"""The page as people use it: asking, reading, checking citations, adding documents."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.canned_api import CannedApi, Job

QUESTION = "Which values of k1 and b does Lucene use?"
Open = Callable[[str], Page]
NOTHING_MATCHES = (
    "No answer, because no document matches the filter. "
    "No document has a field 'Version'; did you mean 'version'? A < b."
)


def ask(page: Page, question: str = QUESTION) -> None:
    page.get_by_label("Question").fill(question)
    page.keyboard.press("Enter")


def test_sources_come_before_the_answer_and_the_answer_before_the_end(
    open_page: Open, url: str, api: CannedApi
) -> None:
    api.gate.clear()
    page = open_page(url)
    ask(page)

    expect(page.get_by_role("heading", name=QUESTION)).to_be_focused()
    expect(page.locator("#sources li")).to_have_count(3)
    expect(page.locator("#answer")).to_contain_text("little more than the ninth")
    expect(page.locator("#answer")).to_have_attribute("aria-busy", "true")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    api.gate.set()
    expect(page.get_by_text("Answered in 105 ms")).to_be_visible()
    expect(page.locator("#answer")).not_to_have_attribute("aria-busy", "true")
    expect(page.locator("#facts")).to_contain_text("no language model wrote this")


def test_what_an_answer_quotes_is_told_with_the_quote_and_the_rest_is_folded(
    open_page: Open, url: str, api: CannedApi
) -> None:
    api.found = [*api.found[:2], api.found[2] | {"text": "## Bonfires\nOnly in winter."}]
    page = open_page(url)
    ask(page)
    expect(page.get_by_text("Answered in")).to_be_visible()
    quoted = page.get_by_role("list", name="Sources").get_by_role("listitem")

    expect(quoted).to_have_count(2)
    expect(quoted.nth(0).locator(".snippet")).to_have_text(
        "Lucene uses k1 = 1.2 and b = 0.75 by default. \u2026 Anserini prefers k1 = 0.9 and b = 0.4"
    )
    rest = page.locator("#also-list .snippet")
    expect(rest).to_be_hidden()
    page.get_by_text("Also found (1)").click()
    expect(rest).to_have_text("Bonfires Only in winter.")


def test_a_marker_opens_its_passage_with_exactly_the_quoted_words_marked(
    open_page: Open, url: str
) -> None:
    page = open_page(url)
    ask(page)
    expect(page.get_by_text("Answered in")).to_be_visible()
    markers = page.locator("#answer .cite")
    expect(markers).to_have_text(["1", "2", "1"])

    markers.nth(0).click()
    panel = page.get_by_role("complementary", name="BM25 and stemming")
    expect(panel.locator("mark")).to_have_text(["Lucene uses k1 = 1.2 and b = 0.75 by default."])
    expect(panel.get_by_role("heading")).to_be_focused()
    expect(panel).to_contain_text("notes/bm25.md")
    markers.nth(2).click()
    expect(panel.locator("mark")).to_have_text(["Anserini prefers k1 = 0.9 and b = 0.4"])
    markers.nth(1).click()
    book = page.get_by_role("complementary", name="A book of ranking")
    expect(book).to_contain_text("book.pdf, page 17")


def test_the_passage_closes_with_escape_and_gives_the_focus_back(open_page: Open, url: str) -> None:
    page = open_page(url)
    ask(page)
    expect(page.get_by_text("Answered in")).to_be_visible()
    marker = page.locator("#answer .cite").nth(1)
    marker.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#passage")).to_be_visible()

    page.keyboard.press("Escape")

    expect(page.locator("#passage")).to_be_hidden()
    expect(marker).to_be_focused()


def test_markup_in_a_document_stays_text(open_page: Open, url: str) -> None:
    page = open_page(url)
    ask(page)
    expect(page.get_by_text("Answered in")).to_be_visible()
    page.locator("#sources button").nth(0).click()

    expect(page.locator("#passage-text")).to_contain_text("<script>alert(1)</script>")
    assert page.locator("#passage-text script").count() == 0


def test_an_unanswered_question_is_said_in_plain_words(
    open_page: Open, url: str, api: CannedApi
) -> None:
    api.result = api.result | {"answered": False, "degraded": ["sparse", "rerank"]}
    page = open_page(url)
    ask(page)

    expect(page.get_by_text("The documents do not seem to answer this.")).to_be_visible()
    expect(page.get_by_text("exact words may have been missed")).to_be_visible()
    expect(page.get_by_text("The reranker was not available")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="Not answered")).to_be_visible()


def test_that_there_is_no_answer_is_said_before_anything_is_quoted(
    open_page: Open, url: str, api: CannedApi
) -> None:
    no = {"answered": False, "confidence": 0.12, "why": "not_in_documents", "waiting": 48}
    api.result, api.verdict = api.result | no, no
    api.pace_s = 0.5
    page = open_page(url)
    page.evaluate(
        """() => {
            window.first = null;
            const answer = document.getElementById("answer");
            new MutationObserver(() => {
                if (window.first === null && answer.textContent.trim())
                    window.first = document.getElementById("notice").textContent;
            }).observe(answer, { childList: true, subtree: true, characterData: true });
        }"""
    )
    ask(page)
    expect(page.get_by_role("status").filter(has_text="Not answered")).to_be_visible()

    said = "The documents do not seem to answer this. Below is the closest that was found. "
    said += "48 documents are still being added."
    assert page.evaluate("window.first") == said
    expect(page.locator("#notice")).to_have_text(said)
    expect(page.locator("#sure")).to_have_text(
        "Of 100 questions like this one, the documents answer about 12: "
        "too few to call it an answer."
    )
    expect(page.locator("#facts")).not_to_contain_text("Confidence")


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"why": "no_documents", "waiting": 1},
         "There are no documents yet in this collection. 1 document is still being added."),
        ({"why": "nothing_matches_filter",
          "filter_hints": ["no document has a field 'Version'; did you mean 'version'?", "a < b"]},
         NOTHING_MATCHES),
        ({"why": "not_in_documents"}, "The documents do not seem to answer this."),
        ({}, "The documents do not seem to answer this."),
    ],
)  # fmt: skip
def test_a_question_with_nothing_to_quote_says_why_once(
    open_page: Open, url: str, api: CannedApi, told: dict[str, Any], said: str
) -> None:
    words = {"answer": "The documents do not seem to answer this.", "citations": []}
    no = {"answered": False, "confidence": 0.0} | told
    api.result, api.found = api.result | words | no, []
    api.verdict = no if told else None
    page = open_page(url)
    ask(page)

    expect(page.get_by_role("status").filter(has_text="Not answered")).to_be_visible()
    expect(page.locator("#notice")).to_have_text(said)
    expect(page.locator("#answer")).to_have_text("")
    expect(page.locator("#sure")).to_be_hidden()


def test_a_passage_says_that_its_document_was_deleted_or_changed_since(
    open_page: Open, url: str, api: CannedApi
) -> None:
    api.generations = {"notes/bm25.md": 0, "book.pdf": 2}
    page = open_page(url)
    ask(page)
    expect(page.get_by_text("Answered in")).to_be_visible()
    since, download = page.locator("#passage-since"), page.get_by_text("Download the document")

    page.locator("#sources button").nth(0).click()
    expect(since).to_contain_text("The document was deleted since.")
    expect(download).to_be_hidden()
    page.locator("#sources button").nth(1).click()
    expect(since).to_have_text("The document has changed since.")
    expect(download).to_be_visible()
    page.get_by_text("Also found (1)").click()
    page.locator("#also-list button").click()
    expect(page.locator("#passage")).to_contain_text("Unrelated words.")
    expect(since).to_be_hidden()


def test_an_answer_that_is_opened_again_says_which_documents_have_changed(
    open_page: Open, url: str, api: CannedApi
) -> None:
    page = open_page(url)
    ask(page)
    expect(page.get_by_text("Answered in")).to_be_visible()
    expect(page.locator("#since")).to_be_hidden()
    api.generations = {"notes/bm25.md": 2, "x.txt": 2}
    page.reload()

    expect(page.locator("#since")).to_have_text(
        "notes/bm25.md has changed since: what is quoted is the earlier text."
        " Ask again for what it says now."
    )


def test_a_passage_stands_in_the_text_of_its_document(
    open_page: Open, url: str, api: CannedApi
) -> None:
    first = api.found[0]
    before = "\U0001d400 line before it.\n" * 400
    whole = before + first["text"] + "\n\nAnd a line after it." * 300
    start = len(before)
    api.texts[first["document_id"]] = whole
    api.found = [first | {"start": start, "end": start + len(first["text"])}, *api.found[1:]]
    shift = start - first["start"]
    moved = [
        one | {"start": one["start"] + shift, "end": one["end"] + shift}
        if one["marker"] == 1
        else one
        for one in api.result["citations"]
    ]
    api.result = api.result | {"citations": moved}
    page = open_page(url)
    ask(page)
    expect(page.get_by_text("Answered in")).to_be_visible()
    page.locator("#answer .cite").nth(0).click()
    text = page.locator("#passage-text")

    expect(text).to_contain_text("line before it.")
    expect(text).to_contain_text("And a line after it.")
    expect(text.locator("mark")).to_have_text(["Lucene uses k1 = 1.2 and b = 0.75 by default."])
    expect(text.locator("mark")).to_be_in_viewport()
    assert text.evaluate("box => box.scrollTop") > 1_000


def test_a_failed_question_says_why(open_page: Open, url: str, api: CannedApi) -> None:
    api.error = {"type": "too_many_attempts", "title": "The worker died", "detail": "Three times."}
    page = open_page(url)
    ask(page)

    expect(page.get_by_text("The worker died: Three times.")).to_be_visible()


def test_a_refused_question_names_the_field(open_page: Open, url: str) -> None:
    page = open_page(url)
    ask(page, "\u2020")

    expect(page.get_by_role("alert")).to_have_text("question: must be a better question")


def test_a_running_question_can_be_stopped(open_page: Open, url: str, api: CannedApi) -> None:
    api.gate.clear()
    page = open_page(url)
    ask(page)
    page.get_by_role("button", name="Stop").click()

    expect(page.get_by_text("This question was stopped")).to_be_visible()
    expect(page.locator("#jobs tbody tr").first).to_contain_text("cancelled")


def test_a_running_job_can_be_cancelled_from_the_table(
    open_page: Open, url: str, api: CannedApi
) -> None:
    job = Job("ingest", "papers", {}, state="running", is_open=True)
    api.jobs[job.id] = job
    page = open_page(url)
    page.get_by_role("button", name="Cancel: Add 0 of 0 documents").click()

    expect(page.locator("#jobs tbody tr")).to_contain_text(["cancelled"])
    assert job.state == "cancelled"


def test_a_click_is_not_lost_because_the_table_is_drawn_anew(
    open_page: Open, url: str, api: CannedApi
) -> None:
    job = Job("ingest", "papers", {}, state="running", is_open=True)
    api.jobs[job.id] = job
    page = open_page(url)
    page.get_by_role("button", name="Cancel: Add 0 of 0 documents").hover()
    page.mouse.down()
    for _ in range(2):  # a table is drawn with what each of them says
        with page.expect_response(lambda response: "/api/jobs?" in response.url) as listed:
            pass
        listed.value.finished()
    page.mouse.up()

    expect(page.locator("#jobs tbody tr")).to_contain_text(["cancelled"])


def test_an_address_opens_its_job_and_its_collection(
    open_page: Open, url: str, api: CannedApi
) -> None:
    page = open_page(url)
    page.get_by_label("Collection", exact=True).select_option("papers")
    ask(page)
    expect(page.get_by_text("Answered in")).to_be_visible()

    other = open_page(page.url)

    expect(other.get_by_role("heading", name=QUESTION)).to_be_visible()
    expect(other.locator("#answer .cite")).to_have_count(3)
    expect(other.get_by_label("Collection", exact=True)).to_have_value("papers")
    assert page.url.endswith(f"?job={next(iter(api.jobs))}")


def test_a_new_collection_is_made_and_chosen(open_page: Open, url: str) -> None:
    page = open_page(url)
    choice = page.get_by_label("Collection", exact=True)
    choice.select_option(label="New collection\u2026")
    dialog = page.get_by_role("dialog", name="New collection")
    dialog.get_by_label("Name").fill("my notes")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("no spaces")
    dialog.get_by_label("Name").fill("taken.away")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_have_text("name: is not possible")
    expect(choice).to_have_value("default")
    dialog.get_by_label("Name").fill("fresh")
    page.keyboard.press("Enter")

    expect(dialog).to_be_hidden()
    expect(choice).to_have_value("fresh")
    expect(page.locator("#collection-note")).to_have_text("no documents yet")


def test_an_unknown_job_is_said_to_be_unknown(open_page: Open, url: str) -> None:
    page = open_page(f"{url}/?job=none")

    expect(page.get_by_role("alert")).to_have_text("there is no job 'none'")


def test_the_health_light_says_what_is_the_matter(
    open_page: Open, url: str, api: CannedApi
) -> None:
    api.health = "fail"
    page = open_page(url)

    expect(page.locator("#health")).to_have_text("Not well")
    expect(page.get_by_role("link", name="Flower")).to_have_count(0)
    expect(page.get_by_role("link", name="API")).to_have_attribute("href", "./api/docs")


def test_nothing_sticks_out_on_a_telephone(open_page: Open, url: str) -> None:
    page = open_page(url)
    page.set_viewport_size({"width": 320, "height": 640})
    ask(page)
    expect(page.get_by_text("Answered in")).to_be_visible()
    page.locator("#answer .cite").nth(0).click()

    width = page.evaluate("document.documentElement.scrollWidth")

    assert width == 320


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        ({"documents": 0, "waiting": 0}, "There are no documents yet in this collection."),
        ({"documents": 12, "waiting": 48}, "48 documents are still being added."),
    ],
)
def test_an_answer_without_all_documents_says_so(
    open_page: Open, url: str, api: CannedApi, standing: dict[str, int], said: str
) -> None:
    degraded = ["ingesting"] if standing["waiting"] else []
    api.result = api.result | {"answered": False, "degraded": degraded} | standing
    page = open_page(url)
    ask(page)

    expect(page.get_by_text(said)).to_be_visible()


def test_a_passage_of_rows_is_shown_below_the_header_of_its_table(
    open_page: Open, url: str, api: CannedApi
) -> None:
    api.found = [api.found[0] | {"context": "Workshop | Monday"}, *api.found[1:]]
    page = open_page(url)
    ask(page)
    page.get_by_role("button", name="Source 1").first.click()

    expect(page.locator("#passage-text .context")).to_have_text("Workshop | Monday")
    expect(page.locator("#passage-text mark").first).to_be_visible()


def test_a_source_names_the_page_as_its_document_does(
    open_page: Open, url: str, api: CannedApi
) -> None:
    first, second, third, *rest = api.found
    api.found = [
        first | {"page": 2, "page_label": "Prices", "page_kind": "sheet"},
        second | {"page_label": "A-3"},
        third | {"page": 3, "page_kind": "slide"},
        *rest,
    ]
    page = open_page(url)
    ask(page)

    told = page.locator("#sources-section .where")
    expect(told.nth(0)).to_have_text("sheet Prices")
    expect(told.nth(1)).to_have_text("page A-3")
    expect(told.nth(2)).to_have_text("slide 3")
    page.get_by_role("button", name="Source 1").first.click()
    expect(page.locator("#passage-where")).to_contain_text("sheet Prices")


def test_what_came_from_a_deleted_document_is_withheld_and_said_to_be(
    open_page: Open, url: str, api: CannedApi
) -> None:
    bare = {"text": "", "title": "", "metadata": {}, "deleted": True}
    api.found = [api.found[0] | bare, *api.found[1:]]
    answer = "(Withheld: the document was deleted.) [1] It says little. [2]"
    gone = {"quote": "", "shown": "", "deleted": True}
    quotes = [api.result["citations"][0] | gone, api.result["citations"][1]]
    told = {"answer": answer, "deleted": ["notes/bm25.md"], "citations": quotes}
    api.result = api.result | told
    page = open_page(url)
    ask(page)
    expect(page.get_by_text("Answered in")).to_be_visible()

    expect(page.locator("#notice")).to_have_text(
        "What came from 1 document deleted since is withheld: notes/bm25.md."
    )
    expect(page.locator("#sources button").first).to_contain_text("its text is withheld")
    page.locator("#answer .cite").first.click()
    panel = page.get_by_role("complementary", name="notes/bm25.md")
    expect(panel).to_contain_text("The document was deleted since, and its text is withheld.")
    expect(panel.get_by_text("Download the document")).to_be_hidden()


GONE = {"quote": "", "shown": "", "deleted": True}
WITHHELD = "(Withheld: the document was deleted.)"


def test_an_answer_that_lost_all_its_words_is_not_called_answered(
    open_page: Open, url: str, api: CannedApi
) -> None:
    quotes = [api.result["citations"][0] | GONE]
    told = {"answer": f"{WITHHELD} [1]", "deleted": ["notes/bm25.md"], "citations": quotes}
    api.result = api.result | told
    page = open_page(url)
    ask(page)

    expect(page.locator("#stage")).to_have_text("Withheld, in default")
    expect(page.locator("#sure")).to_be_hidden()
    expect(page.locator("#facts")).to_be_empty()


def test_a_deleted_document_that_is_not_quoted_is_told_at_its_source_alone(
    open_page: Open, url: str, api: CannedApi
) -> None:
    bare = {"text": "", "title": "", "metadata": {}, "deleted": True}
    api.found = [*api.found[:2], api.found[2] | bare]
    api.result = api.result | {"deleted": ["x.txt"]}
    page = open_page(url)
    ask(page)
    expect(page.get_by_text("Answered in")).to_be_visible()

    expect(page.locator("#notice")).to_be_hidden()
    page.get_by_text("Also found (1)").click()
    expect(page.locator("#also-list")).to_contain_text("Deleted since: its text is withheld.")


def test_what_is_no_answer_has_words_of_its_own_for_how_sure_that_is(
    open_page: Open, url: str, api: CannedApi
) -> None:
    api.result = api.result | {"answered": False, "confidence": 0.42}
    page = open_page(url)
    ask(page)

    expect(page.locator("#sure")).to_have_text(
        "Of 100 questions like this one, the documents answer about 42: "
        "too few to call it an answer."
    )
    api.result = api.result | {
        "answer": "The documents do not seem to answer this.",
        "citations": [],
    }
    ask(page)
    expect(page.locator("#sure")).to_be_hidden()
    expect(page.locator("#facts")).to_be_empty()
