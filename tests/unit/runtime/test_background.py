"""Background threads: turns until stopped, rests that are woken, faults that end nothing."""

import logging
import threading
from collections.abc import Callable

import pytest

from runtime import background
from runtime.background import BackgroundThread
from tests.support.waiting import PATIENCE_S, until


def counting(rest: float | None) -> tuple[list[str], Callable[[], float | None]]:
    """Return what names of threads a turn notes, and the turn."""
    turns: list[str] = []

    def turn() -> float | None:
        turns.append(threading.current_thread().name)
        return rest

    return turns, turn


def alive(name: str) -> bool:
    return any(thread.name == name for thread in threading.enumerate())


def test_turns_follow_each_other_in_a_thread_of_that_name_until_it_is_stopped() -> None:
    turns, turn = counting(0.001)
    with BackgroundThread("mill", turn):
        assert until(lambda: len(turns) > 3)
    done = len(turns)

    assert set(turns) == {"mill"}
    assert not alive("mill")
    assert len(turns) == done


def test_nothing_runs_before_the_start_nor_after_a_stop_that_came_first() -> None:
    turns, turn = counting(0)
    thread = BackgroundThread("never", turn)
    thread.stop()
    thread.start()
    thread.stop()

    assert turns == []
    assert not alive("never")


def test_a_second_start_makes_no_second_thread() -> None:
    turns, turn = counting(None)
    with BackgroundThread("once", turn) as thread:
        thread.start()
        assert until(lambda: turns)

        assert sum(other.name == "once" for other in threading.enumerate()) == 1


def test_it_ends_with_the_process() -> None:
    _, turn = counting(None)
    with BackgroundThread("daemon", turn):
        (found,) = [thread for thread in threading.enumerate() if thread.name == "daemon"]

        assert found.daemon


def test_the_first_turn_waits_as_long_as_it_is_told_to() -> None:
    turns, turn = counting(0)
    with BackgroundThread("late", turn, first_s=3_600):
        assert until(lambda: alive("late"))

    assert turns == []


@pytest.mark.parametrize("rest", [None, 3_600.0])
def test_a_rest_is_ended_by_waking_and_by_stopping(rest: float | None) -> None:
    turns, turn = counting(rest)
    with BackgroundThread("sleeper", turn) as thread:
        assert until(lambda: len(turns) == 1)
        thread.wake()
        assert until(lambda: len(turns) == 2)

    assert len(turns) == 2
    assert not alive("sleeper")


def test_waking_during_a_turn_is_not_lost() -> None:
    begun, go = threading.Event(), threading.Event()
    turns: list[int] = []

    def turn() -> None:
        turns.append(1)
        begun.set()
        go.wait(PATIENCE_S)

    with BackgroundThread("busy", turn) as thread:
        assert begun.wait(PATIENCE_S)
        thread.wake()
        go.set()
        assert until(lambda: len(turns) == 2)


def test_a_pause_is_ended_by_stopping_alone() -> None:
    begun = threading.Event()
    paused = threading.Event()

    def turn() -> None:
        begun.set()
        thread.pause(3_600)
        paused.set()

    thread = BackgroundThread("patient", turn)
    thread.start()
    assert begun.wait(PATIENCE_S)
    thread.wake()
    assert not paused.wait(0.05)
    thread.stop()

    assert paused.is_set()
    assert thread.closing


def test_a_fault_is_logged_and_the_next_turn_comes(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(background, "FAULT_S", 0.001)
    turns: list[int] = []

    def turn() -> None:
        turns.append(1)
        if len(turns) == 1:
            raise ZeroDivisionError("once")

    with caplog.at_level(logging.ERROR), BackgroundThread("unlucky", turn):
        assert until(lambda: len(turns) == 2)

    (record,) = caplog.records
    assert record.exc_info is not None
    assert vars(record)["background"] == "unlucky"


def test_what_turns_opened_is_closed_after_the_last_by_the_thread_itself() -> None:
    order: list[str] = []

    def turn() -> None:
        order.append(threading.current_thread().name)

    def close() -> None:
        order.append(f"{threading.current_thread().name} closes")

    with BackgroundThread("tidy", turn, at_end=close):
        assert until(lambda: order)

    assert order == ["tidy", "tidy closes"]


def test_a_stop_waits_for_a_turn_no_longer_than_its_limit() -> None:
    begun, go = threading.Event(), threading.Event()

    def turn() -> None:
        begun.set()
        go.wait(PATIENCE_S)

    thread = BackgroundThread("stuck", turn, join_s=0.01)
    thread.start()
    assert begun.wait(PATIENCE_S)
    thread.stop()

    assert alive("stuck")
    go.set()
    assert until(lambda: not alive("stuck"))


def test_a_turn_may_stop_its_own_thread() -> None:
    turns: list[int] = []

    def turn() -> float:
        turns.append(1)
        thread.stop()
        return 0

    thread = BackgroundThread("self-made", turn)
    thread.start()

    assert until(lambda: turns and not alive("self-made"))
    assert turns == [1]
