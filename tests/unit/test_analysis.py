import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.analysis import MAX_TERM_CHARACTERS, query_terms, terms, words


def test_terms_are_lower_case_stems_without_stop_words() -> None:
    assert terms("The Libraries of Harvard were founded in 1638.") == [
        "librari",
        "harvard",
        "were",
        "found",
        "1638",
    ]


def test_question_words_are_dropped_from_questions_only() -> None:
    assert query_terms("When did Harvard found the library?") == ["harvard", "found", "librari"]
    assert terms("When did it happen") == ["when", "did", "happen"]


def test_a_question_of_question_words_alone_keeps_them() -> None:
    assert query_terms("Who are the Who?") == ["who", "who"]
    assert query_terms("is it?") == []


def test_a_possessive_is_the_word_itself() -> None:
    assert terms("Newton's Newton\u2019s Newton") == ["newton"] * 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("get_user_name()", ["get", "user", "name"]),
        ("\ufb01sh \uff21\uff22\uff23", ["fish", "abc"]),
        ("caf\u00e9 cafe\u0301", ["caf\u00e9", "caf\u00e9"]),
        ("\u6771\u4eac\u90fd", ["\u6771\u4eac", "\u4eac\u90fd"]),
        ("\u6c34 H2O", ["\u6c34", "h2o"]),
        ("\u6771\u4eacTokyo", ["\u6771\u4eac", "tokyo"]),
        ("\u0939\u093f\u0928\u094d\u0926\u0940", ["\u0939\u093f\u0928\u094d\u0926\u0940"]),
        ("stra\u00dfe STRASSE", ["stra\u00dfe", "strasse"]),
        ("don't", ["don", "t"]),
        ("... -- !", []),
    ],
    ids=str,
)
def test_words_of_many_scripts(text: str, expected: list[str]) -> None:
    assert list(words(text)) == expected


def test_a_long_word_is_cut_and_still_matches_itself() -> None:
    long = "x" * 5_000

    assert terms(long) == query_terms(long) == ["x" * MAX_TERM_CHARACTERS]


@given(st.text())
def test_a_text_is_analysed_alike_whatever_its_case_and_surroundings(text: str) -> None:
    found = terms(text)

    assert terms(f" \n{text}. ") == found
    assert all(term and not any(c.isspace() for c in term) for term in found)


def test_threads_get_the_same_terms() -> None:
    text = "running runners ran generously " * 500
    results: list[list[str]] = []
    threads = [threading.Thread(target=lambda: results.append(terms(text))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert results == [terms(text)] * 8
