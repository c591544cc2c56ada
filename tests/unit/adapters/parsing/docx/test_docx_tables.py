"""Tables of Word files: every row has all its cells, and the rows of names are known."""

import pytest

from adapters.parsing.docx.tables import Cell, Row, grid
from adapters.parsing.formats import parse
from rag.documents import Block, ParsedDocument
from tests.support.files.wordfiles import level, lists, numbered, p, r, tbl, tc, tr, word_file

DOWN = '<w:vMerge w:val="restart"/>'
ON = "<w:vMerge/>"
NAMES = "<w:tblHeader/>"


def span(n: int) -> str:
    return f'<w:gridSpan w:val="{n}"/>'


def read(*content: str, **parts: str) -> ParsedDocument:
    return parse(word_file("".join(content), parts=parts), filename="a.docx")


def table(document: ParsedDocument) -> Block:
    (found,) = [block for block in document.blocks if block.kind == "table"]
    return found


def lines(document: ParsedDocument) -> list[str]:
    block = table(document)
    return document.text[block.start : block.end].split("\n")


def header(document: ParsedDocument) -> list[str]:
    block = table(document)
    return document.text[block.start : block.start + block.header].split("\n")[:-1]


def test_a_cell_merged_over_rows_stands_in_each_of_them() -> None:
    document = read(
        tbl(
            tr("Hall", "Machine", "Guard"),
            tr(tc("North", properties=DOWN), "Saw", "Ms Ek"),
            tr(tc(properties=ON), "Drill", ""),
            tr(tc(properties=ON), "Press", "Mr Ode"),
            tr("South", "Lathe", "Ms Roy"),
        )
    )

    assert lines(document) == [
        "Hall | Machine | Guard",
        "North | Saw | Ms Ek",
        "North | Drill |",
        "North | Press | Mr Ode",
        "South | Lathe | Ms Roy",
    ]


def test_a_cell_merged_over_columns_stands_in_each_of_them_and_a_whole_row_once() -> None:
    document = read(
        tbl(
            tr("Day", "Morning", "Evening"),
            tr("Monday", tc("closed", properties=span(2))),
            tr(tc("Holidays", properties=span(3))),
            tr("May 1", "9", "18"),
        )
    )

    assert lines(document) == [
        "Day | Morning | Evening",
        "Monday | closed | closed",
        "Holidays",
        "May 1 | 9 | 18",
    ]


def test_a_row_that_begins_or_ends_inside_the_grid_keeps_its_columns() -> None:
    before, after = '<w:gridBefore w:val="1"/>', '<w:gridAfter w:val="1"/>'
    document = read(
        tbl(
            tr("A1", "B1", "C1"),
            tr("B2", "C2", properties=before),
            tr("A3", "B3", properties=after),
            tr("A4", "", "C4"),
        )
    )

    assert lines(document) == ["A1 | B1 | C1", "| B2 | C2", "A3 | B3 |", "A4 |  | C4"]


def test_edges_that_were_dragged_make_no_columns() -> None:
    document = read(
        tbl(
            tr(tc("Name", properties=span(3)), tc("Town", properties=span(2))),
            tr(tc("Ida", properties=span(2)), tc("Oslo", properties=span(3))),
        )
    )

    assert lines(document) == ["Name | Town", "Ida | Oslo"]


def test_old_merges_to_the_left_and_missing_cells_are_read() -> None:
    document = read(
        tbl(
            tr(
                "a", tc("b", properties='<w:hMerge w:val="restart"/>'), tc(properties="<w:hMerge/>")
            ),
            tr("c", "d", "e"),
            tr(),
            tr("", "", ""),
        )
    )

    assert lines(document)[-1] == "c | d | e"
    assert lines(document)[0].startswith("a | b")


def test_a_title_above_the_columns_is_no_row() -> None:
    document = read(
        tbl(tr(tc("Prices 2025", properties=span(2))), tr("Fare", "EUR"), tr("Adult", "4"))
    )

    assert document.text == "Prices 2025\n\nFare | EUR\nAdult | 4"


def test_rows_that_word_repeats_on_each_page_name_the_columns() -> None:
    document = read(
        tbl(
            tr("Time", tc("Rooms 1 to 2", properties=span(2)), properties=NAMES),
            tr("", "1", "2", properties=NAMES),
            tr("9:00", "Art", "Law"),
        )
    )

    assert header(document) == ["Time | Rooms 1 to 2 | Rooms 1 to 2", "| 1 | 2"]


STYLE = (
    '<w:style w:type="table" w:styleId="Fine"><w:tblStylePr w:type="firstRow"><w:rPr><w:b/></w:rPr>'
    "</w:tblStylePr></w:style>"
    '<w:style w:type="table" w:styleId="Finer"><w:basedOn w:val="Fine"/></w:style>'
)


def bold(words: str) -> str:
    return tc(p(runs=r(words, "<w:b/>")))


