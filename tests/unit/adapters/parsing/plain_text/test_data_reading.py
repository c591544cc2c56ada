"""Separated values, JSON, notebooks, XML, logs and code: records, entries, definitions."""

import json

import pytest

from adapters.parsing.formats import parse
from rag.documents import ParsedDocument
from rag.errors import NoText
from tests.support.files.parsed_files import blocks


def read(text: str, name: str) -> ParsedDocument:
    return parse(text.encode(), filename=name)


def lines(text: str, name: str = "a.csv") -> list[str]:
    document = read(text, name)
    table = next(block for block in document.blocks if block.kind == "table")
    assert table.header == 0
    return document.text[table.start : table.end].split("\n")


# Separated values


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_each_record_names_its_columns(separator: str, end: str, mark: str) -> None:
    rows = [["no", "town", "due"], ["7", "Ulm", "3"], ["8", "Bonn", "4"]]
    text = mark + "".join(separator.join(row) + end for row in rows)

    assert lines(text) == ["no: 7; town: Ulm; due: 3", "no: 8; town: Bonn; due: 4"]


def test_quotes_are_undone_and_a_quoted_blank_line_ends_no_record() -> None:
    text = 'no;remark;town\n1;"Ring ""twice"".\n\nThen wait; really";Ulm\n2;none;Bonn\n'

    assert lines(text) == [
        'no: 1; remark: Ring "twice". Then wait; really; town: Ulm',
        "no: 2; remark: none; town: Bonn",
    ]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("item;price;town\nA;1,5;Ulm\nB;2,25;Bonn\n", "item: A; price: 1,5; town: Ulm"),
        ("item;price\nA;1,5\nB;2,25\n", "item: A; price: 1,5"),
        ("sep=|\na|b\n1|2\n", "a: 1; b: 2"),
        ('id,text\n1,"say \\"yes\\", ok"\n', 'id: 1; text: say "yes", ok'),
        ("id,,id\n1,x,2\n3,y,4\n", "id: 1; column 2: x; id (2): 2"),
        ("id,name\n1,Ann,more\n", "id: 1; name: Ann; column 3: more"),
        ("id,name,town\n1,,Ulm\n", "id: 1; town: Ulm"),
        ("land;2020;2021\nNRW;7;8\n", "land: NRW; 2020: 7; 2021: 8"),
        ("name,1,2,3\nAnn,8,8,7\n", "name: Ann; 1: 8; 2: 8; 3: 7"),
        ("firm,town,grade\nAcme,Ulm,good\nBeta,Bonn,bad\n", "firm: Acme; town: Ulm; grade: good"),
        ("1,2,3\n4,5,6\n7,8,9\n", "1 | 2 | 3"),
        ("Yes.\tJa.\nNo.\tNein.\nBye.\tTschüs.\n", "Yes. | Ja."),
    ],
)
def test_dialects_and_headers_of_many_kinds(text: str, first: str) -> None:
    assert lines(text)[0] == first


def test_lines_around_the_table_stay_text() -> None:
    text = "Stock on 3 May;;;\n\nno;part;store;left\n1;bolt;A;4\n2;nut;;9\nCounted by Ann\n"

    assert blocks(read(text, "a.csv")) == [
        ("paragraph", "Stock on 3 May"),
        (
            "table",
            "no: 1; part: bolt; store: A; left: 4\nno: 2; part: nut; left: 9\nCounted by Ann",
        ),
    ]


def test_a_quote_that_nobody_closed_does_not_swallow_the_rest() -> None:
    text = 'no,size\n1,"3 inch\n' + "".join(f"{n},x{n}\n" for n in range(2, 900))

    assert lines(text)[-1] == "no: 899; size: x899"


@pytest.mark.parametrize("name", ["a.txt", "a", "export.xls"])
def test_records_are_told_without_their_name(name: str) -> None:
    text = "no;town;due\n7;Ulm;3\n8;Bonn;4\n9;Kiel;5\n"

    assert read(text, name).kind == "table"
    assert lines(text, name)[0] == "no: 7; town: Ulm; due: 3"


@pytest.mark.parametrize(
    "text",
    [
        "Red, green, and blue.\nOne, two, and three.\nHere, there, and gone.\n",
        "A line; another.\nNo more of them here.\nAnd so on; and on.\n",
        "| a | b |\n|---|---|\n| 1 | 2 |\n",
    ],
)
def test_prose_is_no_table(text: str) -> None:
    assert read(text, "a.txt").kind == "text"


# JSON


def test_objects_of_a_list_are_records_with_the_letters_that_are_meant() -> None:
    value = [
        {"id": 1, "name": "Jör\u00e9", "tags": ["a", "b"], "at": {"town": "Köln", "no": None}},
        {"id": 2, "paid": True, "price": 19.90, "parts": [{"n": 1}, {"n": 2}]},
    ]

    assert lines(json.dumps(value), "a.json") == [
        "id: 1; name: Jöré; tags: a, b; at.town: Köln",
        "id: 2; paid: true; price: 19.9; parts[0].n: 1; parts[1].n: 2",
    ]


