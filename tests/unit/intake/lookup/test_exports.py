"""Files of answers: nothing in a table is run, nothing in lines of JSON is changed."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from intake.lookup.exports import COLUMNS, export


def row(**told: Any) -> dict[str, Any]:
    shown = {"n": 1, "id": "1", "question": "Why?", "state": "succeeded", "citations": []}
    return shown | dict.fromkeys(("answer", "answered", "confidence", "why")) | told


def cells(shown: dict[str, Any]) -> dict[str, str]:
    data = b"".join(export([shown], "csv")).decode("utf-8-sig")
    return next(csv.DictReader(io.StringIO(data, newline="")))


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff20"])
@pytest.mark.parametrize("column", ["id", "question", "answer"])
def test_no_cell_begins_as_a_formula_does(first: str, column: str) -> None:
    text = f"{first}cmd|' /C calc'!A0"

    assert cells(row(**{column: text}))[column] == f"'{text}"
    assert orjson.loads(b"".join(export([row(**{column: text})], "jsonl")))[column] == text


def test_names_of_documents_and_reasons_of_errors_are_no_formulas_either() -> None:
    error = {"type": "x", "title": "=1", "detail": "2"}
    told = cells(row(citations=[{"document_id": "=1+1.pdf", "page": None}], error=error))

    assert (told["sources"], told["error"]) == ("'=1+1.pdf", "'=1: 2")


def test_a_table_without_questions_has_its_columns() -> None:
    data = b"".join(export([], "csv")).decode("utf-8-sig")

    assert list(csv.reader(io.StringIO(data))) == [list(COLUMNS)]


def test_cells_say_what_the_row_does() -> None:
    citations = [
        {"document_id": "a.pdf", "page": 4, "page_label": "iv"},
        {"document_id": "b.xlsx", "page": 1, "page_label": "Prices", "page_kind": "sheet"},
        {"document_id": "a.pdf", "page": 4, "page_label": "iv"},
    ]
    told = cells(row(answered=False, confidence=0.25, answer='say "x",\ny', citations=citations))

    assert told["sources"] == "a.pdf, page iv; b.xlsx, sheet Prices"
    assert (told["answered"], told["confidence"]) == ("no", "0.25")
    assert told["answer"] == 'say "x",\ny'
    assert cells(row(note="Only its state is known."))["error"] == "Only its state is known."


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_long_file_comes_in_pieces_and_no_more_rows_are_read_than_they_need(form: str) -> None:
    read: list[int] = []

    def rows() -> Iterator[dict[str, Any]]:
        for n in range(1_000):
            read.append(n)
            yield row(n=n, answer="x" * 1_000)

    pieces = export(rows(), form)
    first = next(pieces)

    assert len(read) < 70
    assert len(first + b"".join(pieces)) > 1_000_000
    assert read == list(range(1_000))
