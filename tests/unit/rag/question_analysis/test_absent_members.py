"""Absences in structured text: what a question names, and only others of its kind are there."""

import pytest

from rag.documents import Passage
from rag.extractive.candidates import Candidate
from rag.extractive.confidence import (
    ANSWERED_FROM,
    IN_PASSAGE,
    NOWHERE,
    Evidence,
    confidence,
    features,
)
from rag.question_analysis.asked_for import lacks_what_is_asked, told_by_kind
from rag.question_analysis.named_things import (
    another_day,
    another_nth,
    another_of_class,
    day_of_range,
    others_alone,
)
from rag.question_analysis.weighty_words import folded, holds, weighty_words
from rag.terms.identifiers import missing


def evidence(
    question: str, *texts: str, cosine: float = 0.55, record: bool = True, language: str = "en",
    title: str = "", others: tuple[str, ...] = (),
) -> Evidence:  # fmt: skip
    """The first text is quoted whole."""
    first = Candidate(0, 0, len(texts[0]), texts[0], "", frozenset(), record=record)
    passages = [
        Passage(f"d{n}:1:0", f"d{n}", 1, 0, title, text, 0, len(text), 1.0, language=language)
        for n, text in enumerate(texts)
    ]
    return Evidence(question, passages, first, cosine, IN_PASSAGE, others)


@pytest.mark.parametrize(
    ("known", "absent", "quote", "title"),
    [
        ("When is the archive open on Friday?", "When is the archive open on Sunday?",
         "Day: Friday; Hours: 10:00-14:00", "Archive"),
        ("When is the archive open on Tuesday?", "When is the archive open on Saturday?",
         "Monday to Friday: 10:00-14:00", "Archive"),
        ("When is the garden open in July?", "When is the garden open in January?",
         "Open from 2 April to 30 September, 10:00-18:00", "Garden"),
        ("When is the slope open in January?", "When is the slope open in July?",
         "November to March: 9:00-16:00", "Slope"),
        ("What is the rent of Elmgasse 4?", "What is the rent of Elmgasse 6?",
         "The rent of Elmgasse 4 is 900 euros, due on the 6th", ""),
        ("Who sits on the second floor?", "Who sits on the fourth floor?",
         "Floor: second floor; Team: Accounting; Head: Vera Lund", ""),
        ("What does a double room cost?", "What does a triple room cost?",
         "Double room: 95 euros", ""),
        ("How wide is size M?", "How wide is size XL?", "Size: M; Width (cm): 52", ""),
        ("How many blue chairs are there?", "How many red chairs are there?",
         "Item: chair; Colour: blue; Stock: 14", ""),
        ("What do students pay?", "What do seniors pay?", "Students: 5 euros", "Entrance"),
    ],
)  # fmt: skip
def test_a_member_of_a_class_whose_siblings_alone_are_there_is_not_answered(
    known: str, absent: str, quote: str, title: str
) -> None:
    assert confidence(evidence(known, quote, title=title)) >= ANSWERED_FROM
    assert confidence(evidence(absent, quote, title=title)) <= NOWHERE


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("When is the shop open in May?", "In April and May the shop opens at 9:00."),
        ("When does the tour of day 5 begin?", "# The tour in nine days\nDay: 5; Begin: 8:00"),
        ("Who bought ABC?", "The shares of XYZ rose. In the end Lomax bought ABC."),
        ("What is the number of order 70418?", "order: Lund; number: 70418. Order 2 is open."),
        ("Was ist am Mittwoch?", "Montag bis Freitag: 8:00 bis 12:00 Uhr"),
    ],
)
def test_what_is_there_in_another_way_is_no_absence(question: str, text: str) -> None:
    assert confidence(evidence(question, text, record=False)) > NOWHERE


def test_a_word_that_its_passage_lacks_weighs_more_against_a_record_than_against_prose() -> None:
    asked = "What is the port of the metrics service?"
    record = evidence(asked, "service: orders; port: 8100")
    prose = evidence(asked, "service: orders; port: 8100", record=False)
    elsewhere = evidence(asked, "service: orders; port: 8100", "There are metrics, too.")

    assert (features(record).record_lacks, features(prose).record_lacks) == (1, 0)
    assert features(elsewhere).record_lacks == 1
    assert confidence(record) < confidence(prose) - 0.1


def test_a_kind_that_all_quotes_lack_speaks_more_against_an_answer() -> None:
    asked, quote = "When does the kiln cool?", "The kiln is beside the sink"
    alone = evidence(asked, quote, others=("The sink is new",))
    followed = evidence(asked, quote, others=("It cools from 18:00 on.",))

    assert (features(alone).kind, features(alone).unkind) == (1, 1)
    assert (features(followed).kind, features(followed).unkind) == (1, 0)
    assert confidence(alone) < confidence(followed)


