"""Who signed a letter, whom it is to, when it was written: the lines around its text tell."""

import pytest

from rag.documents import Passage
from rag.extractive.extractive import ExtractiveGenerator
from rag.in_memory_ports.embedder import HashingEmbedder
from rag.structure.letters import letter_parts

LETTER = (
    "Harbour Office\n3 Quay Road\nLindow\n\nMr Paul Stein\n8 Mill Lane\nLindow\n\n7 March 2031\n\n"
    "Dear Mr Stein,\n\nthe crane at your berth is inspected on Friday. Please close the berth by "
    "noon.\n\nYours sincerely,\n\nRita Gomez\nHead of berths\n"
)
BRIEF = (
    "Stadtwerke Lindau\nHafenweg 3\n\nLindau, den 7. M\u00e4rz 2031\n\n"
    "Sehr geehrte Frau Yilmaz,\n\n"
    "wir tauschen Ihren Z\u00e4hler am 21. April aus.\n\n"
    "Mit freundlichen Gr\u00fc\u00dfen\nJonas Weber\nLeiter Messwesen"
)
MAIL = (
    "From: Rita Gomez <rita@harbour.example>\nTo: Paul Stein <paul@harbour.example>\n"
    "Date: 11 March 2031\nSubject: Crane\n\nHello Paul,\n\nthe crane is inspected on Friday.\n\n"
    "Kind regards, Rita"
)


def answer(question: str, text: str, language: str = "en") -> str:
    passage = Passage("d:1:0", "d", 1, 0, "", text, 0, len(text), 1.0, language=language)
    return ExtractiveGenerator(HashingEmbedder()).answer(question, [passage]).text


def parts(text: str) -> list[tuple[str, str]]:
    return [(part.role, part.told) for part in letter_parts(text)]


def test_a_letter_has_parts() -> None:
    assert parts(LETTER) == [
        ("sender", "Harbour Office, 3 Quay Road, Lindow"),
        ("addressee", "Mr Paul Stein, 8 Mill Lane, Lindow"),
        ("date", "7 March 2031"),
        ("greeting", "Dear Mr Stein,"),
        ("signer", "Rita Gomez, Head of berths"),
    ]


def test_a_message_has_fields() -> None:
    assert [role for role, _ in parts(MAIL)] == ["sender", "addressee", "date", "subject", "signer"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "Dear me, that was close.\nThe boat sank.",
        "From: the north\nThe wind blows from there.",
        "Yours sincerely,\nthe committee wishes that all members come on time to the meeting.",
    ],
)
def test_other_texts_have_none_that_tell_anything(text: str) -> None:
    assert [part for part in letter_parts(text) if part.role != "greeting"] == []


def test_parts_are_spans_of_the_text() -> None:
    for text in (LETTER, BRIEF, MAIL):
        for part in letter_parts(text):
            words = "".join(part.told.split()).replace(",", "")
            assert words == "".join(text[part.start : part.end].split()).replace(",", "")


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("Who signed the letter to Mr Stein?", "Rita Gomez, Head of berths"),
        ("Who wrote the letter to Mr Stein?", "Rita Gomez, Head of berths"),
        ("When was the letter to Mr Stein written?", "7 March 2031"),
        ("What is the date of the letter?", "7 March 2031"),
        ("Who is the letter addressed to?", "Mr Paul Stein, 8 Mill Lane, Lindow"),
    ],
)
def test_a_letter_is_asked_for_its_parts(question: str, told: str) -> None:
    assert answer(question, LETTER).startswith(f"{told} [1]")


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("Wer hat den Brief an Frau Yilmaz unterschrieben?", "Jonas Weber, Leiter Messwesen"),
        ("Von wann ist der Brief an Frau Yilmaz?", "Lindau, den 7. M\u00e4rz 2031"),
    ],
)
def test_a_german_letter_is_asked_for_its_parts(question: str, told: str) -> None:
    assert answer(question, BRIEF, "de").startswith(f"{told} [1]")


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("Who sent the mail about the crane?", "From: Rita Gomez"),
        ("Who is the e-mail to?", "To: Paul Stein"),
        ("When was the e-mail sent?", "Date: 11 March 2031"),
        ("What is the subject of the mail?", "Subject: Crane"),
    ],
)
def test_a_message_is_asked_for_its_fields(question: str, told: str) -> None:
    assert answer(question, MAIL).startswith(told)


def test_what_the_letter_says_is_asked_for_as_ever() -> None:
    told = answer("When is the crane inspected?", LETTER)

    assert told.startswith("the crane at your berth is inspected on Friday.")


def test_the_parts_of_several_messages_stand_in_order() -> None:
    thread = f"{MAIL}\n\n{MAIL.replace('Rita', 'Ann')}"

    starts = [part.start for part in letter_parts(thread)]
    assert starts == sorted(starts)
    assert answer("Who sent the mail about the crane?", thread).startswith("From: ")


def test_settings_are_no_message() -> None:
    assert letter_parts("from: Leeds\nto: York\nsubject: freight") == ()
