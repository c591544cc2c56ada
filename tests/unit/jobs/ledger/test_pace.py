"""Slices have as many rows as Redis works off within SLICE_S, between two bounds."""

import pytest

from jobs.ledger.pace import FIRST_ROWS, LEAST_ROWS, MOST_ROWS, SLICE_S, Pace


def test_a_slice_has_as_many_rows_as_redis_works_off_in_time() -> None:
    pace = Pace()
    assert pace.rows == FIRST_ROWS
    pace.took(FIRST_ROWS, 2.5 * SLICE_S)

    assert pace.rows == FIRST_ROWS / 2.5


def test_after_one_slow_slice_the_next_are_short_and_then_grow_again() -> None:
    pace = Pace()
    pace.took(pace.rows, 60.0)
    assert pace.rows == LEAST_ROWS
    pace.took(pace.rows, 60.0)
    sizes = []
    for _ in range(60):
        pace.took(pace.rows, pace.rows * SLICE_S / 40)
        sizes.append(pace.rows)

    assert sizes == sorted(sizes)
    assert sizes[-1] == 40


def test_a_slice_has_never_more_than_the_most_rows_however_quick_the_last_ones_were() -> None:
    pace = Pace()
    for _ in range(200):
        pace.took(pace.rows, 0.0)

    assert pace.rows == MOST_ROWS
    pace.took(pace.rows, 4 * SLICE_S)
    assert pace.rows == MOST_ROWS / 4


@pytest.mark.parametrize("spent_s", [0.0, 60.0])
def test_a_slice_without_rows_tells_nothing_of_the_next(spent_s: float) -> None:
    pace = Pace()
    pace.took(0, spent_s)

    assert pace.rows == FIRST_ROWS
