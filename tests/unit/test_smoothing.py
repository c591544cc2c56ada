import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rag.ports import Vectors
from rag.smoothing import smoothed


def unit(*rows: list[float]) -> Vectors:
    vectors = np.array(rows, dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


NAMES = ["twin", "other twin", "stranger", "far"]
VECTORS = unit([1, 0.01, 0], [1, 0, 0.01], [0, 1, 0], [0, 0, 1])
RANKING = [("twin", 0.9), ("stranger", 0.8), ("far", 0.6), ("other twin", 0.1)]


def test_what_says_the_same_shares_its_scores_and_the_rest_keeps_its_own() -> None:
    scores = dict(smoothed(RANKING, NAMES, VECTORS))

    assert scores["twin"] == pytest.approx(0.5, abs=0.01)
    assert scores["other twin"] == pytest.approx(0.5, abs=0.01)
    assert scores["stranger"] == pytest.approx(0.8)
    assert scores["far"] == pytest.approx(0.6)


def test_a_passage_comes_first_that_others_like_it_speak_for() -> None:
    ranking = [("stranger", 0.6), ("twin", 0.55), ("far", 0.1), ("other twin", 0.7)]

    names = [name for name, _ in smoothed(ranking, NAMES, VECTORS)]

    assert names[0] in {"twin", "other twin"}
    assert names[2:] == ["stranger", "far"]


def test_an_id_whose_vector_says_nothing_neither_gives_nor_takes() -> None:
    scores = dict(smoothed(RANKING, NAMES, VECTORS, {"other twin"}))

    assert scores == pytest.approx(dict(RANKING), abs=0.001)


def test_ids_without_a_vector_keep_their_scores() -> None:
    assert dict(smoothed(RANKING, NAMES[:1], VECTORS[:1])) == dict(RANKING)
    assert dict(smoothed(RANKING, [], np.zeros((0, 0), np.float32))) == dict(RANKING)
    assert smoothed([], NAMES, VECTORS) == []


def test_cosines_that_lie_close_together_are_told_apart_as_well() -> None:
    # As many embedders have it: all texts share one direction, and differ in the rest.
    shared = np.hstack([VECTORS, np.full((4, 1), 3.0, np.float32)])
    close = unit(*shared.tolist())

    scores = dict(smoothed(RANKING, NAMES, close))

    assert (close @ close.T).min() > 0.85
    assert scores == pytest.approx(dict(smoothed(RANKING, NAMES, VECTORS)), abs=0.01)


def test_copies_of_one_text_have_one_score() -> None:
    scores = dict(smoothed(RANKING, NAMES, unit(*[[1.0, 2.0, 3.0]] * 4)))

    assert all(0.1 <= score <= 0.9 for score in scores.values())


@given(
    arrays(np.float32, (6, 3), elements=st.floats(0.125, 1, width=32)),
    st.lists(st.floats(0, 1), min_size=6, max_size=6),
)
def test_smoothed_scores_stay_within_the_given_ones_and_in_order(
    rows: Vectors, scores: list[float]
) -> None:
    names = list("abcdef")
    ranking = list(zip(names, scores, strict=True))

    found = smoothed(ranking, names, unit(*rows.tolist()))

    assert sorted(name for name, _ in found) == names
    assert [score for _, score in found] == sorted((s for _, s in found), reverse=True)
    assert all(min(scores) <= score <= max(scores) for _, score in found)
