"""Numbers that Word gives to paragraphs by itself, counted over the document."""

import pytest

from adapters.parsing.docx.numerals import numeral
from adapters.parsing.formats import parse
from tests.support.files.wordfiles import HEADINGS, level, lists, numbered, p, word_file

CONTRACT = (
    level(0, "decimal", "%1.") + level(1, "decimal", "%1.%2") + level(2, "lowerLetter", "(%3)")
)
TWO = level(0, "decimal", "%1.") + level(1, "lowerLetter", "%2)")


def lines(body: str, numbering: str, styles: str = HEADINGS) -> list[str]:
    data = word_file(body, parts={"styles": styles, "numbering": numbering})
    return [line for line in parse(data, filename="a.docx").text.split("\n") if line]


def test_headings_and_clauses_carry_the_numbers_that_word_shows() -> None:
    body = (
        numbered("Terms", style="H1")
        + numbered("Delivery", style="H1")
        + numbered("Within ten days.", level=1)
        + numbered("Delay costs:", level=1)
        + numbered("one per cent;", level=2)
        + numbered("two per cent.", level=2)
        + numbered("Payment", style="H1")
        + numbered("In advance.", level=1)
    )

    assert lines(body, lists(CONTRACT)) == [
        "1. Terms",
        "2. Delivery",
        "2.1 Within ten days.",
        "2.2 Delay costs:",
        "(a) one per cent;",
        "(b) two per cent.",
        "3. Payment",
        "3.1 In advance.",
    ]


def test_clauses_are_paragraphs_and_items_of_plain_lists_are_a_list() -> None:
    body = numbered("Clause one.") + numbered("Sub.", level=1) + numbered("a", level=2) * 2
    data = word_file(body, parts={"numbering": lists(CONTRACT)})
    document = parse(data, filename="a.docx")

    assert [b.kind for b in document.blocks] == ["list", "paragraph", "list"]
    assert document.text.endswith("1.1 Sub.\n\n(a) a\n(b) a")


def test_lists_that_share_their_levels_count_on_and_one_with_its_own_start_begins_anew() -> None:
    anew = '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/></w:lvlOverride>'
    numbering = lists(TWO, nums={1: (0, ""), 2: (0, ""), 3: (0, anew)})
    body = "".join(numbered("x", n) for n in (1, 1, 2, 3, 3))

    assert lines(body, numbering) == ["1. x", "2. x", "3. x", "5. x", "6. x"]


def test_a_level_begins_anew_below_each_higher_one_unless_it_says_otherwise() -> None:
    never = level(0, "decimal", "%1.") + level(1, "decimal", "%2)", '<w:lvlRestart w:val="0"/>')
    body = "".join(numbered("x", 1, n) for n in (0, 1, 1, 0, 1))

    assert lines(body, lists(TWO)) == ["1. x", "a) x", "b) x", "2. x", "a) x"]
    assert lines(body, lists(never)) == ["1. x", "1) x", "2) x", "2. x", "3) x"]


def test_a_level_restarts_only_below_the_level_it_names() -> None:
    levels = (
        level(0, "decimal", "%1.")
        + level(1, "decimal", "%2)")
        + level(2, "decimal", "(%3)", '<w:lvlRestart w:val="1"/>')
    )
    body = "".join(numbered("x", 1, n) for n in (0, 1, 2, 1, 2, 0, 2))

    assert lines(body, lists(levels))[2::2] == ["(1) x", "(2) x", "(1) x"]


def test_a_level_used_before_the_ones_above_shows_their_first_number() -> None:
    body = "".join(numbered("x", 1, n) for n in (1, 0, 1))

    assert lines(body, lists(CONTRACT)) == ["1.1 x", "1. x", "1.1 x"]


def test_legal_numbering_shows_all_levels_in_figures() -> None:
    levels = level(0, "upperRoman", "%1.") + level(1, "decimal", "%1.%2", "<w:isLgl/>")

    assert lines(numbered("x") * 2 + numbered("y", level=1), lists(levels))[-1] == "2.1 y"


@pytest.mark.parametrize(
    ("form", "pattern", "shown"),
    [
        ("bullet", "\uf0b7", ["- x", "- x"]),
        ("none", "", ["x", "x"]),
        ("none", "Note:", ["Note: x", "Note: x"]),
        ("decimal", "Article %1", ["Article 1 x", "Article 2 x"]),
        ("upperRoman", "%1.", ["I. x", "II. x"]),
        ("ordinal", "%1", ["1st x", "2nd x"]),
        ("decimalZero", "%1", ["01 x", "02 x"]),
        ("chineseCounting", "第%1条", ["第一条 x", "第二条 x"]),
    ],
)
def test_marks_are_written_as_the_level_says(form: str, pattern: str, shown: list[str]) -> None:
    assert lines(numbered("x") * 2, lists(level(0, form, pattern))) == shown


