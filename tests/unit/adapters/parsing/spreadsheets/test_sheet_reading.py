"""Workbooks: a record a line, values as their cells show them, what is left out named in notes."""

# ruff: noqa: E501 - what lies in a file is written as it lies there

import pytest

from adapters.parsing.formats import parse
from adapters.parsing.shared import packages
from rag.documents import ParsedDocument
from rag.errors import NoText
from tests.support.files.office_files import BOLD, DAY, OWN, PERCENT, relations, xls, xlsx, zipped
from tests.support.files.parsed_files import blocks, refused


def lines(document: ParsedDocument) -> list[str]:
    return document.text.split("\n")


def test_each_row_of_a_sheet_is_a_record_under_the_sheets_name() -> None:
    data = xlsx(
        (
            "Prices",
            [
                ["Item", "Share", "Since", "Next", "In stock", "Note"],
                ["Pump", (0.19, PERCENT), (45356, DAY), (45357, OWN), True, None],
                ["Valve", (0.5, PERCENT), (45357, DAY), (45358, OWN), False, "a &amp; b"],
            ],
        )
    )
    document = parse(data, filename="x")

    assert document.kind == "xlsx"
    assert document.title is None
    assert blocks(document) == [
        ("heading", "Prices"),
        (
            "table",
            (
                "Item: Pump; Share: 19%; Since: 2024-03-05; Next: 06.03.2024; In stock: TRUE\n"
                "Item: Valve; Share: 50%; Since: 2024-03-06; Next: 07.03.2024; In stock: FALSE;"
                " Note: a & b"
            ),
        ),
    ]
    assert [(page.number, page.label) for page in document.pages] == [(1, "Prices")]


def test_the_names_of_columns_are_found_below_titles() -> None:
    rows = [["Price list"], [], ["All in euros"], ["Item", "Price"], ["Pump", 5], ["Valve", 7]]

    assert lines(parse(xlsx(("S", rows)), filename="x")) == [
        "S", "", "Price list", "", "All in euros", "", "Item: Pump; Price: 5", "Item: Valve; Price: 7",
    ]  # fmt: skip


def test_several_tables_on_a_sheet_keep_their_own_names() -> None:
    rows = [
        ["Item", "Qty", None, "City", "Head"],
        ["Pump", 1, None, "Rome", "Ann"],
        ["Valve", 2, None, "Oslo", "Bob"],
        [],
        ["Site", "Staff"],
        ["North", 12],
    ]

    assert lines(parse(xlsx(("S", rows)), filename="x"))[2:] == [
        "Item: Pump; Qty: 1", "Item: Valve; Qty: 2", "", "City: Rome; Head: Ann",
        "City: Oslo; Head: Bob", "", "Site: North; Staff: 12",
    ]  # fmt: skip


def test_figures_after_an_empty_column_belong_to_the_labels_before_it() -> None:
    rows = [["Line", 2023, None, 2022], ["Sales", 5, None, 4], ["Costs", 3, None, 2]]

    assert lines(parse(xlsx(("S", rows)), filename="x"))[2:] == [
        "Line: Sales; 2023: 5; 2022: 4", "Line: Costs; 2023: 3; 2022: 2",
    ]  # fmt: skip


def test_a_table_that_goes_on_after_an_empty_row_keeps_its_names() -> None:
    rows = [["Line", "Sum"], [], ["Sales", 5], ["Costs", 3], [], ["Profit", 2]]

    assert [line for line in lines(parse(xlsx(("S", rows)), filename="x")) if ":" in line] == [
        "Line: Sales; Sum: 5", "Line: Costs; Sum: 3", "Line: Profit; Sum: 2",
    ]  # fmt: skip


def test_merged_cells_are_filled_and_names_of_groups_go_before_those_of_columns() -> None:
    rows = [
        ["Region", 2023, None, 2024, None],
        [None, "Q1", "Q2", "Q1", "Q2"],
        ["North", 1, 2, 3, 4],
        [None, 5, 6, 7, 8],
    ]
    merges = "".join(f'<mergeCell ref="{ref}"/>' for ref in ("A1:A2", "B1:C1", "D1:E1", "A3:A4"))
    data = xlsx(("S", rows), tails={"S": f"<mergeCells>{merges}</mergeCells>"})

    assert lines(parse(data, filename="x"))[2:] == [
        "Region: North; 2023 Q1: 1; 2023 Q2: 2; 2024 Q1: 3; 2024 Q2: 4",
        "Region: North; 2023 Q1: 5; 2023 Q2: 6; 2024 Q1: 7; 2024 Q2: 8",
    ]


def test_a_merge_over_all_the_sheet_is_no_work() -> None:
    data = xlsx(
        ("S", [["alone"]]), tails={"S": '<mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>'}
    )

    assert parse(data, filename="x").text == "S\n\nalone"


