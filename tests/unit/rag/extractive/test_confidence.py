"""The verdict: what speaks for an answer, and what makes it "not in these documents"."""

from dataclasses import replace

import numpy as np
import pytest

from rag.documents import Passage
from rag.extractive.candidates import Candidate
from rag.extractive.confidence import (
    ALONE,
    ANSWERED_FROM,
    IN_PASSAGE,
    NOWHERE,
    Evidence,
    Features,
    confidence,
    features,
)  # fmt: skip
from rag.extractive.extractive import ExtractiveGenerator
from rag.in_memory_ports.embedder import HashingEmbedder


def passage(text: str, *, title: str = "", name: str = "d", language: str = "en") -> Passage:
    return Passage(f"{name}:1:0", name, 1, 0, title, text, 0, len(text), 1.0, language=language)


def evidence(
    question: str, *texts: str, cosine: float = 0.6, record: bool = False,
    title: str = "", context: str = "", language: str = "en",
) -> Evidence:  # fmt: skip
    """The first text is quoted whole."""
    first = Candidate(0, 0, len(texts[0]), texts[0], context, frozenset(), record=record)
    passages = [passage(text, title=title, language=language) for text in texts]
    return Evidence(question, passages, first, cosine, IN_PASSAGE)


def sure(question: str, *texts: str, **more: object) -> bool:
    return confidence(evidence(question, *texts, **more)) >= ANSWERED_FROM  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("question", "absent"),
    [
        ("What does alarm E-2047 mean?", "What does alarm E-2074 mean?"),
        ("What does alarm e2047 mean?", "What does alarm E-2048 mean?"),
    ],
)
def test_a_code_that_no_passage_has_is_not_answered_its_twin_is(question: str, absent: str) -> None:
    text = "Alarm E-2047: the lid is open. Close the lid and press start."

    assert sure(question, text, cosine=0.9)
    assert confidence(evidence(absent, text, cosine=0.9)) <= NOWHERE


@pytest.mark.parametrize(
    ("question", "absent", "text"),
    [
        (
            "How many guests came in August 2021?",
            "How many guests came in August 2016?",
            "In August 2021 the hostel had 1,240 guests.",
        ),
        (
            "What was paid on 7 May 2023?",
            "What was paid on 8 May 2023?",
            "The rent of 950 EUR was paid on 07.05.2023.",
        ),
        (
            "What is new in v4.1.12?",
            "What is new in v4.12.1?",
            "Version 4.1.12 brings a new search and a dark theme.",
        ),
        (
            "Who signs orders above 25000?",
            "Who signs orders above 52000?",
            "Orders above 25,000 francs are signed by the board.",
        ),
    ],
)
def test_a_year_date_version_or_amount_that_is_nowhere_is_not_answered(
    question: str, absent: str, text: str
) -> None:
    assert sure(question, text)
    assert confidence(evidence(absent, text)) <= NOWHERE


def test_a_figure_in_another_passage_or_in_the_name_of_the_document_is_there() -> None:
    asked = "What does the report of 2019 say of exports?"
    said = "Exports rose by a tenth."

    assert confidence(evidence(asked, said, title="Report 2019")) > NOWHERE
    assert confidence(evidence(asked, said, "This report is of 2019.")) > NOWHERE
    assert confidence(evidence(asked, said)) <= NOWHERE


def test_small_numbers_may_be_written_in_words() -> None:
    text = "The three teams of the north meet on Mondays."

    assert features(evidence("When do the 3 teams of the north meet?", text)).whole == 1
    assert sure("When do the 3 teams of the north meet?", text)


def test_a_thing_whose_number_is_another_lowers_the_confidence() -> None:
    text = "Lift 2 stopped at noon because a cable broke. Lift 12 was checked."
    there, absent = (
        evidence(f"Why did lift {number} stop?", text, "The house has 5 floors.")
        for number in (2, 5)
    )

    assert confidence(absent) <= NOWHERE < confidence(there)


