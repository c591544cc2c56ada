"""Markdown: the source without what programs alone read; tables with their header."""

import base64
import random

import pytest

from adapters.parsing.formats import parse
from rag.documents import ParsedDocument

PICTURE = "data:image/png;base64," + base64.b64encode(random.Random(3).randbytes(900)).decode()


def read(source: str) -> ParsedDocument:
    return parse(source.encode(), filename="a.md")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (f"See ![Front view]({PICTURE}) here.", "See Front view here."),
        (f'See ![Front]({PICTURE} "A title") here.', "See Front here."),
        (f"See ![]({PICTURE}) here.", "See  here."),
        (f"See ![image001.png]({PICTURE}) here.", "See  here."),
        (f"A [file]({PICTURE}) here.", "A file here."),
        (f"![Logo][l] and ![l].\n\n[l]: {PICTURE}\n", "Logo and l.\n\n"),
        (f'See <img alt="Panel" src="{PICTURE}"> here.', "See Panel here."),
        ("![Cell](attachment:x.png) here.", "Cell here."),
        ("One <b>bold</b> word<br>and H<sub>2</sub>O.", "One bold word\nand H2O."),
        ("<!-- note -->Text <script>var x</script>end.", "Text end."),
        ("`<b>code</b>` and List<T>, <https://a.example>.",) * 2,
        ("a < b and c > d",) * 2,
        ("[ref]: https://a.example",) * 2,
        ("```\n<b>kept</b>\n```\n\n<i>x</i>", "```\n<b>kept</b>\n```\n\nx"),
    ],
)
def test_addresses_of_data_and_tags_leave_their_words(source: str, text: str) -> None:
    assert read(source).text == text


def test_blocks_are_those_of_the_text_that_is_left() -> None:
    document = read(f'<h1 align="center">\n  Name\n</h1>\n\n![a]({PICTURE})\n\n<p>Last</p>\n')

    assert document.title == "Name"
    assert [document.text[b.start : b.end] for b in document.blocks] == ["# Name", "a", "Last"]
    assert any("Encoded data" in note for note in document.notes)


def test_the_header_of_a_table_is_its_names_and_the_rule_below() -> None:
    document = read("Text\n\n| a | b |\n|---|:-:|\n| 1 | 2 |\n")
    table = document.blocks[1]

    assert table.kind == "table"
    assert document.text[table.start : table.start + table.header] == "| a | b |\n|---|:-:|\n"


def test_a_table_of_html_becomes_one_of_markdown() -> None:
    document = read(
        "Up\n\n<table><tr><th>a<th>b</tr><tr><td>1<td><ul><li>p<li>q</ul></table>\n\nEnd"
    )
    table = document.blocks[1]

    assert table.kind == "table"
    assert document.text[table.start : table.end] == "| a | b |\n|---|---|\n| 1 | p; q |"


def test_soft_hyphens_are_neither_in_the_text_nor_in_the_title() -> None:
    document = read("# Ver\xadwal\xadtung\n\nDie Ge\xadbühr.\n")

    assert document.title == "Verwaltung"
    assert document.text == "# Verwaltung\n\nDie Gebühr.\n"


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece", ["<style>", "<table>", '<a "', "![x](data:a ", "` `` ```", "<!--"]
)
def test_what_is_never_closed_is_read_in_time(piece: str) -> None:
    read("Text.\n\n" + piece * 10_000)