def test_labels_with_their_values_are_read_as_pairs() -> None:
    colons = [["Name:", "Acme"], ["Phone:", "030 1"], ["Founded:", 1999]]
    bold = [[("Name", BOLD), "Acme"], [("Phone", BOLD), "030 1"], [("Founded", BOLD), 1999]]

    for rows in (colons, bold):
        assert lines(parse(xlsx(("S", rows)), filename="x"))[2:] == [
            "Name: Acme", "Phone: 030 1", "Founded: 1999",
        ]  # fmt: skip


def test_labels_whose_values_are_of_different_kinds_are_a_form() -> None:
    rows = [["Company", "Acme"], ["Street", "Main 1"], ["Founded", 1999]]

    assert lines(parse(xlsx(("S", rows)), filename="x"))[2:] == [
        "Company: Acme", "Street: Main 1", "Founded: 1999",
    ]  # fmt: skip


def test_names_of_groups_count_without_a_merge_too() -> None:
    rows = [[None, "Price", "Price"], ["Item", "net", "gross"], ["Pump", 5, 6]]

    assert parse(xlsx(("S", rows)), filename="x").text.endswith(
        "Item: Pump; Price net: 5; Price gross: 6"
    )


def test_comments_and_boxes_are_read_after_the_cells() -> None:
    data = xlsx(
        ("S", [["Item", "Qty"], ["Pump", 1]]),
        parts={
            "xl/worksheets/_rels/sheet1.xml.rels": relations(
                ("c", "comments", "../comments1.xml"),
                ("t", "threadedComment", "../threadedComments/t1.xml"),
                ("d", "drawing", "../drawings/drawing1.xml"),
            ),
            "xl/comments1.xml": "<c><authors><author>Ann Lee</author></authors>"
            "<comment ref='B2' authorId='0'><text><t>Ann Lee:</t><t>an </t><t>old one</t></text></comment>"
            "<comment ref='B1' authorId='7'><text><t>whose?</t></text></comment>"
            "<comment ref='A1'><text><t>[Threaded comment]</t></text></comment></c>",
            "xl/threadedComments/t1.xml": "<c><threadedComment ref='A1' personId='{1}'><text>Why?</text></threadedComment></c>",
            "xl/persons/person.xml": "<l><person displayName='Bo Ek' id='{1}'/></l>",
            "xl/_rels/workbook.xml.rels": relations(
                ("r1", "worksheet", "worksheets/sheet1.xml"), ("p", "person", "persons/person.xml")
            ),
            "xl/drawings/drawing1.xml": "<d><sp><txBody><p><r><t>boxed</t></r></p></txBody></sp></d>",
        },
    )

    assert lines(parse(data, filename="x"))[2:] == [
        "Item: Pump; Qty: 1", "", "Comment on B2 by Ann Lee: an old one", "", "Comment on B1: whose?",
        "", "Comment on A1 by Bo Ek: Why?", "", "boxed",
    ]  # fmt: skip


def test_rows_that_nothing_names_are_a_grid() -> None:
    assert lines(parse(xlsx(("S", [[1, 2], [3, 4]])), filename="x"))[2:] == ["1 | 2", "3 | 4"]


def test_months_and_years_name_columns() -> None:
    rows = [[None, (45292, OWN), (45323, OWN)], ["Rome", 5, 6]]

    assert parse(xlsx(("S", rows), code="mmm yyyy"), filename="x").text.endswith(
        "Rome; Jan 2024: 5; Feb 2024: 6"
    )


def test_a_table_that_the_file_declares_names_its_columns() -> None:
    table = '<table ref="A1:B3" headerRowCount="1"/>'
    data = xlsx(
        ("S", [["x", "y"], ["a", "b"], ["c", "d"]]),
        parts={
            "xl/worksheets/_rels/sheet1.xml.rels": relations(
                ("t", "table", "../tables/table1.xml")
            ),
            "xl/tables/table1.xml": table,
        },
    )

    assert lines(parse(data, filename="x"))[2:] == ["x: a; y: b", "x: c; y: d"]


def test_hidden_sheets_and_formulas_without_values_are_told() -> None:
    rows = [["Item", "Sum"], ["Pump", '<c r="B2"><f>A1+1</f></c>'], ["Valve", 5]]
    document = parse(xlsx(("S", rows), ("Keys", [["secret"]]), hidden=["Keys"]), filename="x")

    assert "secret" not in document.text
    assert "Item: Valve; Sum: 5" in document.text
    assert document.notes[1] == 'The sheet "Keys" is hidden and was left out.'
    assert document.notes[0].startswith('On the sheet "S" 1 formulas have no stored value;')


def test_odd_values_are_kept() -> None:
    cells = [
        '<c r="A1" t="e"><v>#SPILL!</v></c>',
        '<c r="B1"><v>12345678901234567</v></c>',
        '<c r="C1" t="str"><f>A1</f><v>a_x000D_b</v></c>',
        '<c r="D1" t="d"><v>2024-03-05T00:00:00</v></c>',
        '<c r="E1" t="s"><v>0</v></c>',
        '<c r="F1"><v>1.5E-3</v></c>',
    ]
    shared = "<sst><si><r><t>rich </t></r><r><t>text</t></r><rPh><t>reading</t></rPh></si></sst>"
    links = relations(
        ("r1", "worksheet", "worksheets/sheet1.xml"), ("t", "sharedStrings", "sharedStrings.xml")
    )
    document = parse(
        xlsx(
            ("S", [cells]),
            parts={"xl/sharedStrings.xml": shared, "xl/_rels/workbook.xml.rels": links},
        ),
        filename="x",
    )

    assert document.text == (
        "S\n\n#SPILL! | 12345678901234567 | a b | 2024-03-05 | rich text | 0.0015"
    )


