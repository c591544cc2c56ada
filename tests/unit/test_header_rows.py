"""A first row that names the columns is known in every format; rows of data are taken for none."""

# ruff: noqa: E501 - a table is a line

import pytest

from rag.documents import ParsedDocument
from tests.office_files import relations, zipped
from tests.pdf_files import pdf, text
from tests.wordfiles import tbl, tr, word_file
from workers.parsing.formats import parse
from workers.parsing.header_rows import names_columns

NAMED = [
    "step,client 1,client 2,seen so far/1,gets 33,,/2,sleeps,,/3,,gets 34,34",
    "Plan,Support,Visits/Basic,mail,no/Team,phone,yes",
    ",2023,2024/Sales,4100,5200/Costs,3000,3100",
    "Begriff,Bedeutung/Los,eine Menge/Satz,eine Reihe",
    "Tank,Volume/North,400/South,900",
    "Färbung,Probe A,Probe B/1,rot,blau/2,rot,grün",
]
BARE = [
    "Ida,Lund,Oslo/Ola,Lund,Rome/Eli,Roy,Kyiv",
    "1,Saw,Hall 2/2,Drill,Hall 4/3,Lathe,Hall 4",
    "Room 2,Bed 4,free/Room 3,Bed 7,taken/Room 4,Bed 9,free",
    "Name,Ida Lund/Phone,555 12/Town,Oslo",
    "Saw,Hall 2,big/Drill,Hall 4,small/Lathe,Hall 6,big",
    "It was cold.,We went in.,All left./It was hot.,We stayed.,None left.",
    "12,14,16/18,20,22/24,26,28",
]


def rows(table: str) -> list[list[str]]:
    return [row.split(",") for row in table.split("/")]


def page(cells: list[list[str]]) -> bytes:
    lines = ("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in cells)
    return f"<html><body><table>{''.join(lines)}</table></body></html>".encode()


def word(cells: list[list[str]]) -> bytes:
    return word_file(tbl(*(tr(*row) for row in cells)))


def rich_text(cells: list[list[str]]) -> bytes:
    def sign(c: str) -> str:
        return c if c.isascii() else rf"\u{ord(c)}?"

    lines = (
        r"\trowd" + "".join(rf"\cellx{n}000" for n in range(1, len(row) + 1)) + " "
        + "".join(rf"\intbl {''.join(map(sign, cell))}\cell " for cell in row) + r"\row "
        for row in cells
    )  # fmt: skip
    return (r"{\rtf1 " + "".join(lines) + "}").encode()


def opendocument(cells: list[list[str]], *, styles: str = "", first: str = "") -> bytes:
    def cell(words: str, style: str) -> str:
        return f'<t:table-cell><x:p x:style-name="{style}">{words}</x:p></t:table-cell>'

    lines = (
        "<t:table-row>"
        + "".join(cell(words, "" if n else first) for words in row)
        + "</t:table-row>"
        for n, row in enumerate(cells)
    )
    content = (
        '<o:d xmlns:o="o" xmlns:x="x" xmlns:t="t" xmlns:s="s" xmlns:f="f"><o:automatic-styles>'
        f"{styles}</o:automatic-styles><o:body><o:text><t:table>{''.join(lines)}</t:table></o:text></o:body></o:d>"
    )
    return zipped({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": content})


def slide(cells: list[list[str]], *, bold: bool = False) -> bytes:
    def cell(words: str, n: int) -> str:
        look = '<a:rPr b="1"/>' if bold and not n else ""
        return f"<a:tc><a:txBody><a:p><a:r>{look}<a:t>{words}</a:t></a:r></a:p></a:txBody></a:tc>"

    names = 'xmlns:a="a" xmlns:p="p" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
    lines = ("<a:tr>" + "".join(cell(c, n) for c in row) + "</a:tr>" for n, row in enumerate(cells))
    table = f"<p:graphicFrame><a:graphic><a:graphicData><a:tbl>{''.join(lines)}</a:tbl></a:graphicData></a:graphic></p:graphicFrame>"
    return zipped({
        "_rels/.rels": relations(("r1", "officeDocument", "ppt/presentation.xml")),
        "ppt/presentation.xml": f'<p:p {names}><p:sldIdLst><p:sldId id="256" r:id="r1"/></p:sldIdLst></p:p>',
        "ppt/_rels/presentation.xml.rels": relations(("r1", "slide", "slides/slide1.xml")),
        "ppt/slides/slide1.xml": f"<p:sld {names}><p:cSld><p:spTree>{table}</p:spTree></p:cSld></p:sld>",
    })  # fmt: skip


def header(document: ParsedDocument) -> str:
    (table,) = [block for block in document.blocks if block.kind == "table"]
    return document.text[table.start : table.start + table.header].rstrip("\n")


FORMS = {"html": page, "docx": word, "rtf": rich_text, "odt": opendocument, "pptx": slide}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("table", NAMED)
def test_names_are_told_by_what_they_say(form: str, table: str) -> None:
    first = " | ".join(rows(table)[0]).strip()

    assert header(parse(FORMS[form](rows(table)), filename="x")) == first


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("table", BARE)
def test_a_row_of_data_is_no_header(form: str, table: str) -> None:
    assert header(parse(FORMS[form](rows(table)), filename="x")) == ""


BOLD = '<s:style s:name="B"><s:text-properties f:font-weight="bold"/></s:style>'
WORDS = rows("Oslo,Ida,tea/Rome,Ola,milk")


@pytest.mark.parametrize("first", ["B", "Table_20_Heading"])
def test_names_of_an_opendocument_table_are_told_by_their_style(first: str) -> None:
    assert (
        header(parse(opendocument(WORDS, styles=BOLD, first=first), filename="x"))
        == "Oslo | Ida | tea"
    )
    assert header(parse(opendocument(WORDS[:1], styles=BOLD, first=first), filename="x")) == ""


def test_names_on_a_slide_are_told_by_being_bold() -> None:
    assert header(parse(slide(WORDS, bold=True), filename="x")) == "Oslo | Ida | tea"
    assert header(parse(slide(WORDS), filename="x")) == ""


def test_cells_that_head_rows_of_a_page_leave_the_first_row_alone() -> None:
    lines = "<tr><th>Price</th><td>Amount</td></tr><tr><th>Term</th><td>8</td></tr>"

    assert header(parse(f"<html><table>{lines}</table>".encode(), filename="x")) == ""


def test_rows_of_words_in_a_pdf_have_no_header_unless_it_says_so() -> None:
    def read(table: str) -> str:
        cells = rows(table + "/Ulf,Berg,Bonn/Ann,Lee,Bern")
        drawn = "".join(
            text(50 + 150 * c, 700 - 14 * n, words)
            for n, row in enumerate(cells)
            for c, words in enumerate(row)
        )
        return header(parse(pdf(drawn), filename="x"))

    assert read("Ida,Lund,Oslo/Ola,Lund,Rome") == ""
    assert read("First name,Last name,Town/Ola,Lund,Rome") == "First name | Last name | Town"


def test_a_row_of_names_alone_names_nothing() -> None:
    assert not names_columns([["Name", "Price"]])
    assert not names_columns([])
    assert not names_columns([["Name"], ["Pump"]])
