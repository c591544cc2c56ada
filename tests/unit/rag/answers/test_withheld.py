"""What is from deleted documents is not in an answer any more, and all the rest is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answers.prompts import UNANSWERED
from rag.answers.withheld import WITHHELD, without_deleted


def test_of_quotes_those_of_the_deleted_document_give_way_to_a_note() -> None:
    text = "The well is deep. [1] It was dug in 1904 by hand [2] Its rope is new. [1] [3]"

    assert without_deleted(text, {2}, quoted=True) == (
        f"The well is deep. [1] {WITHHELD} [2] Its rope is new. [1] [3]"
    )
    assert without_deleted(text, {1}, quoted=True) == (
        f"{WITHHELD} [1] It was dug in 1904 by hand [2] {WITHHELD} [1] [3]"
    )


def test_notes_that_would_follow_each_other_are_one() -> None:
    text = "One. [1] Two. [2] Three. [3]"

    assert without_deleted(text, {1, 2}, quoted=True) == f"{WITHHELD} [1] [2] Three. [3]"


@pytest.mark.parametrize("quoted", [True, False])
def test_an_answer_from_documents_that_are_there_stays_as_it_is(quoted: bool) -> None:
    text = "One [1], two.\n\n- three [2]\n- four"

    assert without_deleted(text, set(), quoted=quoted) == text


@pytest.mark.parametrize("quoted", [True, False])
def test_that_there_is_no_answer_is_still_said(quoted: bool) -> None:
    assert without_deleted(UNANSWERED, {1}, quoted=quoted) == UNANSWERED


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
    assert without_deleted(text, {1}, quoted=False) == kept.format(WITHHELD)


_WORDS = st.text("abc xyz.,-\n", min_size=1, max_size=20)


@given(st.lists(st.tuples(_WORDS, st.integers(1, 3)), min_size=1, max_size=8), st.booleans())
def test_no_word_of_a_deleted_document_is_left_and_no_marker_is_lost(
    pieces: list[tuple[str, int]], quoted: bool
) -> None:
    text = "".join(f"{words} SECRET{n} [{n}] " for words, n in pieces)

    kept = without_deleted(text, {2}, quoted=quoted)

    assert "SECRET2" not in kept
    assert {n for _, n in pieces} == {n for n in (1, 2, 3) if f"[{n}]" in kept}
