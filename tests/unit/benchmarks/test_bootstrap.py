import numpy as np
import pytest

from benchmarks.figures.bootstrap import interval


def test_equal_differences_leave_no_doubt() -> None:
    assert interval([0.25] * 40) == (0.25, 0.25)


def test_the_interval_is_that_of_the_normal_approximation_for_many_questions() -> None:
    values = np.random.default_rng(7).normal(0.02, 0.3, 2_000)
    half = 1.96 * values.std() / np.sqrt(values.size)

    low, high = interval(values.tolist())

    assert low == pytest.approx(values.mean() - half, abs=half / 10)
    assert high == pytest.approx(values.mean() + half, abs=half / 10)


def test_a_greater_share_gives_a_wider_interval_and_equal_input_an_equal_one() -> None:
    values = [0.0, 0.5, -0.25, 1.0, 0.125, -0.5]
    low, high = interval(values, resamples=2_000)
    wide_low, wide_high = interval(values, share=0.99, resamples=2_000)

    assert (low, high) == interval(values, resamples=2_000)
    assert wide_low < low < np.mean(values) < high < wide_high


def test_no_questions_have_no_interval() -> None:
    with pytest.raises(ValueError, match="no questions"):
        interval([])
