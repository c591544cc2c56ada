"""Relevance: what a passage is worth beside others, and what it is worth at all."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.documents import Passage
from rag.extractive.relevance import _falling, with_relevance


def passage(n: int, text: str, *, title: str = "") -> Passage:
    return Passage(
        chunk_id=f"a:1:{n}", document_id="a", generation=1, n=n, title=title, text=text, start=0,
        end=len(text), score=1.0 - n / 10, language="en",
    )  # fmt: skip


def relevance(query: str, text: str, cosine: float, *, title: str = "") -> float:
    one = passage(0, text, title=title)
    (told,) = with_relevance(query, [one], {one.chunk_id: cosine})
    assert told.relevance is not None
    return told.relevance


def test_a_passage_that_says_what_is_asked_for_is_worth_more_than_one_that_does_not() -> None:
    query = "When is the oven lit in the morning?"

    assert relevance(query, "The oven is lit at four in the morning.", 0.7) > 0.5
    assert relevance(query, "Ships leave the harbour with the tide.", 0.1) < 0.05


def test_the_nearer_and_the_more_words_the_better() -> None:
    query = "Which ships leave the harbour?"
    far, near = (relevance(query, "Ships are long.", cosine) for cosine in (0.2, 0.6))
    more = relevance(query, "Ships leave the harbour.", 0.6)

    assert far < near < more


def test_the_title_of_a_document_is_read_with_its_passages() -> None:
    query = "When does the harbour of Lisbon open?"

    assert relevance(query, "It opens at four.", 0.5, title="Harbour of Lisbon") > relevance(
        query, "It opens at four.", 0.5
    )


def test_a_figure_that_is_not_there_counts_like_a_word() -> None:
    query = "What is the price of A-1042?"

    assert relevance(query, "The price of A-1042 is 5 euros.", 0.5) > relevance(
        query, "The price of A-1043 is 5 euros.", 0.5
    )


def test_a_query_without_words_of_weight_is_measured_by_meaning_alone() -> None:
    assert relevance("???", "Anything.", 0.9) > 0.5 > relevance("???", "Anything.", 0.1)


def test_a_chunk_that_nobody_compared_is_as_far_as_the_last_one() -> None:
    first, second = passage(0, "Ships are long."), passage(1, "Ships are long.")
    told = with_relevance("ships", [first, second], {first.chunk_id: 0.3})

    assert told[0].relevance == told[1].relevance
    assert with_relevance("ships", [first], {})[0].relevance is not None


@given(st.lists(st.floats(0, 1), max_size=12))
def test_scores_fall_and_keep_their_sum(values: list[float]) -> None:
    told = _falling(values)

    assert all(a >= b - 1e-12 for a, b in pairwise(told))
    assert sum(told) == pytest.approx(sum(values))
    assert len(told) == len(values)
    if values == sorted(values, reverse=True):
        assert told == pytest.approx(values)