def test_an_object_is_its_paths_and_the_lists_in_it_tables() -> None:
    value = {"site": {"name": "Ulm", "open": False}, "rows": [{"k": 1}, {"k": 2}], "m": [[1, 2]]}

    assert blocks(read(json.dumps(value), "a.json")) == [
        ("table", "site.name: Ulm\nsite.open: false"),
        ("paragraph", "rows:"),
        ("table", "k: 1\nk: 2"),
        ("paragraph", "m:"),
        ("table", "1 | 2"),
    ]


def test_long_prose_in_json_becomes_paragraphs_without_its_markup() -> None:
    value = [{"id": 1, "body": "<p>" + "Many words. " * 60 + "</p><p>The <b>end</b>.</p>"}]
    document = read(json.dumps(value), "a.json")

    assert blocks(document)[0] == ("table", "id: 1")
    assert blocks(document)[1][1].startswith("body: Many words.")
    assert blocks(document)[2] == ("paragraph", "The end.")


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.txt"])
def test_json_lines_are_records_and_a_line_cut_off_stays(name: str) -> None:
    text = '{"a": 1, "b": "\\u00fc"}\n\n{"a": 2}\n{"a": 3}\n{"a": 4, "b'

    assert lines(text, name) == ["a: 1; b: ü", "a: 2", "a: 3", '{"a": 4, "b']


@pytest.mark.parametrize(
    "text", ["{not json}", '{"a": 1', "[" * 5000 + "]" * 5000, "[1] See below"]
)
def test_what_is_no_json_stays_text(text: str) -> None:
    assert read(text, "a.json").text == text


def test_json_without_values_is_empty() -> None:
    with pytest.raises(NoText, match="JSON"):
        read('{"a": [], "b": null}', "a.json")


def test_numbers_of_json_are_kept_as_they_are_written() -> None:
    text = '{"a": 12345678901234567890123, "b": 1.10, "c": 1e400}'

    assert lines(text, "a.json") == ["a: 12345678901234567890123", "b: 1.10", "c: 1e400"]


# Notebooks


def notebook(*cells: dict[str, object]) -> str:
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def test_a_notebook_is_its_cells_and_what_they_printed() -> None:
    text = notebook(
        {"cell_type": "markdown", "source": ["# Wear\n", "\n", "| a | b |\n|---|---|\n| 1 | 2 |"]},
        {
            "cell_type": "code",
            "source": "wear()\nshow()",
            "outputs": [
                {"output_type": "stream", "text": ["1 %\r50 %\r99 %\n", "\x1b[31mred\x1b[0m\n"]},
                {"data": {"image/png": "iVBO", "text/plain": "<Figure size 6x4>"}},
                {"data": {"text/html": "<b>7</b>", "text/plain": ["7"]}},
                {"output_type": "display_data", "data": {"text/html": "<p>Only <i>here</i></p>"}},
                {"output_type": "error", "ename": "ValueError", "evalue": "worn", "traceback": []},
            ],
        },
        {"cell_type": "raw", "source": "as is"},
    )  # fmt: skip
    document = read(text, "a.txt")

    assert (document.kind, document.title) == ("notebook", "Wear")
    assert blocks(document) == [
        ("heading", "# Wear"),
        ("table", "| a | b |\n|---|---|\n| 1 | 2 |"),
        ("code", "wear()\nshow()"),
        ("code", "99 %\nred"),
        ("code", "7"),
        ("paragraph", "Only here"),
        ("code", "ValueError: worn"),
        ("paragraph", "as is"),
    ]
    assert document.blocks[1].header == len("| a | b |\n|---|---|\n")
    assert any("Pictures" in note for note in document.notes)


def test_a_notebook_of_the_third_format_is_read() -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": "Old"},
        {"cell_type": "code", "input": "x", "outputs": [{"output_type": "pyout", "text": "5"}]},
    ]
    text = json.dumps({"nbformat": 3, "worksheets": [{"cells": cells}]})

    assert blocks(read(text, "a.ipynb")) == [("heading", "Old"), ("code", "x"), ("code", "5")]


@pytest.mark.parametrize("cells", [[], [{"cell_type": "code", "source": []}], ["x", None]])
def test_a_notebook_without_words_is_empty(cells: list[object]) -> None:
    with pytest.raises(NoText, match="notebook"):
        read(json.dumps({"nbformat": 4, "cells": cells}), "a.ipynb")


# XML


def test_repeated_elements_are_records() -> None:
    text = (
        "<?xml version='1.0' encoding='iso-8859-1'?><shop xmlns='urn:x'><name>A &amp; B</name>"
        "<item id='1'><part>nut</part><p>2</p></item><item id='2'><part>bolt</part></item></shop>"
    )

    assert blocks(read(text, "a.xml")) == [
        ("table", "name: A & B"),
        ("paragraph", "item:"),
        ("table", "id: 1; part: nut; p: 2\nid: 2; part: bolt"),
    ]


def test_running_text_in_xml_is_paragraphs_and_headings() -> None:
    text = (
        "<doc><title>T</title><sec><title>S</title><para>One <em>two</em> three.</para></sec></doc>"
    )

    assert blocks(read(text, "a.xml")) == [
        ("heading", "T"),
        ("heading", "S"),
        ("paragraph", "One two three."),
    ]


