"""A model's Markdown on the page: what it may do, and that it can do nothing else."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.http.markdown import MOST, html_of, with_html

ALLOWED = {
    "a", "blockquote", "br", "code", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre",
    "s", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
HOSTILE = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=1>",
    "![p](https://evil.example/p.png)", "[x](javascript:alert(1))", "[x](vbscript:x)",
    "[x](data:text/html,<script>alert(1)</script>)", "[x](//evil.example)", "[x](/api/admin)",
    "<javascript:alert(1)>", "[1]: https://evil.example", "![1]", "[1](https://evil.example)",
    "[x][1]", "<a href='x' onclick='y'>z</a>", "<!-- x -->", "`<b>[1]</b>`", "&lt;script&gt;",
    "[x](https://e.example \"t' onmouseover='y\")", "```html\n<b>\n```", "|a|\n|-|\n|<i>|",
    "<https://evil.example>", "\ue0001\ue001", "<style>*{}</style>",
    "<iframe src=https://evil.example>", "<form action=https://evil.example><input name=a>",
]  # fmt: skip


class Seen(HTMLParser):
    """What a page has of elements, attributes and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.links: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {(tag, name) for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


def harmless(html: str) -> Seen:
    seen = Seen(html)
    assert seen.tags <= ALLOWED
    assert seen.attributes <= {("a", "href"), ("a", "rel"), ("ol", "start")}
    assert all(link.lower().startswith(("http://", "https://", "mailto:")) for link in seen.links)
    return seen


def test_lists_emphasis_code_tables_and_headings_become_elements() -> None:
    html = html_of("# Big\n\n**Old** and *new*\n\n3. three\n\n`x < y`\n\n|a|b|\n|-|-:|\n|1|2|")

    assert harmless(html).tags == {
        "h3", "p", "strong", "em", "ol", "li", "code", "table", "thead", "tbody", "tr", "th", "td",
    }  # fmt: skip
    assert '<ol start="3">' in html
    assert "x &lt; y" in html


def test_the_deepest_heading_has_an_element_too() -> None:
    assert harmless(html_of("###### Deep")).tags == {"h6"}


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_markdown_is_shown_harmlessly(text: str) -> None:
    harmless(html_of(text))


@given(st.lists(st.sampled_from([*HOSTILE, "\n", " ", "\n\n", "- ", "> ", "**"]), max_size=8))
def test_no_mixture_of_hostile_pieces_does_more(pieces: list[str]) -> None:
    harmless(html_of("".join(pieces)))


def test_html_stays_the_letters_that_it_is() -> None:
    assert harmless(html_of("a <b>c</b> <script>x</script>")).text.strip() == (
        "a <b>c</b> <script>x</script>"
    )


def test_an_image_is_a_link_at_most() -> None:
    seen = harmless(html_of("![plan](https://evil.example/p.png?q=secret)"))

    assert seen.links == ["https://evil.example/p.png?q=secret"]


@pytest.mark.parametrize(
    "text",
    ["It is so [1](https://evil.example).", "So [1]\n\n[1]: https://evil.example", "![1]",
     "[see][1]", "**so [1]**", "[a [1] b](https://x.example)"],
)  # fmt: skip
def test_a_marker_stays_a_marker(text: str) -> None:
    assert "[1]" in harmless(html_of(text)).text


def test_only_what_a_model_wrote_is_markdown() -> None:
    result = {"answer": "*so* [1]", "generator": "model"}

    assert with_html({"result": result})["result"]["answer_html"] == "<p><em>so</em> [1]</p>\n"
    for other in ({"generator": "extractive"}, {"answer": "*" * (MOST + 1)}):
        assert "answer_html" not in with_html({"result": result | other})["result"]
    assert with_html({"state": "queued"}) == {"state": "queued"}


def test_what_withheld_words_gave_way_to_is_text() -> None:
    assert harmless(html_of("- (Withheld: the document was deleted.) [1]")).tags == {"ul", "li"}
