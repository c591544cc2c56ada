"""Rows, log lines, settings and code: each line is a quote of its own, wrapped prose is not."""

import pytest

from rag.text.sentences import sentence_spans

ROWS = {
    "a CSV file with semicolons": [
        "number;site;lead time in days;credit limit;contact;remark",
        "4000;Aarhus;3;500;first.contact@example.org;none",
        '4007;Halle;6;1000;other.contact@example.org;"Ring twice; wait. Then knock."',
        "4008;Izmir;13;7500;third.contact@example.org;none",
    ],
    "a CSV file with commas": [
        "number,site,lead time in days,credit limit,contact",
        '4000,Aarhus,3,500,"Smith, John. Or his deputy, if there is one"',
        "4007,Halle,6,1000,other.contact@example.org",
    ],
    "two columns with a comma": [
        "the longest name of a column that there is,value",
        "the second longest name of a column there is,7",
    ],
    "numbers alone": [
        "1.5,2.5,3.5,4.5,5.5,6.5,7.5,8.5,9.5,10.5,11.5",
        "20,30,40,50,60,70,80,90,100,110,120",
    ],
    "tabs": [
        "Number of the part\tName of the part in the catalogue",
        "17-4711-B\tA coupling between motor and pump. New.",
        "17-4712-B\tA seal",
    ],
    "a table with empty cells": [
        "Workshop | Monday | Tuesday | Wednesday | Thursday",
        "Metal |  | 9-15, by appointment. Ring twice. |  | 10-14",
        "Glass |  |  |  | 8-11",
    ],
    "rows with merged cells": [
        "| Country | Capital | Population | Language |",
        "| Both of these | have the same | population |",
        "| Norway | Oslo | 5,500,000 | Norwegian |",
    ],
    "a list with a blank behind each comma": [
        "Aarhus, Denmark, the second largest city, 290000",
        "Bergen, Norway, the second largest city, 289000",
        "Cork, Ireland, the second largest city, 224000",
    ],
    "records": [
        "number: 4137; site: Split; lead time (days): 42; remark: Ring twice. Wait.",
        "number: 4138; site: Turku; lead time (days): 7; remark: none",
    ],
    "a log": [
        "2025-03-04 12:00:01 ERROR pump 7 stopped. The pressure in the main line of hall 2 was low",
        "2025-03-04 12:05:01 INFO pump 7 started again, by hand, by the operator who was on duty",
        "2025-03-04 13:15:44 ERROR pump 9 stopped because of a coupling that had been broken",
    ],
    "a log of the system": [
        "Mar  4 12:00:01 hall2 pumpd[441]: pump 7 stopped because the pressure was too low for it",
        "Mar  4 12:05:01 hall2 pumpd[441]: pump 7 started again. It was started by hand, they say",
    ],
    "a log of requests": [
        '192.0.2.1 - - [10/Oct/2025:13:55:36 +0200] "GET /index.html HTTP/1.1" 200 2326 "-" "curl"',
        '192.0.2.7 - anna [10/Oct/2025:13:55:37 +0200] "GET / HTTP/1.1" 404 12 "-" "Mozilla 5.0"',
    ],
    "a log that begins with brackets": [
        "[04.03.2025 12:00:01] pump 7 stopped because the pressure in the main line was too low",
        "[04.03.2025 12:05:01] pump 7 started again after the operator on duty had looked at it",
    ],
    "seconds since 1970": [
        "1741089601.223 pump 7 stopped because the pressure in the main line of hall 2 was low",
        "1741089901.001 pump 7 started again after the operator on duty had looked at it twice",
    ],
    "a timetable": [
        "10:30 Coffee in the great hall, and the opening of the exhibition by the mayor",
        "11:00 The first talk, on bridges and on what the weight of the trains does to them",
    ],
    "levels": [
        "ERROR pump 7 stopped because the pressure in the main line of hall 2 was too low for it",
        "INFO pump 7 started again after the operator on duty had looked at it and done nothing",
    ],
}  # fmt: skip
LINES = {
    "settings": [
        "name: a service that does a lot for the people who use it",
        "port: 5433, which is not the port that everybody expects",
        "host_name = the host on which it runs when it runs at all",
        "path=/srv/service/with/a/very/long/path/to/its/own/folder",
    ],
    "facts of a page": [
        "Opening hours in summer: from nine to five on all working days",
        "Person to speak to: Ms Petit, who has the key to the mill",
    ],
    "code": [
        "def close(valve, pressure, temperature, operator_on_duty):",
        "return valve.close(pressure) and operator_on_duty.tell(valve)",
        "for item in some_collection_of_items(): print(item.name)",
    ],
    "code with braces": [
        "static long backoff(int attempt) { return 250L << attempt; }",
        "boolean shouldRetry(HTTPResponse response) {",
        "return response.status() >= 500 && attempts < MAX_ATTEMPTS;",
        "}",
    ],
    "markup": [
        '<meta name="viewport" content="width=device-width, initial-scale=1.0">',
        "<title>The pumps of hall 2, and what is wrong with them</title>",
    ],
}


