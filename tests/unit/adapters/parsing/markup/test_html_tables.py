"""Tables of pages: a grid with every cell in its column, headers counted, layout told from data."""

import pytest

from adapters.parsing.formats import parse
from rag.documents import ParsedDocument
from tests.support.files.parsed_files import blocks


def read(body: str) -> ParsedDocument:
    return parse(f"<html><body>{body}</body></html>".encode(), filename="page.html")


def first_table(body: str) -> tuple[str, str]:
    """Return its text and its header."""
    document = read(body)
    table = next(block for block in document.blocks if block.kind == "table")
    text = document.text[table.start : table.end]
    return text, text[: table.header]


def rows(body: str) -> list[list[str]]:
    text, _ = first_table(body)
    return [[cell.strip() for cell in line.split("|")] for line in text.split("\n")]


def header(body: str) -> list[str]:
    _, names = first_table(body)
    return names.splitlines()


def test_empty_cells_keep_their_column() -> None:
    table = (
        "<table><tr><th>Room</th><th>Mon</th><th>Tue</th></tr><tr><td>Oak</td><td></td><td>9</td></tr>"
        "<tr><td></td><td>8</td><td></td></tr></table>"
    )

    assert rows(table) == [["Room", "Mon", "Tue"], ["Oak", "", "9"], ["", "8", ""]]


def test_a_cell_over_rows_stands_in_each_of_them() -> None:
    table = (
        "<table><tr><th>Site</th><th>Unit</th><th>Lead</th></tr>"
        "<tr><td rowspan=2>North</td><td>Saw</td><td rowspan='2'>Ann</td></tr>"
        "<tr><td>Drill</td></tr>"
        "<tr><td>South</td><td>Press</td><td>Bo</td></tr></table>"
    )

    assert rows(table)[1:] == [
        ["North", "Saw", "Ann"],
        ["North", "Drill", "Ann"],
        ["South", "Press", "Bo"],
    ]


def test_a_span_ends_with_its_group_of_rows_and_zero_reaches_its_end() -> None:
    table = (
        "<table><tbody><tr><td rowspan=0>A</td><td>1</td></tr><tr><td>2</td></tr></tbody>"
        "<tbody><tr><td>B</td><td>3</td></tr></tbody></table>"
    )

    assert rows(table) == [["A", "1"], ["A", "2"], ["B", "3"]]


def test_a_cell_over_columns_names_each_of_them() -> None:
    table = (
        "<table><thead><tr><th rowspan=2>Year</th><th colspan=2>North</th></tr>"
        "<tr><th>in</th><th>out</th></tr></thead>"
        "<tr><td>1990</td><td colspan=2>closed</td></tr></table>"
    )

    assert rows(table) == [
        ["Year", "North", "North"],
        ["Year", "in", "out"],
        ["1990", "closed", "closed"],
    ]
    assert header(table) == ["Year | North | North", "Year | in | out"]


def test_a_row_of_one_cell_is_written_once_and_a_foot_stands_last() -> None:
    table = (
        "<table><tr><th>Part</th><th>Price</th></tr><tfoot><tr><td>Sum</td><td>3</td></tr></tfoot>"
        "<tbody><tr><td colspan=2>Wheels</td></tr><tr><td>front</td><td>3</td></tr></tbody></table>"
    )

    assert rows(table) == [["Part", "Price"], ["Wheels"], ["front", "3"], ["Sum", "3"]]


def test_lists_and_paragraphs_stay_within_their_cell() -> None:
    table = (
        "<table><tr><th>Plan</th><th>With</th><th>Note</th></tr><tr><td><h3>Small</h3></td>"
        "<td><ul><li>mail</li><li>chat<ul><li>by day</li></ul></li></ul></td>"
        "<td><p>one</p><p>two<br>three</p></td></tr></table>"
    )

    assert rows(table)[1] == ["Small", "mail; chat; by day", "one two three"]


def test_a_table_in_a_cell_is_text_of_the_cell() -> None:
    table = (
        "<table><tr><th>A</th><th>B</th></tr><tr><td><table><tr><td>x</td><td>1</td></tr>"
        "<tr><td>y</td><td>2</td></tr></table></td><td>b</td></tr><tr><td>c</td><td>d</td></tr></table>"
    )

    assert rows(table) == [["A", "B"], ["x 1; y 2", "b"], ["c", "d"]]


def test_a_picture_alone_in_a_cell_says_its_text() -> None:
    table = (
        "<table><tr><th>Oven</th><td><img src=y.png alt=yes></td></tr>"
        "<tr><th>Gas</th><td>-</td></tr></table>"
    )

    assert rows(table) == [["Oven", "yes"], ["Gas", "-"]]
    assert header(table) == []


def test_a_first_row_in_bold_names_the_columns() -> None:
    table = (
        "<table><tr><td><p><b>k</b></p></td><td><strong>v</strong></td></tr>"
        "<tr><td><b>1</b></td><td>2</td></tr></table>"
    )

    assert header(table) == ["k | v"]
    assert header(table.replace("<strong>v</strong>", "v")) == []


def test_a_caption_stands_above_its_table() -> None:
    document = read(
        "<table><caption>Prices</caption><tr><th>a</th></tr><tr><td>1</td><td>2</td></tr></table>"
    )

    assert blocks(document) == [
        ("paragraph", "Prices"),
        ("table", "a\n1 | 2"),
    ]


@pytest.mark.parametrize(
    "table",
    [
        "<table><tr><td>All in one cell.</td></tr></table>",
        "<table role=presentation><tr><td>Left.</td><td>Right.</td></tr></table>",
        "<table><tr><td>First.</td></tr><tr><td>Second.</td></tr></table>",
        "<table><tr><td><ul><li>menu</li></ul></td><td>Text.</td></tr></table>",
        f"<table><tr><td>Menu</td><td>{'Words that go on. ' * 40}</td></tr></table>",
    ],
)
def test_tables_that_arrange_a_page_are_text(table: str) -> None:
    assert "table" not in {block.kind for block in read(table).blocks}


def test_a_table_inside_one_that_arranges_the_page_is_a_grid() -> None:
    page = (
        "<table><tr><td>Menu</td><td><table><tr><th>k</th><th>v</th></tr>"
        "<tr><td>1</td><td>2</td></tr></table></td></tr></table>"
    )

    assert rows(page) == [["k", "v"], ["1", "2"]]


def test_roles_make_a_table() -> None:
    page = (
        "<div role=table><div role=row><span role=columnheader>k</span>"
        "<span role=columnheader>v</span></div>"
        "<div role=row><span role=cell></span><span role=cell>2</span></div></div>"
    )

    assert rows(page) == [["k", "v"], ["", "2"]]
    assert header(page) == ["k | v"]


@pytest.mark.timeout(20)
def test_spans_without_end_are_bounded() -> None:
    page = "<table>" + "<tr><td colspan=1000 rowspan=65534>x</td><td>y</td>" * 20_000 + "</table>"

    assert len(read(page).text) < 10_000_000
