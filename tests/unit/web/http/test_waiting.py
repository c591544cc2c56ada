"""When it is worth asking again: by the queue, and by how long the request itself had to wait."""

import pytest

from web.http.waiting import MOST_RETRY_S, PAUSE_OF_WAITING, retry_after_s


@pytest.mark.parametrize(
    ("eta_s", "waited_s", "expected"),
    [
        (None, 0.0, 1),
        (0.2, 0.01, 1),
        (7.2, 0.0, 8),
        (None, 1.5, 1.5 * PAUSE_OF_WAITING),
        (9.0, 1.5, 9),
        (None, 60.0, MOST_RETRY_S),
        (600.0, 0.0, MOST_RETRY_S),
    ],
)
def test_a_caller_stays_away_as_long_as_there_is_much_to_do(
    eta_s: float | None, waited_s: float, expected: float
) -> None:
    shown = {"queue": {"position": 3, "eta_s": eta_s}}

    assert retry_after_s(shown, waited_s=waited_s) == expected


def test_a_job_without_a_place_is_looked_at_again_after_a_second() -> None:
    assert retry_after_s({"state": "running"}) == 1
