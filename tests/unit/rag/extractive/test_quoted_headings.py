"""What quotes stand under: it speaks for them, and the answer says it where it was asked for."""

import pytest

from rag.documents import Passage
from rag.extractive.extractive import ExtractiveAnswer, ExtractiveGenerator
from rag.in_memory_ports.embedder import HashingEmbedder


def passage(text: str, *, n: int = 0, title: str = "", score: float = 1.0) -> Passage:
    return Passage(f"d{n}:1:0", f"d{n}", 1, 0, title, text, 0, len(text), score, language="en")


def asked(question: str, *passages: Passage) -> ExtractiveAnswer:
    return ExtractiveGenerator(HashingEmbedder()).answer(question, passages)


LAMPS = """# Lamps

## How long is the warranty of the L-20 lamp?

It lasts 18 months.

## How long is the warranty of the L-30 lamp?

It lasts 42 months.
"""


@pytest.mark.parametrize(("lamp", "months"), [("L-20", "18"), ("L-30", "42")])
def test_of_answers_under_sibling_headings_the_one_asked_for_is_quoted_alone(
    lamp: str, months: str
) -> None:
    answer = asked(f"How long is the warranty of the {lamp} lamp?", passage(LAMPS))

    (citation,) = answer.citations
    assert citation.quote == f"It lasts {months} months."
    assert citation.heading == f"Lamps \u203a How long is the warranty of the {lamp} lamp?"
    assert answer.text.endswith(f"{lamp} lamp? It lasts {months} months. [1]")


def test_of_documents_that_say_alike_the_one_asked_for_is_quoted_with_its_title() -> None:
    colours = {"Mill A": "red", "Mill B": "green", "Mill C": "white"}
    texts = [
        passage(f"Its roof is {colour}. Its door is old.", n=n, title=name)
        for n, (name, colour) in enumerate(colours.items())
    ]

    answer = asked("What colour is the roof of Mill B?", *texts)

    assert answer.text.startswith("Mill B: Its roof is green. [2]")
    assert "red" not in answer.text
    assert "white" not in answer.text


SETTINGS = "database:\n  host: db.example\n  port: 5455\ncache:\n  host: c.example\n  port: 6400\n"


@pytest.mark.parametrize(("part", "port"), [("database", "5455"), ("cache", "6400")])
def test_a_setting_is_quoted_with_the_key_that_it_stands_under(part: str, port: str) -> None:
    answer = asked(f"Which port does the {part} have?", passage(SETTINGS))

    assert answer.text == f"{part}: port: {port} [1]"
    assert [(one.quote, one.heading) for one in answer.citations] == [(f"port: {port}", part)]


def test_a_setting_of_a_list_is_quoted_with_the_first_of_its_item() -> None:
    text = "jobs:\n  - name: bills\n    every: 20 minutes\n  - name: letters\n    every: 9 days\n"

    answer = asked("How often does the job letters run?", passage(text))

    assert answer.citations[0].quote == "every: 9 days"
    assert answer.citations[0].heading == "jobs \u203a name: letters"


def test_a_setting_below_a_section_in_brackets_is_quoted_with_it() -> None:
    text = "[server]\nport = 8081\n\n[metrics]\nport = 9192\n"

    assert asked("Which port has metrics?", passage(text)).text == "[metrics]: port = 9192 [1]"


LETTER = """Mill Works
3 Mill Street

Dear Ms Duarte,

thank you for your order. Your lamp comes on 9 June.
The warranty runs until 9 June 2031.

Yours sincerely,
Ann Roe
"""


def test_a_greeting_is_no_answer_and_tells_whom_a_letter_is_to() -> None:
    answer = asked("Until when does Ms Duarte's warranty run?", passage(LETTER))

    assert [one.quote for one in answer.citations] == ["The warranty runs until 9 June 2031."]


@pytest.mark.parametrize(
    ("greeting", "closing"),
    [
        ("Sehr geehrte Frau Duarte,", "Mit freundlichen Gr\u00fc\u00dfen"),
        ("Estimada se\u00f1ora Duarte:", "Atentamente,"),
        ("Ch\u00e8re Madame Duarte,", "Cordialement"),
    ],
)
def test_greetings_of_other_languages_are_no_answers(greeting: str, closing: str) -> None:
    text = f"{greeting}\n\nDuarte 2031.\n\n{closing}\n"

    quotes = [one.quote for one in asked("Duarte?", passage(text)).citations]

    assert greeting not in quotes
    assert closing not in quotes


def test_a_line_of_a_table_of_contents_is_no_answer() -> None:
    text = (
        "Cleaning the lamp ........ 12\nStoring the lamp ........ 14\n\nClean the lamp with water."
    )

    answer = asked("How do I clean the lamp?", passage(text))

    assert [one.quote for one in answer.citations] == ["Clean the lamp with water."]


def test_a_heading_in_the_middle_is_no_second_quote() -> None:
    text = "The lamp has a rim.\n\nThe rim of the lamp\n\nThe rim of the lamp is made of brass."

    answer = asked("What is the rim of the lamp made of?", passage(text))

    assert "The rim of the lamp" not in [one.quote for one in answer.citations]


def test_headings_are_those_that_the_parser_found() -> None:
    text = "Lamps\n\nThe lamp is lit at six.\n\nWhen the lamp is lit\n\nAt nine on Sundays."
    at = text.index("When the lamp is lit")
    known = Passage(
        "d:1:0", "d", 1, 0, "", text, 100, 100 + len(text), 1.0, language="en",
        headings=((100 + at, 100 + at + 20, 2),), section="All lamps",
    )  # fmt: skip

    answer = asked("When is the lamp lit on Sundays?", known)

    assert answer.citations[0].quote == "At nine on Sundays."
    assert answer.citations[0].heading == "All lamps \u203a When the lamp is lit"


def test_an_answer_is_shown_without_markup_and_quoted_exactly() -> None:
    text = "- **E-17**: the *lid* of the lamp is open.\n- **E-18**: the lamp is broken."

    answer = asked("What does E-17 mean?", passage(text))

    assert answer.text == "E-17: the lid of the lamp is open. [1]"
    assert answer.citations[0].quote == "- **E-17**: the *lid* of the lamp is open."
    assert answer.citations[0].shown == "E-17: the lid of the lamp is open."