@pytest.mark.parametrize(
    ("question", "absent", "text", "language"),
    [
        (
            "Who is the gardener of Birch Manor?",
            "Who is the treasurer of Birch Manor?",
            "Birch Manor: the gardener is Tilda Ross.",
            "en",
        ),
        (
            "Wer ist der Hausmeister?",
            "Wer ist der Geschäftsführer?",
            "Der Hausmeister ist Herr Pavlik.",
            "de",
        ),
        (
            "¿Quién es la entrenadora?",
            "¿Quién es la presidenta?",
            "La entrenadora es Lucía Vega.",
            "es",
        ),
    ],
)
def test_a_role_that_no_passage_speaks_of_speaks_against_an_answer(
    question: str, absent: str, text: str, language: str
) -> None:
    known = evidence(question, text, language=language)
    unknown = evidence(absent, text, language=language)

    assert confidence(unknown) < confidence(known) - 0.15


def test_a_name_that_is_nowhere_weighs_more_than_one_that_only_the_quote_lacks() -> None:
    quote, other = "The keys are with the porter.", "The house belongs to Agneta Lind."
    elsewhere = features(evidence("Where are the keys of Agneta Lind?", quote, other))
    nowhere = features(evidence("Where are the keys of Bartek Nowak?", quote, other))

    assert (elsewhere.names, nowhere.names) == (1, 2)


@pytest.mark.parametrize(
    ("question", "held", "lacking"),
    [
        ("When does the kiosk open?", "The kiosk opens at 9:30.", "The kiosk sells 40 papers."),
        ("Who keeps the keys?", "The keys are with Marta Holm.", "the keys hang beside the door."),
        ("What does a day pass cost?", "A day pass is 14.50.", "A day pass is valid on all boats."),
        ("How many boats are there?", "There are nine boats.", "There are boats in the harbour."),
        (
            "What is the phone number of the kiosk?",
            "Kiosk: 030 5550 1720",
            "The kiosk is at pier 4.",
        ),
        (
            "What is the e-mail address of the kiosk?",
            "Write to us: kiosk@pier.example",
            "Write to us.",
        ),
        ("Was kostet die Karte?", "Die Karte kostet 8 Euro.", "Die Karte gilt einen Tag."),
        ("¿Cuándo abre el museo?", "El museo abre el lunes.", "El museo tiene un jardín."),
    ],
)
def test_a_quote_without_the_kind_of_thing_that_is_asked_for_speaks_against_an_answer(
    question: str, held: str, lacking: str
) -> None:
    assert features(evidence(question, held)).kind == 0
    assert features(evidence(question, lacking)).kind == 1
    assert confidence(evidence(question, lacking)) < confidence(evidence(question, held))


def test_the_title_and_what_a_quote_stands_under_are_read_with_it() -> None:
    asked = "When does the swimming hall open on Saturday?"
    bare = evidence(asked, "Saturday; 9:00 - 16:00")
    titled = evidence(asked, "Saturday; 9:00 - 16:00", title="Swimming hall")
    below = evidence(asked, "Saturday; 9:00 - 16:00", context="Swimming hall")

    assert [features(one).whole for one in (bare, titled, below)] == [0, 0, 0]  # opens: a verb
    assert features(bare).anywhere < features(titled).anywhere == features(below).anywhere == 1


def test_only_what_denies_or_says_the_opposite_speaks_against_an_answer() -> None:
    text = "The northern gate is open at night."

    assert features(evidence("Which gate is never open?", text)).negation == 1
    assert features(evidence("Is the southern gate open at night?", text)).opposite == 1
    assert features(evidence("Is the northern gate open at night?", text)).opposite == 0


def test_more_meaning_never_lowers_the_confidence() -> None:
    for record in (False, True):
        found = [
            confidence(evidence("Who bakes?", "Ada Moor bakes.", cosine=cosine, record=record))
            for cosine in np.linspace(-0.2, 1, 13)
        ]

        assert found == sorted(found)
        assert all(0 < one < 1 for one in found)


def test_a_cosine_of_sentences_alone_is_worth_less() -> None:
    within = evidence("Who bakes?", "Ada Moor bakes.")

    assert confidence(within._replace(scale=ALONE)) < confidence(within)