@pytest.mark.parametrize("lines", (ROWS | LINES).values(), ids=(ROWS | LINES).keys())
def test_each_line_is_one_span(lines: list[str]) -> None:
    text = "\n".join(lines)

    assert [text[start:end] for start, end in sentence_spans(text)] == lines


@pytest.mark.parametrize(
    "row",
    [
        "Metal |  | 9-15, by appointment. Ring twice. |  | 10-14",
        "2025-03-04 12:00:01 ERROR pump 7 stopped. The pressure was low.",
        "number: 4137; site: Split; remark: Ring twice. Wait.",
    ],
)
def test_a_row_without_neighbours_is_one_span(row: str) -> None:
    text = f"The table follows.\n\n{row}\n\nThat was it."

    assert row in [text[start:end] for start, end in sentence_spans(text)]


def test_text_around_rows_is_not_glued_to_them() -> None:
    rows = "Pump of hall 2 | stopped because of a broken coupling\nPump of hall 3 | runs"
    text = f"The state of all the pumps that there are in the works\n{rows}\nis what counts."

    spans = [text[start:end] for start, end in sentence_spans(text)]

    assert spans == text.split("\n")


PROSE = [
    (
        "It was there, and then, as they said, it was not; he\n"
        "was there, and then, as they said, it was; nobody\n"
        "knew, and nobody, as they said, wanted to know it."
    ),
    (
        "The bridge was closed to all traffic of any kind on\n"
        "12.03.1990, by order of the mayor of the city."
    ),
    (
        "The talk that everybody had been waiting for began at\n"
        "10:30 in the great hall, and it was long."
    ),
    (
        "It has three parts that everybody should know of, and\n"
        "note: nobody knows the fourth, which is the\n"
        "longest of all."
    ),
    (
        "There were 1,000 people and 2,5 dogs for each of them\n"
        "and 3,000 horses with 1,5 riders each, they said."
    ),
    (
        "The probability P(A | B) of the event that was seen is\n"
        "smaller than that of the event that was not."
    ),
    (
        "The function f(x), which was looked at in section 3, is\n"
        "return of the other, in the sense of Smith (2003)."
    ),
    "The Amazon (Portuguese: Amazonas; Spanish: el Amazonas; French: Amazone) is a river.",
]


@pytest.mark.parametrize("text", PROSE)
def test_wrapped_prose_is_joined_whatever_its_lines_begin_with(text: str) -> None:
    assert sentence_spans(text) == [(0, len(text))]


def test_prose_with_names_and_colons_is_still_cut_into_sentences() -> None:
    text = (
        "In three languages (Dutch: water; Swedish: vatten; Danish: vand) it is alike. It is wet."
    )

    assert len(sentence_spans(text)) == 2


@pytest.mark.parametrize(
    "crumb",
    [
        "a,b\n",
        "a: b; ",
        "a | ",
        "a\t",
        "a(b ",
        "<a>",
        "a=b\n",
        '"',
        "12:00 ",
        "1;",
        "{\n",
        "a a [1/",
    ],
)
def test_long_texts_of_crumbs_take_linear_time(crumb: str) -> None:
    text = crumb * (300_000 // len(crumb))

    assert sentence_spans(text)[-1][1] == len(text.rstrip())
