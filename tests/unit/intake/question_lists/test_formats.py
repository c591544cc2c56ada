"""What of a table or of lines becomes a question, and where it is said to stand."""

import pytest

from intake.question_lists.formats import Entry, from_csv, from_lines, from_text
from rag.errors import InvalidRequest


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_is_cut_by_what_its_first_row_is_cut_by(delimiter: str) -> None:
    table = f'ID{delimiter} Question \n7{delimiter}"Why, and how; when?"\n'

    assert list(from_csv(table.encode())) == [
        Entry("row 2", {"id": "7", "question": "Why, and how; when?"})
    ]


def test_rows_are_counted_as_a_spreadsheet_counts_them() -> None:
    table = b'question\r\n"two\r\nlines"\r\n,\r\n\r\nlast\r\n'

    assert [(entry.where, entry.value) for entry in from_csv(table)] == [
        ("row 2", {"question": "two\r\nlines"}), ("row 5", {"question": "last"}),
    ]  # fmt: skip


def test_cells_become_what_their_fields_are() -> None:
    table = (
        'question,top_k,temperature,filters,deadline_s,note,\nWhy?,3,0.5,"{""year"": 1}",soon,x,\n'
    )
    (entry,) = from_csv(table.encode())

    assert entry.value == {
        "question": "Why?", "top_k": 3, "temperature": 0.5, "filters": {"year": 1},
        "deadline_s": "soon", "note": "x",
    }  # fmt: skip


def test_a_table_without_rows_has_no_questions_and_one_without_anything_no_columns() -> None:
    assert list(from_csv(b"question\n")) == []
    with pytest.raises(InvalidRequest, match="row 1"):
        list(from_csv(b""))


def test_lines_are_counted_with_the_blank_ones() -> None:
    first, second = from_lines(b'\xef\xbb\xbf\n{"question": "Why?"}\r\n  \n[')

    assert first == Entry("line 2", {"question": "Why?"})
    assert (second.where, second.error[:12]) == ("line 4", "is not JSON:")


@pytest.mark.parametrize("told", ["1.5", "-1", "1_000", "\u0661", "9" * 19, "", "nan"])
def test_what_is_no_number_is_left_to_its_field(told: str) -> None:
    assert from_text("top_k", told, "top_k") == told
