r"""A stroke inside a cell is written `\|` by every reader, so that each row keeps its columns."""

# ruff: noqa: E501 - what lies in a file is written as it lies there

import pytest

from adapters.parsing.formats import parse
from adapters.parsing.shared.grids import listed, row_line
from rag.documents import ParsedDocument, Passage
from rag.text.table_rows import TableRows
from tests.support.files.office_files import xlsx, zipped
from tests.support.files.pdf_files import pdf, text
from tests.support.files.wordfiles import tbl, tr, word_file

ROWS = [["Key", "Means", "Since"], ["a|b", "either | or", "2020"], ["c", "none", "2021"]]
WRITTEN = ["Key | Means | Since", r"a\|b | either \| or | 2020", "c | none | 2021"]


def word() -> bytes:
    return word_file(tbl(*(tr(*row) for row in ROWS)))


def page() -> bytes:
    head, *body = ROWS
    names = "".join(f"<th>{cell}</th>" for cell in head)
    rows = "".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in body)
    return f"<html><body><table><tr>{names}</tr>{rows}</table></body></html>".encode()


def opendocument() -> bytes:
    rows = "".join(
        "<t:table-row>"
        + "".join(f"<t:table-cell><x:p>{c}</x:p></t:table-cell>" for c in row)
        + "</t:table-row>"
        for row in ROWS
    )
    content = f'<o:d xmlns:o="o" xmlns:x="x" xmlns:t="t"><o:body><o:text><t:table>{rows}</t:table></o:text></o:body></o:d>'
    return zipped({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": content})


def rich_text() -> bytes:
    rows = "".join(
        r"\trowd\cellx1000\cellx2000\cellx3000 "
        + "".join(rf"\intbl {c}\cell " for c in row)
        + r"\row "
        for row in ROWS
    )
    return (r"{\rtf1 " + rows + "}").encode()


def drawn() -> bytes:
    return pdf(
        "".join(
            text(x, 700 - 14 * n, c)
            for n, row in enumerate(ROWS)
            for x, c in zip([50, 150, 300], row, strict=True)
        )
    )


READ = {
    "docx": word(), "html": page(), "odt": opendocument(), "rtf": rich_text(), "pdf": drawn(),
    "mail": b"From: a@example.org\nTo: b@example.org\nSubject: S\nMIME-Version: 1.0\nContent-Type: text/html\n\n" + page(),
}  # fmt: skip


def rows_of(document: ParsedDocument) -> list[str]:
    (table,) = [block for block in document.blocks if block.kind == "table"]
    return document.text[table.start : table.end].split("\n")


@pytest.mark.parametrize("form", READ)
def test_each_reader_keeps_the_columns_of_a_row(form: str) -> None:
    assert rows_of(parse(READ[form], filename="x")) == WRITTEN


def test_rows_without_names_keep_their_columns_too() -> None:
    sheet = parse(xlsx(("S", [["1|2", 3], [4, 5]])), filename="x")
    assert sheet.text.endswith("1\\|2 | 3\n4 | 5")
    data = parse(b'{"rows": [["a|b", 1], ["c", 2]]}', filename="x.json")
    assert rows_of(data) == [r"a\|b | 1", "c | 2"]
    assert parse(b'1;"2|3"\n4;5\n6;7\n', filename="x.csv").text.split("\n")[0] == r"1 | 2\|3"


def test_a_quote_shows_the_cell_as_it_was() -> None:
    document = parse(READ["docx"], filename="x")
    (table,) = document.blocks
    passage = Passage(
        "d:1:0", "d", 1, 0, "", document.text, 0, len(document.text), 1.0,
        headers=((table.start, table.start + table.header),),
    )  # fmt: skip
    start = document.text.index("a\\|b")
    cells = TableRows(passage).cells(start, document.text.index("\n", start))

    assert cells == [("Key", "a|b"), ("Means", "either | or"), ("Since", "2020")]


def test_a_row_that_stands_within_a_sentence_has_no_strokes() -> None:
    assert listed(row_line(["Sales", "a|b", ""])) == "Sales, a|b"
