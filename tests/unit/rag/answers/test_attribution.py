"""What the sentences of a text rest on, by the words that they have in common with passages."""

from rag.answers.attribution import attributed
from rag.documents import Passage

LOG = "The calibration log hangs beside the door. It is blue. Nobody reads it."
DOORS = "Doors are repainted each spring. The door of the hall is green."


def passage(n: int, text: str, **more: str) -> Passage:
    return Passage(
        chunk_id=f"d{n}:1:0", document_id=f"d{n}", generation=1, n=0, title="", text=text,
        start=100 * n, end=100 * n + len(text), score=1 - n / 10, **more,
    )  # fmt: skip


PASSAGES = [passage(0, LOG), passage(1, DOORS)]


def test_each_sentence_rests_on_the_passage_that_says_it() -> None:
    text = "The log hangs beside the door. Doors are repainted every spring!"
    first, second = attributed(text, PASSAGES)

    assert (text[: first.at], first.citation.source) == ("The log hangs beside the door.", 0)
    assert first.citation.quote == "The calibration log hangs beside the door."
    assert (second.at, second.citation.source) == (len(text), 1)
    assert (second.citation.start, second.citation.marker) == (100, 2)


def test_what_no_passage_says_rests_on_none() -> None:
    assert attributed("I am quite sure. The moon is made of cheese. Yes.", PASSAGES) == ()
    assert attributed("", PASSAGES) == ()
    assert attributed("The log hangs beside the door.", []) == ()


def test_one_word_in_common_is_not_enough() -> None:
    assert attributed("Door.", PASSAGES) == ()
    assert attributed("A door may lead to many rooms, says an old proverb.", PASSAGES) == ()


def test_of_equals_the_first_one_counts() -> None:
    (one,) = attributed("The hall has a green door.", [passage(0, DOORS), passage(1, DOORS)])

    assert one.citation.source == 0


def test_words_are_compared_as_the_passages_language_has_them() -> None:
    german = passage(0, "Die Kalibrierung hängt neben der blauen Tür.", language="de")
    (one,) = attributed("Neben der Tür hängt die Kalibrierung.", [german])

    assert one.citation.quote == german.text
