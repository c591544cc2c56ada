"""OpenDocument texts and presentations: what a reader sees of them, with notes and comments."""

# ruff: noqa: E501 - what lies in a file is written as it lies there

import pytest

from adapters.parsing.formats import parse
from rag.documents import ParsedDocument
from rag.errors import Unreadable
from tests.support.files.office_files import zipped
from tests.support.files.parsed_files import blocks

_NS = (
    'xmlns:office="o" xmlns:text="x" xmlns:table="t" xmlns:style="s" xmlns:draw="d" xmlns:fo="f"'
    ' xmlns:svg="v" xmlns:presentation="p" xmlns:dc="c" xmlns:xlink="l" xmlns:chart="h"'
)


def odf(kind: str, body: str, *, styles: str = "", parts: dict[str, str] | None = None) -> bytes:
    content = (
        f"<office:document-content {_NS}><office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body>{body}</office:body></office:document-content>"
    )
    mimetype = f"application/vnd.oasis.opendocument.{kind}"
    return zipped({"mimetype": mimetype, "content.xml": content} | (parts or {}))


def odt(body: str, **more: object) -> ParsedDocument:
    data = odf("text", f"<office:text>{body}</office:text>", **more)  # type: ignore[arg-type]
    return parse(data, filename="x")


def odp(pages: str, **more: object) -> ParsedDocument:
    data = odf("presentation", f"<office:presentation>{pages}</office:presentation>", **more)  # type: ignore[arg-type]
    return parse(data, filename="x")


def test_headings_paragraphs_and_blanks_are_kept() -> None:
    document = odt(
        '<text:h text:outline-level="2">A  head</text:h>'
        "<text:p>one<text:s text:c='3'/>two<text:tab/>three<text:line-break/><text:span>four</text:span> end</text:p>"
    )

    assert document.kind == "odt"
    assert blocks(document) == [("heading", "A head"), ("paragraph", "one   two\tthree\nfour end")]
    assert document.blocks[0].level == 2


def test_deletions_hidden_text_and_tables_of_contents_are_left_out() -> None:
    document = odt(
        "<text:tracked-changes><text:changed-region><text:deletion><text:p>gone</text:p>"
        "</text:deletion></text:changed-region></text:tracked-changes>"
        "<text:table-of-content><text:index-body><text:p>Contents</text:p></text:index-body></text:table-of-content>"
        '<text:p>seen <text:span text:style-name="H">unseen</text:span>all</text:p>',
        styles='<style:style style:name="H"><style:text-properties text:display="none"/></style:style>',
    )

    assert document.text == "seen all"


def test_notes_are_marked_in_the_text_and_stand_at_its_end() -> None:
    note = (
        "<text:note><text:note-citation>*</text:note-citation><text:note-body><text:p>{}</text:p>"
        "</text:note-body></text:note>"
    )
    document = odt(
        f"<text:p>One{note.format('first')} and two{note.format('second')}.</text:p><text:p>End</text:p>"
    )

    assert document.text.split("\n\n") == ["One[1] and two[2].", "End", "[1] first", "[2] second"]


def test_comments_follow_their_paragraph() -> None:
    document = odt(
        "<text:p>Pay<office:annotation><dc:creator>Ann</dc:creator><text:p>when?</text:p>"
        "</office:annotation> now</text:p>"
    )

    assert document.text == "Pay now\n\nComment by Ann: when?"


_LISTS = (
    '<text:list-style style:name="N"><text:list-level-style-number text:level="1" style:num-format="1"'
    ' style:num-suffix="."/><text:list-level-style-number text:level="2" style:num-format="a"'
    ' style:num-suffix=")"/></text:list-style>'
)


def test_lists_keep_their_depth_and_numbers() -> None:
    item = "<text:list-item><text:p>{}</text:p>{}</text:list-item>"
    inner = "<text:list>" + item.format("deep", "") + item.format("deeper", "") + "</text:list>"
    first = f'<text:list text:style-name="N">{item.format("a", inner)}{item.format("b", "")}</text:list>'
    second = f'<text:list text:style-name="N" text:continue-numbering="true">{item.format("c", "")}</text:list>'
    bullets = f"<text:list>{item.format('x', '')}</text:list>"
    document = odt(
        f"{first}<text:p>Between</text:p>{second}<text:p>And</text:p>{bullets}", styles=_LISTS
    )

    assert blocks(document) == [
        ("list", "1. a\n  a) deep\n  b) deeper\n2. b"), ("paragraph", "Between"), ("list", "3. c"),
        ("paragraph", "And"), ("list", "- x"),
    ]  # fmt: skip