def test_a_feed_gives_its_entries_without_markup() -> None:
    text = (
        "<rss><channel><item><title>A</title><description><![CDATA[<p>Hi <b>you</b></p>]]>"
        "</description></item><item><title>B</title></item></channel></rss>"
    )

    assert lines(text, "feed.txt") == ["title: A; description: Hi you", "title: B"]


def test_xml_that_is_damaged_stays_text() -> None:
    assert read("<a><b></a>", "a.xml").text == "<a><b></a>"


# Logs


def test_each_entry_of_a_log_is_a_row_with_the_lines_that_go_on_with_it() -> None:
    text = (
        "2031-03-04 12:00:01 ERROR pump 7 stopped\n2031-03-04 12:05:01 INFO pump 7 runs\n\n"
        "2031-03-04 13:15:44 ERROR pump 9 stopped\nTraceback (most recent call last):\n"
        '  File "a.py", line 3, in f\nValueError: worn\n2031-03-04 13:16:00 INFO done\n'
    )

    assert read(text, "pumps.txt").kind == "log"
    assert lines(text, "pumps.txt") == [
        "2031-03-04 12:00:01 ERROR pump 7 stopped",
        "2031-03-04 12:05:01 INFO pump 7 runs",
        (
            "2031-03-04 13:15:44 ERROR pump 9 stopped Traceback (most recent call last): "
            'File "a.py", line 3, in f ValueError: worn'
        ),
        "2031-03-04 13:16:00 INFO done",
    ]


@pytest.mark.parametrize(
    "stamp",
    [
        "2031-01-02T03:04:05.678Z", "[2031-01-02 03:04:05]", "2031/01/02 03:04:05",
        "02.01.2031 03:04:05", "Jan  2 03:04:05 host app[1]:", "[INFO] 2031-01-02 03:04:05,123",
        "ERROR 2031-01-02 03:04:05", "I0102 03:04:05.678901", "03:04:05.678", "[   12.345678]",
        '::1 - - [02/Jan/2031:03:04:05 +0000] "GET /"', "<34>1 2031-01-02T03:04:05Z", "1925000000",
    ],
)  # fmt: skip
def test_many_kinds_of_time_stamps_begin_an_entry(stamp: str) -> None:
    text = "".join(f"{stamp} event {n}\n" for n in range(4))

    assert lines(text, "a.log") == [f"{stamp} event {n}" for n in range(4)]


def test_records_that_begin_with_a_time_are_records_where_a_header_names_them() -> None:
    text = "time,temp,wind\n" + "".join(f"2031-01-0{n} 00:00:00,{n},3\n" for n in range(1, 6))

    assert lines(text, "a.txt")[0] == "time: 2031-01-01 00:00:00; temp: 1; wind: 3"


def test_a_diary_is_no_log() -> None:
    text = "12 May 2031 was nice.\nWe went out.\n\n13 May 2031 too.\nIt rained.\nWe read.\n"

    assert read(text, "diary.txt").kind == "text"


# Code


def test_a_definition_is_a_block_with_its_comment_and_its_blank_lines() -> None:
    text = (
        "import os\n\n# What f does.\n# Twice.\n\ndef f():\n    a = 1\n\n    return a\n"
        "def g():\n    pass\n\n@once\nclass A:\n    x = 1\n\n    def m(self):\n        pass\n"
    )

    assert [piece for _, piece in blocks(read(text, "a.py"))] == [
        "import os",
        "# What f does.\n# Twice.\n\ndef f():\n    a = 1\n\n    return a",
        "def g():\n    pass",
        "@once\nclass A:\n    x = 1\n\n    def m(self):\n        pass",
    ]


def test_a_closing_brace_ends_the_definition_above_it() -> None:
    text = "// F acts.\nfunc F() {\n\n\tact()\n\n}\n\nfunc G() {\n}\n"

    assert [piece for _, piece in blocks(read(text, "a.go"))] == [
        "// F acts.\nfunc F() {\n\n\tact()\n\n}",
        "func G() {\n}",
    ]


def test_a_long_class_falls_into_its_methods() -> None:
    methods = [f"    void m{n}() {{\n        act({n});\n    }}" for n in range(30)]
    text = "class A {\n\n" + "\n\n".join(methods) + "\n\n}\n"
    pieces = [piece for _, piece in blocks(read(text, "A.java"))]

    assert len(pieces) == 31
    assert pieces[1] == methods[0].strip()


# Names that do not fit


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("<!-- saved --><!doctype html><html><body><p>Hi</p></body></html>", "html"),
        ("<div><h1>Hi</h1><p>one</p><p>two</p></div>", "html"),
        ('{"a": {"b": 1}}', "json"),
        ("<feed><entry><id>1</id></entry><entry><id>2</id></entry></feed>", "xml"),
        ("Hello <b>there</b>.\nNo page.\n", "text"),
    ],
)
def test_what_is_named_txt_is_read_as_what_it_is(text: str, kind: str) -> None:
    assert read(text, "a.txt").kind == kind
