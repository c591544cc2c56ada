"""Pages: what is hidden, what is no text of its own, annotated words, definitions."""

import pytest

from adapters.parsing.formats import parse
from rag.errors import NoText

ARTICLE = (
    "<h2>The bridge</h2><p>The bridge over the Ems was opened in 1912 and carries two tracks.</p>"
    "<p>It is inspected every second spring by a team from Leer.</p>"
)
FACT = "The bridge over the Ems was opened in 1912"


def text(page: str) -> str:
    return parse(f"<!doctype html><html>{page}</html>".encode(), filename="page.html").text


def test_what_screen_readers_skip_is_read() -> None:
    page = (
        f"<body><div aria-hidden=true>{ARTICLE}</div>"
        "<div role=dialog aria-modal=true>We store cookies. Accept all</div>"
    )

    assert FACT in text(page)
    assert "cookies" not in text(page)


@pytest.mark.parametrize(
    "part",
    [
        "<div role=alertdialog>secret</div>",
        "<section aria-modal=true>secret</section>",
        "<dialog>secret</dialog>",
        "<div id=cookie-consent-banner>secret</div>",
        "<div class='x onetrust-pc-dark-filter'>secret</div>",
        "<div role=navigation>secret</div>",
        "<ul role=menu><li>secret</ul>",
        "<form role=search>secret</form>",
        "<p hidden>secret</p>",
        "<p style='color: red; DISPLAY : none'>secret</p>",
        "<template>secret</template>",
        "<noscript>secret</noscript>",
        "<i class='material-icons' aria-hidden=true>secret</i>",
    ],
)
def test_what_nobody_came_for_is_left_out(part: str) -> None:
    page = f"<body>{ARTICLE}{part}"

    assert FACT in text(page)
    assert "secret" not in text(page)


@pytest.mark.parametrize(
    "part",
    [
        "<details><summary>More</summary>kept</details>",
        "<dialog open>kept</dialog>",
        "<p hidden=until-found>kept</p>",
        "<p style='opacity:0'>kept</p>",
        "<div class=cookie-recipes>kept</div>",
    ],
)
def test_what_a_reader_may_open_is_kept(part: str) -> None:
    assert "kept" in text(f"<body>{ARTICLE}{part}")


@pytest.mark.parametrize(
    ("sheet", "element", "shown"),
    [
        (".draft{display:none}", "<p class=draft>", False),
        ("#d, .other { visibility: hidden }", "<p id=d>", False),
        ("body p.draft{display:none!important} .draft{display:block}", "<p class=draft>", False),
        (".draft{display:none} .draft{display:block}", "<p class=draft>", True),
        ("#d{display:block} p{display:none}", "<p id=d>", True),
        ("@media print{.draft{display:none}}", "<p class=draft>", True),
        ("@media (max-width: 600px){.draft{display:none}}", "<p class=draft>", True),
        ("@media screen and (min-width: 600px){.draft{display:none}}", "<p class=draft>", False),
        (".draft:hover{display:none}", "<p class=draft>", True),
        ("/* .draft{display:none} */", "<p class=draft>", True),
        ("@font-face{x:y} @supports (a:b){.draft{display:none}}", "<p class=draft>", False),
        ("} broken {{ .draft{display:none}", "<p class=other>", True),
    ],
)  # fmt: skip
def test_style_sheets_hide_by_the_rules_of_the_cascade(
    sheet: str, element: str, *, shown: bool
) -> None:
    page = f"<head><style>{sheet}</style></head><body><div>{ARTICLE}</div>{element}In 2031.</p>"
    page = page if "p{display:none}" not in sheet else page.replace(ARTICLE, "<b>x</b>" * 200)

    assert ("2031" in text(page)) is shown