def test_headings_are_numbered_as_the_outline_says() -> None:
    outline = (
        f'<office:document-styles {_NS}><text:outline-style><text:outline-level-style text:level="1"'
        ' style:num-format="1"/><text:outline-level-style text:level="2" style:num-format="1"'
        ' text:display-levels="2"/></text:outline-style></office:document-styles>'
    )
    head = '<text:h text:outline-level="{}">{}</text:h>'
    body = "".join(
        head.format(*pair) for pair in [(1, "A"), (2, "B"), (2, "C"), (1, "D"), (2, "E")]
    )

    assert odt(body, parts={"styles.xml": outline}).text.split("\n\n") == [
        "1 A", "1.1 B", "1.2 C", "2 D", "2.1 E",
    ]  # fmt: skip


def test_a_table_repeats_merged_cells_and_knows_its_rows_of_names() -> None:
    def cell(text: str, about: str = "") -> str:
        return f"<table:table-cell {about}><text:p>{text}</text:p></table:table-cell>"

    document = odt(
        "<table:table><table:table-header-rows><table:table-row>"
        + cell("Item") + cell("Price", 'table:number-columns-spanned="2"') + "<table:covered-table-cell/>"
        + "</table:table-row></table:table-header-rows><table:table-row>"
        + cell("Pump", 'table:number-rows-spanned="2"') + cell("") + cell("2")
        + "</table:table-row><table:table-row><table:covered-table-cell/>" + cell("3") + cell("4")
        + "</table:table-row></table:table>"
    )  # fmt: skip

    assert document.text == "Item | Price | Price\nPump |  | 2\nPump | 3 | 4"
    assert document.blocks[0].header == len("Item | Price | Price\n")


def test_boxes_come_after_the_paragraph_they_hang_on() -> None:
    document = odt(
        "<text:p>Anchor<draw:frame><draw:text-box><text:p>boxed</text:p></draw:text-box></draw:frame> goes on</text:p>"
    )

    assert document.text == "Anchor goes on\n\nboxed"


def test_the_values_of_an_embedded_chart_are_read() -> None:
    chart = (
        f"<office:document-content {_NS}><office:body><office:chart><chart:chart><chart:title><text:p>Sales</text:p>"
        "</chart:title><table:table><table:table-row><table:table-cell><text:p>North</text:p></table:table-cell>"
        "<table:table-cell><text:p>5</text:p></table:table-cell></table:table-row></table:table></chart:chart>"
        "</office:chart></office:body></office:document-content>"
    )
    frame = '<text:p><draw:frame><draw:object xlink:href="./Object 1"/></draw:frame></text:p>'

    assert odt(frame, parts={"Object 1/content.xml": chart}).text == "Sales\n\nNorth | 5"


def test_slides_are_pages_with_their_title_first_and_notes_last() -> None:
    def frame(y: int, text: str, about: str = "") -> str:
        return (
            f'<draw:frame svg:x="1cm" svg:y="{y}cm" svg:width="5cm" svg:height="1cm" {about}>'
            f"<draw:text-box><text:p>{text}</text:p></draw:text-box></draw:frame>"
        )

    shape = '<draw:custom-shape svg:x="1cm" svg:y="4cm" svg:width="5cm" svg:height="1cm"><text:p>shape</text:p></draw:custom-shape>'
    first = (
        frame(7, "low") + f"<draw:g>{frame(3, 'in a group')}</draw:g>" + shape + frame(1, "high")
        + frame(9, "Title", 'presentation:class="title"') + frame(9, "foot", 'presentation:class="footer"')
        + "<office:annotation><dc:creator>Ann</dc:creator><text:p>Why?</text:p></office:annotation>"
        + f"<presentation:notes>{frame(0, 'Smile.', 'presentation:class=' + chr(34) + 'notes' + chr(34))}</presentation:notes>"
    )  # fmt: skip
    document = odp(
        f'<draw:page>{first}</draw:page><draw:page draw:style-name="off">{frame(1, "unseen")}</draw:page>',
        styles='<style:style style:name="off"><style:drawing-page-properties presentation:visibility="hidden"/></style:style>',
    )

    assert document.kind == "odp"
    assert document.text.split("\n\n") == [
        "Title",
        "Comment by Ann: Why?",
        "high",
        "in a group",
        "shape",
        "low",
        "Notes: Smile.",
    ]
    assert document.notes == ("Slide 2 is hidden and was left out.",)
    assert [page.number for page in document.pages] == [1, 2]


def test_a_protected_document_is_refused() -> None:
    manifest = "<manifest><file-entry><encryption-data/></file-entry></manifest>"
    with pytest.raises(Unreadable) as caught:
        odt("<text:p>x</text:p>", parts={"META-INF/manifest.xml": manifest})

    assert caught.value.reason == "encrypted"
