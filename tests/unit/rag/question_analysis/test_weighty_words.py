"""What a question is about, and what of it a text holds."""

import pytest

from rag.question_analysis.named_things import day_of_range, others_alone
from rag.question_analysis.weighty_words import abbreviates, folded, holds, weighty_words


def words(question: str, *languages: str) -> list[str]:
    return [word.text for word in weighty_words(question, languages or ("en",))]


def names(question: str, *languages: str) -> list[str]:
    return [word.text for word in weighty_words(question, languages or ("en",)) if word.name]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What does the cargo bike cost?", ["cargo", "bike"]),
        ("Who is the head of the archive?", ["head", "archive"]),
        ("Wie hoch ist die Miete für den Keller?", ["miete", "keller"]),
        ("¿Cuánto cuesta la entrada?", ["entrada"]),
        ("Combien coûte l'entrée ?", ["entree"]),
        ("What happened in 1902?", []),
        ("Who are they?", ["who"]),
    ],
)
def test_words_that_ask_or_join_weigh_nothing_unless_there_are_no_others(
    question: str, expected: list[str]
) -> None:
    assert words(question, "en", "de", "es", "fr") == expected


@pytest.mark.parametrize(
    ("question", "languages", "expected"),
    [
        ("Who is the CEO of Birch Cycles?", ("en",), ["ceo", "birch", "cycles"]),
        ("Where does Łucja live?", ("en",), ["łucja"]),
        ("NASA opened what?", ("en",), ["nasa"]),
        ("Wer ist der Leiter der Werkstatt?", ("de",), []),
        ("Wann kommt die Bestellung von Frau Okoro?", ("de",), ["okoro"]),
        ("Who is IT support?", ("en",), ["it"]),
        ("Are you open on Sunday?", ("en",), ["sunday"]),
        ("What was paid on 3 May 2024?", ("en",), []),
    ],
)
def test_names_have_capitals_where_other_words_have_none(
    question: str, languages: tuple[str, ...], expected: list[str]
) -> None:
    assert names(question, *languages) == expected


@pytest.mark.parametrize(
    ("word", "text", "language"),
    [
        ("delivery", "Deliveries take two days.", "en"),
        ("holidays", "a holiday home", "en"),
        ("Muñoz", "Señora Munoz", "en"),
        ("Munoz", "Señora Muñoz", "en"),
        ("Müller's", "Hans Müller", "en"),
        ("Urlaub", "der Jahresurlaub", "de"),
        ("Urlaubstage", "29 Tage Jahresurlaub", "de"),
        ("timeout", "session_timeout_minutes", "en"),
        ("gas", "natural gas", "en"),
    ],
)
def test_a_word_in_another_form_is_there(word: str, text: str, language: str) -> None:
    (found,) = weighty_words(f"the {word}", (language,))

    assert holds(folded(text), found, (language,))


@pytest.mark.parametrize(
    ("word", "text"), [("CEO", "oceonic"), ("tram", "train"), ("gas", "Vegas")]
)
def test_another_word_is_not_there(word: str, text: str) -> None:
    (found,) = weighty_words(f"the {word}", ("en",))

    assert not holds(folded(text), found, ("en",))


def test_an_abbreviation_is_there_where_its_name_is_written_out() -> None:
    (known, unknown) = weighty_words("the RNLI, the XQLI", ("en",))
    text = "It was given to the Royal National Lifeboat Institution."

    assert abbreviates(known, [text])
    assert not abbreviates(unknown, [text])


@pytest.mark.parametrize(
    ("question", "text", "expected"),
    [
        ("Why did pump 8 stop?", "pump 7 stopped. pump 9 stopped.", True),
        ("Why did pump 9 stop?", "pump 7 stopped. pump 9 stopped.", False),
        ("Why did Pump #09 stop?", "pump 9 stopped.", False),
        ("Why did pump 8 stop?", "The pumps stopped.", False),
        ("How wide is size XL?", "Size: S; Width: 40\nSize: M; Width: 44", True),
        ("How wide is size M?", "Size: S; Width: 40\nSize: M; Width: 44", False),
        ("What happened in 1902?", "In 1811 it was sold, in 1905 again.", False),
        ("What was paid on 3 May 14?", "May 7", False),
    ],
)
def test_things_of_a_kind_without_the_one_that_is_asked_for(
    question: str, text: str, expected: bool
) -> None:
    assert others_alone(question, [text]) is expected


@pytest.mark.parametrize(
    ("day", "text", "expected"),
    [
        ("wednesday", "tuesday to friday 9-18", True),
        ("sunday", "tuesday to friday 9-18", False),
        ("wed", "tue-fri", True),
        ("samstag", "montag bis freitag", False),
        ("mittwoch", "montag bis freitag", True),
        ("jueves", "de lunes a viernes", True),
        ("sunday", "open daily from 9", True),
        ("holm", "open daily from 9", False),
    ],
)
def test_a_day_is_there_where_a_range_of_days_has_it(day: str, text: str, expected: bool) -> None:
    assert day_of_range(day, [text]) is expected