@pytest.mark.parametrize(
    "question", ["", "?", "who", "\u200b", "9" * 5_000, "Ä" * 5_000, "a-" * 9_000]
)
def test_odd_questions_have_a_confidence(question: str) -> None:
    found = features(evidence(question, "The kiosk opens at 9:30."))

    assert len(found) == len(Features._fields)
    assert np.isfinite(found).all()
    assert 0 < confidence(evidence(question, "The kiosk opens at 9:30.")) < 1


def test_an_answer_takes_its_verdict_from_what_was_read() -> None:
    generator = ExtractiveGenerator(HashingEmbedder())
    read = [passage("Error Q-7731: the tray is empty.\nError Q-7732: the lid is open.")]

    known = generator.answer("What does error Q-7732 mean?", read)
    unknown = generator.answer("What does error Q-7799 mean?", read)

    assert known.confidence > unknown.confidence
    assert not unknown.answered
    assert unknown.confidence <= NOWHERE
    assert unknown.citations


def test_passages_that_were_not_read_hold_nothing() -> None:
    asked = evidence("What does alarm E-2047 mean?", "The alarm is red.")
    wider = asked._replace(passages=[*asked.passages, passage("E-2047: the lid is open.")])

    assert confidence(asked) <= NOWHERE < confidence(wider)
    assert confidence(asked) == confidence(asked._replace(passages=[replace(asked.passages[0])]))


def test_figures_of_earlier_turns_need_not_be_in_the_passages() -> None:
    generator = ExtractiveGenerator(HashingEmbedder())
    read = [passage("Children pay half. Groups pay a flat rate of 90 euros.")]

    alone = generator.answer("What do groups pay?", read)
    later = generator.answer("What do groups pay?", read, topic="adults 2019")
    unsaid = generator.answer("What do groups pay? adults 2019", read)

    assert unsaid.confidence <= NOWHERE < later.confidence
    assert later.answered == alone.answered


def test_endings_and_particles_of_words_without_blanks_say_nothing() -> None:
    held = evidence("会議室はどこですか", "会議室は三階です。", language="ja")
    other = evidence("駐車場はどこですか", "会議室は三階です。", language="ja")

    assert features(held).anywhere == 1
    assert features(other).anywhere == 0


@pytest.mark.parametrize(
    ("language", "text", "there", "absent"),
    [
        ("ja", "受付は二階です。船は九時に出ます。料金は千円です。",
         ["受付はどこにありますか。", "船は何時に出ますか。", "料金を教えてください"],
         ["売店はどこにありますか。", "ロッカーの料金はいくらですか。", "医者の名前は何ですか。"]),
        ("zh", "游客中心在东门。门票每人三十元。老人免费。船票另外购买。",
         ["游客中心在哪里?", "门票多少钱?", "老人需要付钱吗?"],
         ["厕所在哪里?", "缆车多少钱一张?", "导游什么时候来?"]),
        ("ko", "도서는 두 주 동안 빌려 줍니다. 열람실은 삼 층에 있습니다.",
         ["열람실은 몇 층에 있습니까?", "도서를 빌릴 수 있나요?", "열람실이 어디예요?"],
         ["매점은 몇 층에 있습니까?", "우산을 빌릴 수 있나요?", "화장실이 어디예요?"]),
    ],
)  # fmt: skip
def test_a_topic_that_the_texts_lack_is_not_answered_in_scripts_without_blanks(
    language: str, text: str, there: list[str], absent: list[str]
) -> None:
    # The cosines of a model that does not know the language are all alike.
    assert [sure(one, text, cosine=0.55, language=language) for one in there] == [True] * 3
    assert [sure(one, text, cosine=0.55, language=language) for one in absent] == [False] * 3


def test_what_is_done_to_a_thing_need_not_stand_in_its_row() -> None:
    row = "Part: Drive belt; Size: 840 mm; Interval: 3 years"
    asked = ("How often is the drive belt changed?", "When is the drive belt inspected?")

    assert [features(evidence(one, row, record=True)).record_lacks for one in asked] == [0, 0]
