"""What a language model wrote, on the page: Markdown, markers, and nothing that does harm."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.canned_api import CannedApi

Open = Callable[[str], Page]

HOSTILE = """# Values

Lucene uses **k1** = 1.2 [1] and `b[1]` = 0.75 [1](https://evil.example/?q=[1]).

<script>alert(1)</script> <img src=x onerror=alert(1)>
![plan](https://evil.example/p.png) [here](javascript:alert(1)) [book](https://bank.example)

- the tenth says little [2]
- <b>bold</b>

| k1 | b |
|----|---|
| 1.2 | <i>0.75</i> [1] |

[1]: https://evil.example/
"""


#: Counts elements and attributes that sanitised Markdown never has.
HARMFUL = """[...document.querySelectorAll("#answer *")].filter((one) =>
  ["SCRIPT", "IMG", "IFRAME", "STYLE", "B", "I"].includes(one.tagName)
  || [...one.attributes].some(({ name }) => name.startsWith("on") || name === "style")).length"""


def asked(page: Page, api: CannedApi, answer: str) -> None:
    api.result = api.result | {"answer": answer, "generator": "a-model", "confidence": None}
    page.get_by_label("Question").fill("Which values?")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Answered in")).to_be_visible()


def test_markdown_is_rendered_and_its_markers_open_their_sources(
    open_page: Open, url: str, api: CannedApi
) -> None:
    page = open_page(url)
    asked(page, api, HOSTILE)
    answer = page.locator("#answer")

    expect(answer.get_by_role("heading", name="Values", level=3)).to_be_visible()
    expect(answer.locator("strong")).to_have_text("k1")
    expect(answer.locator("code")).to_have_text("b[1]")
    expect(answer.get_by_role("table")).to_contain_text("<i>0.75</i>")
    expect(answer.locator(".cite")).to_have_text(["1", "1", "1", "2", "1", "1"])
    answer.get_by_role("listitem").first.locator(".cite").click()
    expect(page.get_by_role("complementary", name="A book of ranking")).to_be_visible()
    page.reload()
    expect(answer.locator("strong")).to_have_text("k1")


def test_what_a_model_writes_runs_nothing_and_fetches_nothing(
    open_page: Open, url: str, api: CannedApi
) -> None:
    page = open_page(url)
    asked(page, api, HOSTILE)
    answer = page.locator("#answer")

    expect(answer).to_contain_text("<script>alert(1)</script> <img src=x onerror=alert(1)>")
    assert page.evaluate(HARMFUL) == 0
    links = answer.locator("a")
    assert [link.get_attribute("href") for link in links.all()] == [
        "https://evil.example/p.png", "https://bank.example",
    ]  # fmt: skip
    assert {link.get_attribute("rel") for link in links.all()} == {"noopener noreferrer nofollow"}


def test_an_answer_does_not_jump_when_it_is_rendered(
    open_page: Open, url: str, api: CannedApi
) -> None:
    api.gate.clear()
    answer = "\n\n".join(f"Paragraph {n} has some **words** [1]." for n in range(4))
    api.result = api.result | {"answer": answer, "generator": "a-model", "confidence": None}
    page = open_page(url)
    page.get_by_label("Question").fill("Which values?")
    page.keyboard.press("Enter")
    expect(page.locator("#answer")).to_contain_text("Paragraph 3 has some **words**")
    height = "document.getElementById('answer').getBoundingClientRect().height"
    line = "parseFloat(getComputedStyle(document.getElementById('answer')).lineHeight)"
    before = page.evaluate(height)
    api.gate.set()
    expect(page.get_by_text("Answered in")).to_be_visible()

    expect(page.locator("#answer strong")).to_have_count(4)
    assert abs(page.evaluate(height) - before) < page.evaluate(line)


def test_quotes_are_shown_word_for_word(open_page: Open, url: str, api: CannedApi) -> None:
    api.result = api.result | {"answer": "It is *k1* = `1.2` <b>. [1]"}
    page = open_page(url)
    page.get_by_label("Question").fill("Which values?")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Answered in")).to_be_visible()

    expect(page.locator("#answer")).to_contain_text("It is *k1* = `1.2` <b>.")
