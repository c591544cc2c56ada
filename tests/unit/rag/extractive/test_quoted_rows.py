"""Quotes from tables: one row, shown with the names of its columns, and exact in its citation."""

import pytest

from rag.documents import Part, Passage
from rag.extractive.extractive import ExtractiveAnswer, ExtractiveGenerator
from rag.in_memory_ports.embedder import HashingEmbedder
from rag.text.table_rows import TableRows, written

HOURS = "Workshop | Monday | Tuesday | Thursday"
ROWS = "Wood | 8-12 | 13-17 |\nMetal |  | 9-15 | 10-14\nGlass |  |  | 8-11"


def passage(
    text: str, *, header: str = "", context: str = "", start: int = 0, title: str = ""
) -> Passage:
    at = start + text.index(header)
    headers = ((at, at + len(header)),) if header else ()
    return Passage(
        "d:1:0", "d", 1, 0, title, text, start, start + len(text), 1.0, context=context,
        headers=headers,
    )  # fmt: skip


def asked(question: str, *passages: Passage) -> ExtractiveAnswer:
    return ExtractiveGenerator(HashingEmbedder()).answer(question, passages)


def shown(rows: TableRows, start: int, end: int) -> str | None:
    cells = rows.cells(start, end)
    return None if cells is None else written(cells)


@pytest.mark.parametrize(
    "source",
    [
        passage(f"The workshops are open.\n\n{HOURS}\n{ROWS}", header=HOURS, start=40),
        passage(ROWS, context=HOURS, start=40),
    ],
    ids=["below its header", "cut off from it"],
)
def test_a_row_is_quoted_alone_and_shown_with_its_columns(source: Passage) -> None:
    answer = asked("When is the metal workshop open on Thursday?", source)

    assert answer.text.startswith("Workshop: Metal; Tuesday: 9-15; Thursday: 10-14 [1]")
    assert answer.citations[0].quote == "Metal |  | 9-15 | 10-14"
    place = slice(answer.citations[0].start - 40, answer.citations[0].end - 40)
    assert source.text[place] == answer.citations[0].quote
    assert not any("Workshop |" in citation.quote for citation in answer.citations)


def test_the_names_of_the_cells_that_are_filled_speak_for_a_row() -> None:
    answer = asked("What is open on Monday?", passage(ROWS, context=HOURS))

    assert [citation.quote for citation in answer.citations] == ["Wood | 8-12 | 13-17 |"]


def test_the_header_of_a_table_in_markdown_is_known_by_its_rule() -> None:
    table = (
        "| Plan | Users | Price per month |\n|:--|---|--:|\n"
        "| Solo | 1 | 9 EUR |\n| Team | 10 | 49 EUR |"
    )

    answer = asked("What does the Team plan cost per month?", passage(f"Our plans:\n\n{table}"))

    assert answer.text == "Plan: Team; Users: 10; Price per month: 49 EUR [1]"
    assert answer.answered


def test_of_keys_and_values_the_row_is_quoted() -> None:
    text = "Setting | Value\nPort of the service | 5433\nHost of the service | db.example.org"

    answer = asked("What is the port?", passage(text, header="Setting | Value"))

    assert answer.text == "Setting: Port of the service; Value: 5433 [1]"


def test_rows_without_a_header_are_shown_without_strokes() -> None:
    text = "Port of the service | 5433\nHost of the service | db.example.org"

    answer = asked("What is the port?", passage(text))

    assert answer.text == "Port of the service: 5433 [1]"
    assert answer.citations[0].quote == "Port of the service | 5433"


def test_records_and_log_lines_are_quoted_one_by_one() -> None:
    records = (
        "number: 4136; site: Riga; limit: 500; remark: none\n"
        "number: 4137; site: Split; limit: 36000; remark: Ring twice. Wait."
    )
    log = (
        "2025-03-04 12:00:01 ERROR pump 7 stopped because of low pressure in the main line of it\n"
        "2025-03-04 12:05:01 INFO pump 7 started again. The operator on duty had looked at it all\n"
        "2025-03-04 13:15:44 ERROR pump 9 stopped because of a broken coupling behind the motor"
    )

    customer = asked("What is the limit of number 4137?", passage(records))
    pump = asked("Why did pump 9 stop?", passage(log))

    assert [one.quote for one in customer.citations] == [records.split("\n")[1]]
    assert [one.quote for one in pump.citations] == [log.split("\n")[2]]


def test_rows_that_hold_as_much_of_the_question_are_quoted_together() -> None:
    text = "Lathe | Hall 4\nMill | Hall 4\nDrill | Hall 5"

    answer = asked("Which machines are in hall 4?", passage(text, context="Machine | Place"))

    assert [one.quote for one in answer.citations] == ["Lathe | Hall 4", "Mill | Hall 4"]


def test_a_setting_in_the_first_line_is_no_heading() -> None:
    answer = asked("Which port is used?", passage("port: 5433\nhost: db.example.org"))

    assert answer.citations[0].quote == "port: 5433"


def test_where_there_is_only_a_header_it_is_quoted() -> None:
    answer = asked("Which plans are there?", passage("Plan | Price", header="Plan | Price"))

    assert answer.citations[0].quote == "Plan | Price"


