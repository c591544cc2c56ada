"""What is from deleted documents is not in an answer any more, and all the rest is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answers.prompts import UNANSWERED
from rag.answers.withheld import (
    WITHHELD,
    Quoted,
    prose_without_deleted,
    quotes_without_deleted,
)


def quoted(*quotes: tuple[str, int]) -> tuple[str, list[Quoted]]:
    return " ".join(f"{words} [{n}]" for words, n in quotes), [Quoted(*one) for one in quotes]


def test_of_quotes_those_of_the_deleted_document_give_way_to_a_note() -> None:
    text, quotes = quoted(("The well is deep.", 1), ("It was dug by hand", 2), ("It is new.", 1))

    assert quotes_without_deleted(text, quotes, {2}) == (
        f"The well is deep. [1] {WITHHELD} [2] It is new. [1]"
    )
    assert quotes_without_deleted(text, quotes, {1}) == (
        f"{WITHHELD} [1] It was dug by hand [2] {WITHHELD} [1]"
    )


def test_notes_that_would_follow_each_other_are_one() -> None:
    text, quotes = quoted(("One.", 1), ("Two.", 2), ("Three.", 3))

    assert quotes_without_deleted(text, quotes, {1, 2}) == f"{WITHHELD} [1] [2] Three. [3]"


def test_a_quote_goes_whole_whatever_it_holds() -> None:
    text, quotes = quoted(("See [2], it says.\n\nAnd [3] too.", 1), ("Two.", 2))

    assert quotes_without_deleted(text, quotes, {1}) == f"{WITHHELD} [1] Two. [2]"


def test_what_leads_to_a_quote_goes_with_it() -> None:
    text, quotes = quoted(("30 kg", 1), ("Two.", 2))

    assert quotes_without_deleted(f"Pumps: {text}", quotes, {1}) == f"{WITHHELD} [1] Two. [2]"


def test_where_quotes_are_not_found_nothing_of_the_answer_is_shown() -> None:
    _, quotes = quoted(("One.", 1), ("Two.", 2))

    assert quotes_without_deleted("Uno. [1] Two. [2]", quotes, {1}) == f"{WITHHELD} [1] [2]"
    assert quotes_without_deleted("Uno.", [], {1}) == WITHHELD


def test_an_answer_from_documents_that_are_there_stays_as_it_is() -> None:
    text, quotes = quoted(("One.", 1), ("Two.", 2))
    prose = "One [1], two.\n\n- three [2]\n- four"

    assert quotes_without_deleted(text, quotes, ()) == text
    assert quotes_without_deleted(text, quotes, {3}) == text
    assert prose_without_deleted(prose, ()) == prose


def test_that_there_is_no_answer_is_still_said() -> None:
    assert quotes_without_deleted(UNANSWERED, [], {1}) == UNANSWERED
    assert prose_without_deleted(UNANSWERED, {1}) == UNANSWERED


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("The pump is old [1]. The mill is new [2].", "{} [1] The mill is new [2]."),
        ("According to [1], the pump is old. The mill is new. [2]",
         "{} [1] The mill is new. [2]"),
        ("It is old. It leaks. [1] It is new. [2]", "{} [1] It is new. [2]"),
        ("It is new [2]. It is old [1]. So sell it.", "It is new [2]. {} [1]"),
        ("- the pump is old [1]\n- the mill is new [2]\n",
         "- {} [1]\n- the mill is new [2]\n"),
        ("1. **Pump**: old [1]\n2. **Mill**: new [2]", "1. {} [1]\n2. **Mill**: new [2]"),
        ("In short, sell it.\n\nThe mill is new. [2]", "{}\n\nThe mill is new. [2]"),
        ("It holds 3.5 tons [1]. It is new [2].", "{} [1] It is new [2]."),
        ("Old pump.[1] New mill.[2]", "{} [1] New mill.[2]"),
    ],
)  # fmt: skip
def test_of_what_a_model_wrote_the_sentences_from_the_deleted_document_go(
    text: str, kept: str
) -> None:
    assert prose_without_deleted(text, {1}) == kept.format(WITHHELD)


_WORDS = st.text("abc xyz.,-\n", min_size=1, max_size=20)


@given(st.lists(st.tuples(_WORDS, st.integers(1, 3)), min_size=1, max_size=8))
def test_no_word_of_a_deleted_document_is_left_and_no_marker_is_lost(
    pieces: list[tuple[str, int]],
) -> None:
    text = "".join(f"{words} SECRET{n} [{n}] " for words, n in pieces)
    told, quotes = quoted(*((f"{words} SECRET{n}", n) for words, n in pieces))

    for kept in (prose_without_deleted(text, {2}), quotes_without_deleted(told, quotes, {2})):
        assert "SECRET2" not in kept
        assert {n for _, n in pieces} == {n for n in (1, 2, 3) if f"[{n}]" in kept}