def test_a_whole_quote_without_what_is_asked_for_is_no_whole_one() -> None:
    quote = "10:15 ERROR pump switched off: cable broken"

    assert features(evidence("Who switched off the pump?", quote)).whole == 0
    assert features(evidence("Why was the pump switched off?", quote)).whole == 1


@pytest.mark.parametrize(
    ("question", "held", "lacking"),
    [
        ("What colour is the van?", "Van: dark blue", "Van: reduced to 3.5 t"),
        ("Welche Farbe hat das Tor?", "Tor: dunkelrot", "Tor: rotierend"),
        ("Welche Farbe hat der Wagen?", "Wagen: dunkel, fast schwarz", "Wagen: 3,5 t"),
        ("Who stopped the job?", "job stopped by mlund", "12:00 WARN job stopped"),
    ],
)
def test_colours_and_people_are_kinds(question: str, held: str, lacking: str) -> None:
    assert not lacks_what_is_asked(question, held)
    assert lacks_what_is_asked(question, lacking)


@pytest.mark.parametrize(
    ("word", "there", "other"),
    [
        ("price", "Fence post: 12.50", "Fence post: oak"),
        ("phone", "Office: 0221 555 0184", "Office: room 4"),
        ("email", "Office: desk@barn.example", "Office: room 4"),
    ],
)
def test_what_is_of_a_kind_is_told_without_its_word(word: str, there: str, other: str) -> None:
    assert told_by_kind(word, there)
    assert not told_by_kind(word, other)
    assert not told_by_kind("fence", there)


@pytest.mark.parametrize(
    ("word", "text", "expected"),
    [
        ("Rechen", "Die Rechnung liegt bei.", False),
        ("Rechen", "Drei Rechen sind da.", True),
        ("Leitern", "die Teamleitung", False),
        ("Leitern", "zwei Anlegeleitern", True),
        ("maximum", "max_size: 4", True),
        ("database", "db.host: a", True),
        ("logs", "logging: info", True),
    ],
)
def test_a_short_stem_is_not_every_word_that_begins_with_it(
    word: str,
    text: str,
    expected: bool,
) -> None:
    (found,) = weighty_words(f"the {word}", ("de", "en"))

    assert holds(folded(text), found, ("de", "en")) is expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How high is the fence?", ["fence"]),
        ("How loud is the pump?", ["pump"]),
        ("What does a late arrival cost?", ["arrival"]),
        ("Who signed the letter to Ms Roux?", ["roux"]),
        ("Who owns the barn?", ["owns", "barn"]),
    ],
)
def test_what_measures_and_what_a_text_is_weigh_nothing(question: str, expected: list[str]) -> None:
    assert [word.text for word in weighty_words(question, ("en",))] == expected


def test_german_nouns_of_a_short_question_are_no_names() -> None:
    found = weighty_words("Sind Katzen erlaubt?", ("de", "en"))

    assert [word.name for word in found] == [False, False]


def test_days_and_months_lie_in_ranges_also_over_the_end_of_the_year() -> None:
    assert day_of_range("december", ["open from october to 15 march"])
    assert not day_of_range("may", ["open from october to 15 march"])
    assert day_of_range("sunday", ["friday to monday"])
    assert not day_of_range("wednesday", ["friday to monday"])
    assert another_day("may", "in april only")
    assert not another_day("may", "in april and may")
    assert not another_day("opening", "in april only")


def test_members_of_classes_are_told_from_words() -> None:
    assert another_of_class("triple", "a single room", ["a single room"])
    assert not another_of_class("triple", "a single room", ["a triple room elsewhere"])
    assert not another_of_class("gray", "a grey jacket", ["a grey jacket"])
    assert not another_of_class("pensioners", "seniors: 5 euros", ["seniors: 5 euros"])
    assert not another_of_class("room", "a single room", ["a single room"])
    assert another_nth("Who lives on the third floor?", ["the first floor is empty"])
    assert not another_nth("Who lives on the third floor?", ["floors: first, second, third"])
    assert others_alone("What is in box 3?", ["box 1: nails", "Box #2: screws"])
    assert not others_alone("Who is between ITT?", ["between ABC and ITT"])
    assert not others_alone("What is on day 3?", ["the day of the tour"])


def test_a_date_is_not_there_where_its_day_is_of_another_year() -> None:
    asked = "What was delivered on 3 April 2015?"

    assert missing(asked, ["On 3 April 2016 came six doors, ordered on 9 May 2015."])
    assert not missing(asked, ["Deliveries of 2015", "3 April: six doors"])
    assert not missing(asked, ["On 03.04.2015 came six doors."])


def test_a_function_that_no_passage_names_is_not_answered() -> None:
    text = "The function openLedgerForYear belongs to the module ledger."
    there, absent = (
        evidence(f"What does the function {name} belong to?", text, record=False)
        for name in ("openLedgerForYear", "openLedgerForMonth")
    )

    assert confidence(there) >= ANSWERED_FROM
    assert confidence(absent) <= NOWHERE