def test_of_a_wide_row_the_columns_are_shown_that_were_asked_for() -> None:
    names = " | ".join(
        ["Customer", *(f"A rather long name of column {n}" for n in range(40)), "Town"]
    )
    row = " | ".join(["Petit", *map(str, range(40)), "Split"])

    answer = asked("In which town is Petit?", passage(row, context=names))

    assert answer.text == "Customer: Petit; Town: Split [1]"
    assert answer.citations[0].quote == row


def test_a_part_of_a_long_record_is_shown_with_its_first_field() -> None:
    filler = "; ".join(f"remark number {n}: nothing was said about it" for n in range(9))
    records = [f"number: {n}; {filler}; credit limit: {n}000" for n in (4136, 4137, 4138)]

    answer = asked("What is the credit limit of number 4137?", passage("\n".join(records)))

    assert answer.text.startswith("number: 4137; remark number")
    assert "credit limit: 4137000" in answer.text.partition(" [1]")[0]


def test_what_leads_to_a_table_leads_to_all_its_rows() -> None:
    text = f"Opening hours of the workshops:\n\n{HOURS}\n{ROWS}"

    answer = asked("On which day is the glass workshop open?", passage(text, header=HOURS))

    assert [one.quote for one in answer.citations] == ["Glass |  |  | 8-11"]


@pytest.mark.parametrize(
    ("question", "first"),
    [("Which plan includes visits?", "Premium"), ("Which plan has no visits?", "Basic")],
)
def test_what_a_column_denies_speaks_for_a_row_only_where_the_question_denies(
    question: str, first: str
) -> None:
    rows = "Basic | mail; backup | visits\nPremium | mail; visits | hardware"

    answer = asked(question, passage(rows, context="Plan | Included | Not included"))

    assert answer.citations[0].quote.startswith(first)


def test_a_column_of_numbers_called_no_denies_nothing() -> None:
    rows = "4136 | Riga\n4137 | Split\n4138 | Turku"

    answer = asked("Where is customer 4137?", passage(rows, context="Customer no. | Site"))

    assert [one.quote for one in answer.citations] == ["4137 | Split"]


# What is shown ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "row", "told"),
    [
        ("A | B | C", "1 | 2 | 3", "A: 1; B: 2; C: 3"),
        ("A | B | C", "1 |  | 3", "A: 1; C: 3"),
        (" | B | C", "1 | 2 | 3", "1; B: 2; C: 3"),
        ("| A | B |", "1 | 2", "A: 1; B: 2"),
        ("A | B", "| 1 | 2 |", "A: 1; B: 2"),
        ("A | B", "a \\| b | 2", "A: a | b; B: 2"),
        ("2024 | 2024 | \nQ1 | Q2 | Sum", "1 | 2 | 3", "2024 Q1: 1; 2024 Q2: 2; Sum: 3"),
        ("A | B | \u2026", "1 | 2 | 3 | 4", "A: 1; B: 2; 3; 4"),
        ("Name", "Metal", "Name: Metal"),
        ("A | B", "A | B", "A; B"),
        ("A | B", "1 | 2 | 3", None),
        ("A | B | C", "1 | 2", None),
        (" | ", "1 | 2", None),
    ],
)
def test_a_row_is_shown_with_the_names_that_fit_it(header: str, row: str, told: str) -> None:
    assert shown(TableRows(passage(row, context=header)), 0, len(row)) == told


def test_a_part_of_a_row_is_shown_with_what_the_row_is_about() -> None:
    row = "Metal | by appointment, ring twice | 10-14"
    rows = TableRows(passage(row, context="Workshop | Remark | Hours"))

    assert (
        shown(rows, row.index("ring"), len(row))
        == "Workshop: Metal; Remark: ring twice; Hours: 10-14"
    )
    assert shown(rows, 0, 10) == "Workshop: Metal; Remark: by"


def test_a_table_ends_with_a_blank_line_and_another_begins_with_its_header() -> None:
    text = f"{ROWS}\n\nWe | they\n\nHall | Head\n4 | Petit"
    rows = TableRows(passage(text, context=HOURS, header="Hall | Head"))

    def row(line: str) -> str | None:
        return shown(rows, text.index(line), text.index(line) + len(line))

    assert row("Glass |  |  | 8-11") == "Workshop: Glass; Thursday: 8-11"
    assert row("We | they") is None
    assert rows.is_header(text.index("Hall"), text.index("Head") + 4)
    assert row("4 | Petit") == "Hall: 4; Head: Petit"


def test_each_chunk_of_a_joined_passage_has_its_own_header() -> None:
    text = "1 | 2\n3 | 4"
    joined = Passage(
        "d:1:0", "d", 1, 0, "", text, 10, 21, 1.0, context="A | B",
        parts=(Part("d:1:0", 10, 15, 1.0, "A | B"), Part("d:1:1", 16, 21, 0.5, "C | D")),
    )  # fmt: skip

    rows = TableRows(joined)

    assert (shown(rows, 0, 5), shown(rows, 6, 11)) == ("A: 1; B: 2", "C: 3; D: 4")
