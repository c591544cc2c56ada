"""Second and third quotes: only what was asked for and the first one lacks."""

import pytest

from rag.documents import Passage
from rag.extractive.extractive import ExtractiveGenerator
from rag.in_memory_ports.embedder import HashingEmbedder


def quotes(question: str, *texts: str) -> list[str]:
    passages = [
        Passage(f"d{n}:1:0", f"d{n}", 1, 0, "", text, 0, len(text), 1.0, language="en")
        for n, text in enumerate(texts)
    ]
    answer = ExtractiveGenerator(HashingEmbedder()).answer(question, passages)
    return [one.quote for one in answer.citations]


@pytest.mark.parametrize("code", ["LX-4411/B", "LX-4114/B", "LX-4411/C"])
def test_of_sentences_that_differ_in_a_code_one_is_quoted(code: str) -> None:
    things = {"LX-4411/B": "rim", "LX-4114/B": "foot", "LX-4411/C": "shade"}
    texts = [f"Part {one} is the {thing} of the lamp." for one, thing in things.items()]

    assert quotes(f"What is part {code}?", *texts) == [
        f"Part {code} is the {things[code]} of the lamp."
    ]


@pytest.mark.parametrize(
    "question", ["What was paid on 5 March 2031?", "What was paid on 05.03.2031?"]
)
def test_what_is_named_with_figures_is_found_in_another_spelling(question: str) -> None:
    texts = [f"On {day}.03.2031 the sum of {day}00 EUR was paid." for day in ("04", "05", "06")]

    assert quotes(question, *texts) == [texts[1]]


def test_a_question_of_two_parts_has_two_quotes() -> None:
    text = (
        "# Lamps\n\n## Makers\n\nAnn Roe makes the lamps of the tower.\n\n"
        "## Prices\n\nA lamp is 90 EUR in price."
    )

    found = quotes("Who makes the lamps of the tower, and what is the price?", text)

    assert set(found) == {"Ann Roe makes the lamps of the tower.", "A lamp is 90 EUR in price."}


def test_a_neighbour_below_the_same_heading_is_left_out() -> None:
    text = (
        "# Rules\n\n## Illness\n\nCall in sick by seven on the first day.\n"
        "The guards are to call the tower if a bell rings."
    )

    assert quotes("By when must I call in sick?", text) == [
        "Call in sick by seven on the first day."
    ]


def test_settings_that_hold_less_of_the_question_are_left_out() -> None:
    text = "shop.lamp.port: 5455\nshop.bell.port: 6400\nshop.lamp.host: lamp.example"

    assert quotes("Which port has the lamp?", text) == ["shop.lamp.port: 5455"]


def test_a_row_whose_column_says_no_does_not_speak_for_it() -> None:
    text = "room: Oak; lamp: no; seats: 8\nroom: Ash; lamp: yes; seats: 9"

    assert quotes("Which room has a lamp?", text)[0].startswith("room: Ash")


def test_a_sentence_with_a_pronoun_is_about_what_the_one_before_is_about() -> None:
    groups = {"Oak": "blue", "Ash": "grey", "Elm": "red"}
    passages = [
        Passage(f"d{n}:1:0", f"d{n}", 1, 0, name, text, 0, len(text), 1.0, language="en")
        for n, (name, group) in enumerate(groups.items())
        for text in [f"The {name} client runs on steam. Its maintainer is the {group} group."]
    ]

    answer = ExtractiveGenerator(HashingEmbedder()).answer(
        "Which group is the maintainer of Ash?", passages
    )

    assert answer.text == "Ash: Its maintainer is the grey group. [2]"


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Why is the mill shut?", "The mill is shut because of the storm."),
        ("Wie lange ist die M\u00fchle zu?", "Die M\u00fchle ist sechs Tage zu."),
        ("\u00bfCu\u00e1ndo abre el molino?", "El molino abre el 9 de junio."),
        ("What does the mill cost?", "The mill is sold for 900 EUR."),
    ],
)
def test_the_kind_that_is_asked_for_is_quoted_first(question: str, answer: str) -> None:
    other = {"W": "The mill is shut today.", "\u00bf": "El molino abre a veces."}[question[0]]
    other = "\u00a7 1 Die M\u00fchle ist zu." if "M\u00fchle" in question else other

    assert quotes(question, other, answer)[0] == answer


def test_the_first_sentence_below_a_heading_is_no_better_than_the_others() -> None:
    text = "# Lease of the tower\n\nAnn Roe is the owner. The rent of it is 900 EUR a month."

    assert quotes("How high is the rent for the tower?", text)[0].startswith("The rent of it")