def test_numbers_with_leading_zeros_are_found_behind_their_fallback() -> None:
    form = (
        '<w:lvl w:ilvl="0"><w:start w:val="7"/><mc:AlternateContent><mc:Choice Requires="w14">'
        '<w:numFmt w:val="custom" w:format="001, 002, 003, ..."/></mc:Choice><mc:Fallback>'
        '<w:numFmt w:val="decimal"/></mc:Fallback></mc:AlternateContent>'
        '<w:lvlText w:val="%1"/></w:lvl>'
    )

    assert lines(numbered("x") * 2, lists(form)) == ["007 x", "008 x"]


def test_a_style_numbers_its_paragraphs_and_those_of_styles_based_on_it() -> None:
    number = '<w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr>'
    style = '<w:style w:type="paragraph" w:styleId="{}"><w:name w:val="{}"/>{}</w:style>'
    styles = (
        style.format("C1", "heading 1", number)
        + style.format("C2", "Clause", number)
        + style.format("C3", "Clause tight", '<w:basedOn w:val="C2"/>')
    )
    levels = (
        level(0, "decimal", "%1.", '<w:pStyle w:val="C1"/>')
        + level(1, "decimal", "%1.%2", '<w:pStyle w:val="C2"/>')
        + level(2, "lowerLetter", "(%3)")
    )
    none = '<w:numPr><w:numId w:val="0"/></w:numPr>'
    body = (
        p("One", style="C1")
        + p("a", style="C2")
        + p("plain", style="C2", properties=none)
        + p("b", style="C3")
        + p("c", style="C2", properties='<w:numPr><w:ilvl w:val="2"/></w:numPr>')
    )

    assert lines(body, lists(levels), styles) == ["1. One", "1.1 a", "plain", "1.2 b", "(a) c"]


def test_a_list_may_borrow_its_levels_from_a_style() -> None:
    styles = (
        '<w:style w:type="numbering" w:styleId="Mine"><w:name w:val="Mine"/><w:pPr><w:numPr>'
        '<w:numId w:val="1"/></w:numPr></w:pPr></w:style>'
    )
    numbering = lists(
        '<w:styleLink w:val="Mine"/>' + level(0, "upperLetter", "%1."),
        '<w:numStyleLink w:val="Mine"/>',
    )

    assert lines(numbered("x", 1) + numbered("y", 2), numbering, styles) == ["A. x", "B. y"]


def test_paragraphs_that_nobody_sees_are_not_counted_and_empty_ones_are() -> None:
    number = '<w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr>'
    gone = p(
        properties=number + "<w:rPr><w:del/></w:rPr>",
        runs="<w:del><w:r><w:delText>old</w:delText></w:r></w:del>",
    )
    hidden = p(
        properties=number + "<w:rPr><w:vanish/></w:rPr>",
        runs="<w:r><w:rPr><w:vanish/></w:rPr><w:t>secret</w:t></w:r>",
    )
    empty = p(properties=number, runs="<w:r/>")
    body = numbered("a") + gone + hidden + numbered("b") + empty + numbered("c")

    assert lines(body, lists(TWO)) == ["1. a", "2. b", "4. c"]


def test_a_list_that_is_not_defined_gives_bullets() -> None:
    assert lines(numbered("x", 9), lists(TWO)) == ["- x"]


def test_a_long_paragraph_in_a_heading_style_is_a_clause() -> None:
    clause = "The Seller answers for every defect. " * 8
    data = word_file(
        numbered("Liability", style="H1") + numbered(clause, level=1, style="H2"),
        parts={"styles": HEADINGS, "numbering": lists(CONTRACT)},
    )
    document = parse(data, filename="a.docx")

    assert [b.kind for b in document.blocks] == ["heading", "paragraph"]
    assert "1.1 The Seller answers" in document.text


@pytest.mark.parametrize(
    ("number", "form", "written"),
    [
        (27, "lowerLetter", "aa"),
        (0, "lowerLetter", "0"),
        (1994, "upperRoman", "MCMXCIV"),
        (4000, "upperRoman", "4000"),
        (12, "ordinal", "12th"),
        (23, "ordinal", "23rd"),
        (15, "hebrew1", "\u05d8\u05d5"),
        (3, "russianLower", "в"),
        (105, "chineseCountingThousand", "一百零五"),
        (110, "japaneseCounting", "百十"),
        (21, "decimalEnclosedCircle", "21"),
        (3, "decimalEnclosedCircle", "③"),
        (12, "hindiNumbers", "१२"),
        (7, "somethingNew", "7"),
    ],
)
def test_numbers_are_written_in_many_forms(number: int, form: str, written: str) -> None:
    assert numeral(number, form) == written
