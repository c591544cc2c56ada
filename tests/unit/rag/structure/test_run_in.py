"""Titles on the line of what they head lead it, and are no quotes; steps and answers are none."""

import pytest

from rag.chunking.pieces import pieces
from rag.documents import Passage
from rag.extractive.extractive import ExtractiveGenerator
from rag.in_memory_ports.embedder import HashingEmbedder
from rag.structure.headings import Standing

MINUTES = (
    "Committee of the rowing club\n"
    "1. Boat house. The roof is mended in June. Costs: 920 euros.\n"
    "2. Summer regatta. Mr Dunn organises the regatta on 9 August.\n"
    "3. Bar. A pint rises from 3.10 to 3.40 euros.\n"
)


def paths(text: str) -> dict[str, tuple[str, ...]]:
    passage = Passage("d:1:0", "d", 1, 0, "", text, 0, len(text), 1.0, language="en")
    spans, standing = pieces(text), Standing(passage)
    found = {}
    for (start, end), following in zip(spans, [*spans[1:], None], strict=True):
        if not standing.read(start, end, following):
            found[text[start:end]] = standing.path
    return found


def answer(question: str, text: str) -> str:
    passage = Passage("d:1:0", "d", 1, 0, "", text, 0, len(text), 1.0, language="en")
    return ExtractiveGenerator(HashingEmbedder()).answer(question, [passage]).text


def test_a_numbered_title_stands_above_the_rest_of_its_line() -> None:
    found = paths(MINUTES)

    assert found["Costs: 920 euros."][-1] == "1. Boat house"
    assert found["A pint rises from 3.10 to 3.40 euros."][-1] == "3. Bar"
    assert not any(piece.endswith(("house.", "Bar.")) for piece in found)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("Parking. Visitors may park behind it.", ("Parking",)),
        ("- Lost property. Ask at the desk for it.", ("Lost property",)),
        ("**Parking** Visitors may park behind it.", ("Parking",)),
        ("**Parking.** Visitors may park behind it.", ("Parking",)),
        ("4. Terms of payment.\nThe rent is due on the first.", ("4. Terms of payment",)),
    ],
)
def test_a_title_may_be_in_bold_or_alone(text: str, path: tuple[str, ...]) -> None:
    assert list(paths(text).values()) == [path]


@pytest.mark.parametrize(
    "text",
    [
        "Yes. Visitors may park behind it.",
        "Dogs are allowed. Cats need a permit of the landlord.",
        "1. Press the button. The light turns blue.",
        "1. Ger\u00e4t ausschalten. Danach k\u00fchlt es ab.",
        "1. Dogs are allowed. Cats need a permit.",
        "It rained. The river rose by a metre.",
        "**Anna** saw the river. It rose by a metre.",
        "Smoke.",
    ],
)
def test_sentences_steps_and_answers_are_no_titles(text: str) -> None:
    found = paths(text)

    assert len(found) == len(pieces(text))
    assert set(found.values()) == {()}


def test_a_title_ends_with_its_paragraph() -> None:
    text = "Parking. Visitors may park behind it.\n\nThe bell rings at nine in the morning."

    assert paths(text)["The bell rings at nine in the morning."] == ()


def test_it_goes_on_over_a_line_that_the_margin_broke() -> None:
    long = "Visitors may park behind the house for as long as two hours every day of the week."
    text = f"Parking. {long}\nTheir cards are at the desk."

    assert paths(text)["Their cards are at the desk."] == ("Parking",)


def test_the_sentence_is_quoted_and_not_its_title() -> None:
    told = answer("Who organises the summer regatta?", MINUTES)

    assert told == "2. Summer regatta: Mr Dunn organises the regatta on 9 August. [1]"


def test_what_stands_under_another_title_is_left_out() -> None:
    assert "920" not in answer("What does a pint cost?", MINUTES)
