import math

import pytest

from benchmarks.figures.ranking import ndcg, recall, reciprocal_rank


def test_ndcg_is_the_discounted_gain_over_the_best_possible() -> None:
    # By hand: (0 / log2 2 + 1 / log2 3 + 0 + 1 / log2 5) / (1 / log2 2 + 1 / log2 3 + 1 / log2 4)
    by_hand = (0.630930 + 0.430677) / (1 + 0.630930 + 0.5)

    value = ndcg(["x", "a", "y", "b"], {"a": 1, "b": 1, "c": 1}, k=10)

    assert value == pytest.approx(by_hand, abs=1e-6)
    assert value == pytest.approx(0.498189, abs=1e-6)


def test_ndcg_counts_graded_gains_linearly() -> None:
    # Wikipedia's worked example: gains 3 2 3 0 1 2, at best 3 3 3 2 2 2.
    gains = {"1": 3, "2": 2, "3": 3, "5": 1, "6": 2, "7": 3, "8": 2}

    value = ndcg(["1", "2", "3", "4", "5", "6"], gains, k=6)

    assert value == pytest.approx(6.861 / 8.740, abs=1e-3)


def test_ndcg_sees_k_ranks_only() -> None:
    assert ndcg(["x", "y", "a"], {"a": 1}, k=2) == 0
    assert ndcg(["x", "y", "a"], {"a": 1}, k=3) == pytest.approx(1 / math.log2(4))


def test_an_id_ranked_twice_counts_once() -> None:
    assert ndcg(["a", "a", "b"], {"a": 1, "b": 1}, k=10) == pytest.approx(1)
    assert recall(["a", "a", "b"], {"a": 1, "b": 1}, k=2) == 1
    assert reciprocal_rank(["x", "x", "a"], {"a": 1}) == 0.5


def test_recall_is_the_share_of_relevant_ids_found() -> None:
    assert recall(["a", "x", "b"], {"a": 1, "b": 1, "c": 2, "d": 0}, k=2) == pytest.approx(1 / 3)
    assert recall(["a", "x", "b"], {"a": 1, "b": 1, "c": 2, "d": 0}, k=3) == pytest.approx(2 / 3)


def test_the_reciprocal_rank_is_that_of_the_first_relevant_id() -> None:
    assert reciprocal_rank(["x", "y", "a", "b"], {"a": 1, "b": 1}) == pytest.approx(1 / 3)
    assert reciprocal_rank(["x"], {"a": 1}) == 0


def test_without_relevant_ids_every_measure_is_zero() -> None:
    assert ndcg(["a"], {}, k=10) == recall(["a"], {"a": 0}, k=10) == reciprocal_rank(["a"], {}) == 0
