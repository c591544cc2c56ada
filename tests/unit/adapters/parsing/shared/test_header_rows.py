"""A first row that names the columns is known in every format; rows of data are taken for none."""

import pytest

from adapters.parsing.formats import parse
from adapters.parsing.shared.header_rows import names_columns
from rag.documents import ParsedDocument
from tests.support.files.pdf_files import pdf, text
from tests.support.files.table_files import opendocument, page, rich_text, slide, word

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
