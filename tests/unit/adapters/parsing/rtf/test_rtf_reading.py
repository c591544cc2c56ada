"""Rich Text: words in their code pages, notes, lists, tables; what is not seen is left out."""

# ruff: noqa: E501 - what lies in a file is written as it lies there

import pytest

from adapters.parsing.formats import parse
from rag.documents import ParsedDocument
from tests.support.files.parsed_files import blocks


def rtf(body: str, head: str = "") -> ParsedDocument:
    return parse(
        f"{{\\rtf1\\ansi\\ansicpg1252\\deff0{head}\n{body}}}".encode("latin-1"), filename="x"
    )


def test_paragraphs_and_signs_are_read() -> None:
    document = rtf(r"One\emdash two\par\pard Three\line four\tab five \{ \\ \}~\'fc\par")

    assert document.kind == "rtf"
    assert document.text == "One—two\n\nThree\nfour\tfive { \\ }~ü"


def test_text_is_read_in_the_code_page_of_its_font() -> None:
    fonts = (
        r"{\fonttbl{\f0\fcharset0 A;}{\f1\fcharset204 B;}{\f2\fcharset128 C;}{\f3\fcharset238 D;}}"
    )

    assert rtf(
        r"\f1 \'cf\'f0\'e8 \f2 \'93\'fa\'96\'7b \f3 \'e8l\'e1nek\plain  \'fc\par", fonts
    ).text == ("При 日本 článek ü")


def test_unicode_takes_the_place_of_what_stands_behind_it() -> None:
    assert (
        rtf(r"\u8364?5 {\uc2\u233 ??}\uc0\u955 x \uc1\u-10179?\u-8693?\u246\'f6\par").text
        == "€5 éλx 😋ö"
    )


def test_headings_are_told_by_their_style_or_level() -> None:
    styles = r"{\stylesheet{\s0 Normal;}{\s1\outlinelevel0 Big;}{\s2 Überschrift 2;}{\*\cs9 x;}}"
    document = rtf(r"\pard\s1 A\par\pard\s2 B\par\pard\outlinelevel2 C\par\pard D\par", styles)

    assert [(b.kind, b.level) for b in document.blocks] == [
        ("heading", 1), ("heading", 2), ("heading", 3), ("paragraph", 0),
    ]  # fmt: skip


def test_what_is_not_seen_is_left_out() -> None:
    document = rtf(
        r"{\header top}{\footer foot}{\*\generator G}{\pict 00ff}{\*\unknown no}{\info{\author Bob}}"
        r"Seen {\v hidden}{\deleted gone}{\field{\*\fldinst HYPERLINK x}{\fldrslt link}}\bin4 \{\}x\par"
    )

    assert document.text == "Seen linkx"


def test_the_title_of_the_file_is_its_title() -> None:
    assert rtf(r"Text\par", r"{\info{\title The plan}}").title == "The plan"


def test_notes_and_comments_are_kept_apart_from_the_sentence() -> None:
    document = rtf(
        r"One{\super\chftn}{\footnote\pard {\chftn} first} and"
        r"{\*\atnid A}{\*\atnauthor Ann}{\*\annotation\pard when?} two\par End\par"
    )

    assert document.text.split("\n\n") == [
        "One[1] and two",
        "Comment by Ann: when?",
        "End",
        "[1] first",
    ]


def test_lists_keep_their_marks() -> None:
    document = rtf(
        r"{\listtext\pard 1.\tab}\ls1 one\par{\listtext 2.\tab}two\par\pard{\pntext\'b7\tab}{\*\pn{\pntxta .}}dot\par\pard End\par"
    )

    assert blocks(document) == [("list", "1. one\n2. two\n- dot"), ("paragraph", "End")]


def test_tables_are_grids_with_merged_cells_repeated() -> None:
    document = rtf(
        r"Before\par\trowd\trhdr\cellx1\cellx2\pard\intbl Item\cell Price\cell\row"
        r"\trowd\clvmgf\cellx1\cellx2\pard\intbl Pump\cell one\par two\cell\row"
        r"\trowd\clvmrg\cellx1\cellx2\pard\intbl\cell \cell\row"
        r"\trowd\clvmrg\cellx1\cellx2\pard\intbl\cell 3\cell\row\pard\par"
        r"\trowd\cellx1\cellx2\pard\intbl x\cell y\cell\row\pard After\par"
    )

    assert blocks(document) == [
        ("paragraph", "Before"), ("table", "Item | Price\nPump | one two\nPump |\nPump | 3"),
        ("table", "x | y"), ("paragraph", "After"),
    ]  # fmt: skip
    assert document.blocks[1].header == len("Item | Price\n")


def test_boxes_come_after_the_paragraph_they_hang_on() -> None:
    document = rtf(
        r"{\shp{\*\shpinst\shpleft1{\sp{\sn a}{\sv 1}}{\shptxt\pard boxed\par}}{\shprslt again}}Anchor\par"
    )

    assert document.text == "Anchor\n\nboxed"


@pytest.mark.parametrize(
    "body", ["}}}} text", "{" * 1500 + "text", "text" + "\\", "text\\'z", r"text\u"]
)
def test_broken_groups_do_no_harm(body: str) -> None:
    assert "text" in rtf(body).text
