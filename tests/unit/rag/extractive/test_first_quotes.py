"""Which piece comes first, and which ones come with it."""

import pytest

from rag.documents import Passage
from rag.extractive.candidates import candidates
from rag.extractive.extractive import ExtractiveGenerator
from rag.extractive.scoring import definitions
from rag.in_memory_ports.embedder import HashingEmbedder


def quotes(question: str, *texts: str, language: str = "en") -> list[str]:
    passages = [
        Passage(f"d{n}:1:0", f"d{n}", 1, 0, "", text, 0, len(text), 1.0, language=language)
        for n, text in enumerate(texts)
    ]
    answer = ExtractiveGenerator(HashingEmbedder()).answer(question, passages)
    return [one.quote for one in answer.citations]


@pytest.mark.parametrize(
    ("question", "language", "about", "other"),
    [
        ("Are cats allowed?", "en", "For cats the manager has to give consent.",
         "Small birds are allowed."),
        ("Sind Katzen erlaubt?", "de", "Bei Katzen entscheidet der Verwalter.",
         "Kleine V\u00f6gel sind im ganzen Haus erlaubt."),
        ("\u00bfEst\u00e1n permitidos los gatos?", "es", "Los gatos necesitan un permiso.",
         "Est\u00e1n permitidos p\u00e1jaros."),
    ],
)  # fmt: skip
def test_what_is_asked_about_weighs_more_than_what_is_said_of_it(
    question: str, language: str, about: str, other: str
) -> None:
    assert quotes(question, f"{other} {about}", language=language)[0] == about


@pytest.mark.parametrize(
    ("question", "language", "definition", "other"),
    [
        ("What is a pinnace?", "en", "A pinnace is a small boat with sails.",
         "When the pilot came, what is a pinnace to some lay at the quay."),
        ("What is a pinnace, and how long is it?", "en", "A pinnace (boat) is small.",
         "Four men row a pinnace."),
        ("Was ist eine Pinasse?", "de", "Eine Pinasse ist ein Beiboot.",
         "Als der Lotse kam, war eine Pinasse da."),
        ("\u00bfQu\u00e9 es una pinaza?", "es", "Una pinaza es un bote.", "Vino una pinaza."),
        ("Qu'est-ce qu'une pinasse ?", "fr", "Une pinasse est un canot.",
         "Il vint avec une pinasse."),
    ],
)  # fmt: skip
def test_a_definition_is_told_from_what_mentions_the_thing(
    question: str, language: str, definition: str, other: str
) -> None:
    text = f"{other} {definition}"
    passage = Passage("d:1:0", "d", 1, 0, "", text, 0, len(text), 1.0, language=language)
    found = candidates(question, [passage], frozenset())

    defined = [one.text for one, there in zip(found, definitions(question, found), strict=True)
               if there]  # fmt: skip
    assert defined == [definition]
    assert quotes(question, text, language=language)[0] == definition


def test_a_heading_that_two_pieces_share_is_no_reason_for_a_second_quote() -> None:
    text = (
        "# Inn\n\n## Emergencies\n\nAt night ring 0555 123 987.\n\n"
        "Rooms that are left after noon are charged."
    )

    assert len(quotes("What is the number for emergencies?", text)) == 1


def test_a_question_of_two_parts_is_answered_from_two_sections() -> None:
    text = (
        "# Inn\n\n## Rooms\n\nThe price of a room is 90 EUR.\n\n"
        "## Boats\n\nThe price of a boat is 40 EUR."
    )

    assert len(quotes("What is the price of a room and of a boat?", text)) == 2
    assert quotes("What is the price of a boat?", text) == ["The price of a boat is 40 EUR."]


def test_where_nothing_answers_one_or_two_pieces_are_shown() -> None:
    texts = [f"The {word} of the tower rings at {n}." for n, word in enumerate(("bell", "gong"), 1)]
    texts += ["The clock of the tower stands still.", "The stair of the tower is steep."]

    far = quotes("Who is the mayor?", *texts)
    assert len(far) == 1
    assert len(quotes("Which painter painted the tower of the town?", " ".join(texts))) <= 2


def test_the_rest_of_a_long_sentence_comes_with_its_beginning() -> None:
    first = "The lamps of the tower " + "and of the long grey wall beside it " * 8 + "are lit,"
    rest = (
        "as the guards "
        + "and all of the others " * 4
        + "of the tower have to see which lamps are lit."
    )
    text = f"{first} {rest}"

    assert set(quotes("Which lamps of the tower are lit?", text)) == {first, rest}


def test_the_field_of_a_form_that_is_asked_for_follows_the_one_that_tells_which_form() -> None:
    form = "Name of the traveller: Runa Teig\nDestination: Bodo\nPurpose: repair of the crane"
    other = "Who painted the boat? Nobody knows."

    assert quotes("Who travelled to Bodo?", form, other) == [
        "Destination: Bodo", "Name of the traveller: Runa Teig",
    ]  # fmt: skip


def test_where_a_reason_is_asked_for_the_next_sentence_follows_one_that_has_none() -> None:
    text = "The ferry stays in port until May. Its engine has to be taken out. Tickets stay good."

    assert quotes("Why does the ferry stay in port?", text) == [
        "The ferry stays in port until May.", "Its engine has to be taken out.",
    ]  # fmt: skip
    assert quotes("Until when does the ferry stay in port?", text) == [
        "The ferry stays in port until May."
    ]