def test_days_counted_from_1904_are_read() -> None:
    data = xlsx(("S", [[(0, OWN), "x"]]), workbook='<workbookPr date1904="1"/>')

    assert parse(data, filename="x").text.endswith("01.01.1904 | x")


def test_a_workbook_without_cells_is_called_empty() -> None:
    with pytest.raises(NoText, match="no cell"):
        parse(xlsx(("S", [])), filename="x")


def test_an_old_workbook_shows_its_values_as_its_cells_do() -> None:
    rows = [["Item", "Share", "Since", "Weight"], ["Pümpe", (0.19, 1), (45356.0, 2), (2.5, 3)]]
    document = parse(xls("Prices", rows, hidden="secret"), filename="x.xls")

    assert document.kind == "xls"
    assert document.text == "Prices\n\nItem: Pümpe; Share: 19%; Since: 2024-03-05; Weight: 2.5 kg"
    assert document.notes == ('The sheet "Hidden" is hidden and was left out.',)


def test_a_table_of_tabs_under_the_name_of_a_workbook_is_text() -> None:
    assert parse(b"a\tb\n1\t2\n", filename="x.xls").kind == "table"


_ODS = (
    '<office:document-content xmlns:office="o" xmlns:table="t" xmlns:text="x" xmlns:style="s" xmlns:dc="c">'
    '<office:automatic-styles><style:style style:name="off"><style:table-properties'
    ' table:display="false"/></style:style></office:automatic-styles>'
    "<office:body><office:spreadsheet>%s</office:spreadsheet></office:body>"
    "</office:document-content>"
)


def ods(tables: str) -> bytes:
    return zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "content.xml": _ODS % tables,
        }
    )


def ods_row(*cells: str, times: int = 1) -> str:
    return (
        f'<table:table-row table:number-rows-repeated="{times}">{"".join(cells)}</table:table-row>'
    )


def ods_cell(text: str, kind: str = "string", more: str = "") -> str:
    return f'<table:table-cell office:value-type="{kind}" {more}><text:p>{text}</text:p></table:table-cell>'


def test_an_opendocument_sheet_shows_what_its_cells_show() -> None:
    table = (
        '<table:table table:name="Data">'
        + ods_row(ods_cell("Item"), ods_cell("Share"), ods_cell("Note"))
        + ods_row(
            ods_cell("Pump", more='table:number-rows-spanned="2"'),
            ods_cell("19 %", "percentage", 'office:value="0.19"'),
            '<table:table-cell office:value-type="string"><office:annotation><dc:creator>Ann</dc:creator><text:p>psst</text:p>'
            "</office:annotation><text:p>one<text:s text:c='2'/>two</text:p></table:table-cell>",
        )
        + ods_row(
            "<table:covered-table-cell/>",
            '<table:table-cell office:value-type="percentage" office:value="0.5"/>',
        )
        + ods_row('<table:table-cell table:number-columns-repeated="16000"/>', times=1_000_000)
        + ods_row('<table:table-cell table:formula="of:=1"/>')
        + "</table:table>"
        '<table:table table:name="Keys" table:style-name="off">'
        + ods_row(ods_cell("secret"))
        + "</table:table>"
    )
    document = parse(ods(table), filename="x")

    assert document.kind == "ods"
    assert lines(document) == [
        "Data", "", "Item: Pump; Share: 19 %; Note: one two", "Item: Pump; Share: 50%",
        "", "Comment by Ann: psst",
    ]  # fmt: skip
    assert any("1 formulas have no stored value" in note for note in document.notes)
    assert 'The sheet "Keys" is hidden and was left out.' in document.notes


@pytest.mark.parametrize(
    "limits", [{"_MOST_BYTES": 50_000}, {"_FREE_BYTES": 5_000, "_MOST_RATIO": 1}]
)
def test_a_workbook_that_unpacks_to_too_much_is_refused(
    monkeypatch: pytest.MonkeyPatch, limits: dict[str, int]
) -> None:
    little = [["Item"], ["Pump"]]
    much = [["Item"], ["Pump " * 12_000]]
    for name, value in limits.items():
        monkeypatch.setattr(packages, name, value)

    assert refused(xlsx(("S", much)), "x.xlsx").reason == "too_large"
    assert "Pump" in parse(xlsx(("S", little)), filename="x.xlsx").text


def test_a_workbook_that_declares_entities_is_refused() -> None:
    bad = '<!DOCTYPE w [<!ENTITY a "b">]><workbook/>'
    data = zipped({"[Content_Types].xml": "<Types/>", "xl/workbook.xml": bad})

    assert refused(data).reason == "unsafe"