@pytest.mark.parametrize(
    "page",
    [
        f"<head><style>body{{visibility:hidden}}</style></head><body><div>{ARTICLE}</div>",
        f"<head><style>.a{{display:none}}</style></head><body>Wait<div class=a>{ARTICLE}</div>",
        f"<body><p>Please wait.</p><div hidden><main>{ARTICLE}</main></div>",
    ],
)
def test_a_page_that_a_script_reveals_gives_its_article_and_says_so(page: str) -> None:
    document = parse(f"<!doctype html><html>{page}</html>".encode(), filename="page.html")

    assert FACT in document.text
    assert any("hidden" in note for note in document.notes)


def test_a_page_of_hidden_crumbs_says_why_it_is_empty() -> None:
    page = b"<html><body><div role=dialog>Accept all cookies</div><div hidden>x</div></body></html>"

    with pytest.raises(NoText, match="hidden"):
        parse(page, filename="page.html")


def test_the_main_part_is_taken_with_the_headline_above_it() -> None:
    page = (
        "<body><header><h1>Bridges of the north</h1></header><div class=side>Side text</div>"
        f"<main>{ARTICLE}</main><footer>Imprint</footer>"
    )

    assert text(page).startswith("Bridges of the north\n\nThe bridge\n\n")
    assert "Side text" not in text(page)
    assert "Imprint" not in text(page)


def test_a_main_part_that_is_next_to_empty_is_not_taken_for_the_page() -> None:
    assert FACT in text(f"<body><main>Loading</main><div>{ARTICLE}</div>")


def test_of_many_articles_none_is_the_page() -> None:
    page = text(f"<body><article>{ARTICLE}</article><article>{ARTICLE}</article><p>Tail</p>")

    assert page.count(FACT) == 2
    assert page.endswith("Tail")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("<ruby>消<rt>しょう</rt>火<rt>か</rt>器<rt>き</rt></ruby>は", "消火器は"),
        ("<ruby>消火器<rp>（</rp><rt>しょうかき</rt><rp>）</rp></ruby>は", "消火器は"),  # noqa: RUF001
        (
            "<ruby>\n<rb>消</rb><rb>火</rb>\n<rtc><rt>しょう</rt><rt>か</rt></rtc></ruby>を",
            "消火を",
        ),
        ("<ruby>WWW<rt>World Wide Web</rt></ruby> page", "WWW page"),
        ("消火器は\n ここに", "消火器はここに"),
        ("한국어\n말", "한국어 말"),
    ],
)
def test_readings_above_words_are_left_out_of_them(source: str, words: str) -> None:
    assert text(f"<body><p>{source}</p>") == words


def test_a_definition_stands_after_its_term() -> None:
    page = "<body><dl><dt>Sluice<dd>A gate.<dt>Weir<dt>Dam<dd>A wall.<dd>Of earth.<dt>Lock</dl>"

    assert text(page) == "Sluice: A gate.\nWeir, Dam: A wall.\n\nOf earth.\n\nLock"


@pytest.mark.timeout(20)
def test_processing_instructions_are_no_text() -> None:
    page = text("<body><?xml-stylesheet href='a.css'?><p>One<?php echo 2 ?> two.</p>")

    assert page.startswith("One")
    assert page.endswith("two.")


def test_a_term_stands_above_what_defines_it_without_words() -> None:
    page = "<body><dl><dt>Act<dd><pre>act()</pre></dl><p>x</p><dt>Alone</dt>"

    assert text(page) == "Act\n\nact()\n\nx\n\nAlone"


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "page",
    [
        "<ol><li>" * 10_000 + "x",
        "<style>p{display:none}" + "/*" * 100_000 + "</style>x",
        f"<div class={'cookie' * 50_000}>x</div>",
    ],
)
def test_pages_made_to_be_slow_are_read_in_time(page: str) -> None:
    assert text(f"<body>{page}").endswith("x")


@pytest.mark.timeout(20)
def test_hidden_elements_without_end_of_nesting_are_left_out() -> None:
    page = text(f"<body>{ARTICLE}" + "<div hidden class=cookie-banner>" * 20_000 + "x" * 100_000)

    assert FACT in page