@pytest.mark.parametrize(
    ("rows", "properties", "named"),
    [
        ([tr(bold("Term"), bold("Meaning")), tr("Tort", "a wrong"), tr("Lien", "a right")], "", 1),
        ([tr(bold("Term"), "", bold("Use")), tr("Tort", "a", "wrong"), tr("Lien", "", "x")], "", 1),
        ([tr(bold("Term"), "Tort"), tr(bold("Kind"), "a wrong")], "", 0),
        ([tr(bold("a"), bold("b")), tr(bold("c"), bold("d"))], "", 0),
        (
            [tr("Tort", "Wrong"), tr("Lien", "Right")],
            '<w:tblStyle w:val="Finer"/><w:tblLook w:val="04A0"/>',
            1,
        ),
        (
            [tr("Tort", "Wrong"), tr("Lien", "Right")],
            '<w:tblStyle w:val="Finer"/><w:tblLook w:firstRow="0" w:val="04A0"/>',
            0,
        ),
        ([tr("Fare", "EUR"), tr("Adult", "4.20"), tr("Child", "2.10")], "", 1),
        ([tr("Name", "Ida Lund"), tr("Phone", "555 12"), tr("Town", "Oslo")], "", 0),
        (
            [tr("Plan", "Support", "Visits"), tr("Basic", "mail", "no"), tr("Team", "phone", "no")],
            "",
            1,
        ),
        ([tr("Ida", "Lund", "Oslo"), tr("Ola", "Lund", "Rome"), tr("Eli", "Roy", "Kyiv")], "", 0),
        ([tr("1", "Saw", "Hall 2"), tr("2", "Drill", "Hall 4"), tr("3", "Lathe", "Hall 4")], "", 0),
        (
            [tr("", "2023", "2024"), tr("Sales", "4,100", "5,200"), tr("Costs", "3,000", "3,100")],
            "",
            1,
        ),
        ([tr("Only", "one", "row")], "", 0),
        (
            [tr("Ida", "Finance", "Oslo"), tr("Ola", "Sales", "Rome"), tr("Eli", "Law", "Kyiv")],
            "",
            0,
        ),
        ([tr("Name", "Ida Lund"), tr("Phone", "555 12"), tr("Born", "1990")], "", 0),
        ([tr("Begriff", "Bedeutung"), tr("Los", "eine Menge")], "", 1),
        ([tr("品名", "数量", "色"), tr("筆", "多", "黒"), tr("紙", "少", "白")], "", 1),
    ],
)
def test_a_first_row_that_plainly_names_columns_is_their_header(
    rows: list[str], properties: str, named: int
) -> None:
    document = read(tbl(*rows, properties=properties), styles=STYLE)

    assert len(header(document)) == named


def test_names_on_a_ground_of_their_own_that_span_rows_are_a_header_of_two() -> None:
    ground = '<w:shd w:fill="DDDDDD"/>'
    document = read(
        tbl(
            tr(tc("Town", properties=ground + DOWN), tc("Rain", properties=ground + span(2))),
            tr(tc(properties=ON), "May", "June"),
            tr("Bergen", "100", "120"),
        )
    )

    assert header(document) == ["Town | Rain | Rain", "Town | May | June"]


def test_a_cell_is_one_line_with_its_lists_and_tables() -> None:
    document = read(
        tbl(
            tr(
                tc("One", "two", numbered("x"), numbered("y")),
                tc(
                    tbl(tr("a", "b"), tr("c", "d")),
                    p(runs="<w:r><w:t>e</w:t><w:br/><w:t>f</w:t></w:r>"),
                ),
            )
        ),
        numbering=lists(level(0, "bullet", "-")),
    )

    assert lines(document) == ["One two x; y | a, b; c, d e f"]


def test_numbers_of_rows_that_word_counts_are_cells() -> None:
    row = tr(tc(numbered("")), "Saw", "Hall")

    document = read(tbl(row, row), numbering=lists(level(0, "decimal", "%1.")))

    assert lines(document) == ["1. | Saw | Hall", "2. | Saw | Hall"]


def test_a_table_that_only_arranges_text_is_that_text() -> None:
    inner = tbl(tr("a", "b"), tr("c", "d"))
    document = read(tbl(tr(tc("Dear Ms Ek,", "thank you.", inner)), tr(tc("Yours"))))

    assert [b.kind for b in document.blocks] == ["paragraph", "paragraph", "table", "paragraph"]
    assert lines(document) == ["a | b", "c | d"]


def test_deleted_and_hidden_rows_are_left_out() -> None:
    document = read(
        tbl(
            tr("a", "b"),
            tr("x", "y", properties='<w:del w:id="1"/>'),
            tr("z", "z", properties="<w:hidden/>"),
            tr("c", "d"),
        )
    )

    assert lines(document) == ["a | b", "c | d"]
    assert len(document.notes) == 2


def test_a_broken_grid_does_not_grow_without_end() -> None:
    rows = [Row([Cell("x", span=1 + n), Cell("y", span=500_000)], before=n % 7) for n in range(400)]
    tall = [Row([Cell("", goes_on=True), Cell("y")]) for _ in range(20_000)]

    tall[0].cells[0] = Cell("w" * 300, begins=True)

    assert sum(map(len, grid(rows).lines)) < 100_000
    assert sum(map(len, grid(tall).lines)) < 3_000_000
