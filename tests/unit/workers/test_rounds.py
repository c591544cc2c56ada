"""Rounds: short turns of something long, begun anew after its end and after a fault."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from workers.rounds import Rounds


class Steps:
    """Three steps a round; the clock goes on by a second with each look at it."""

    def __init__(self, clock: pytest.MonkeyPatch) -> None:
        self.taken: list[int] = []
        self.broken = False
        self._now_s = 0.0
        clock.setattr("workers.rounds.time", SimpleNamespace(monotonic=self._now))

    def begin(self) -> Iterator[None]:
        for number in range(3):
            if self.broken:
                raise OSError("away")
            self.taken.append(number)
            yield

    def _now(self) -> float:
        self._now_s += 1
        return self._now_s


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    return Steps(monkeypatch)


def test_a_turn_goes_on_where_the_last_one_stopped_and_a_round_waits_for_its_time(
    steps: Steps,
) -> None:
    rounds = Rounds(steps.begin, every_s=20, turn_s=3, at_once=True)
    rounds.turn()
    assert steps.taken == [0, 1]

    rounds.turn()
    assert steps.taken == [0, 1, 2]

    for _ in range(30):
        rounds.turn()
    assert steps.taken[:5] == [0, 1, 2, 0, 1]
    assert len(steps.taken) < 12


def test_the_first_round_may_wait_too(steps: Steps) -> None:
    rounds = Rounds(steps.begin, every_s=20, turn_s=3, at_once=False)
    rounds.turn()

    assert steps.taken == []


def test_after_a_step_that_fails_the_next_turn_begins_anew(steps: Steps) -> None:
    rounds = Rounds(steps.begin, every_s=20, turn_s=3, at_once=True)
    rounds.turn()
    steps.broken = True
    with pytest.raises(OSError, match="away"):
        rounds.turn()
    steps.broken = False
    rounds.turn()

    assert steps.taken == [0, 1, 0, 1]
