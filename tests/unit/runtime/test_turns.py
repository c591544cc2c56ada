"""Turns to compute: a few at once, given to others while their holders wait."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest

from runtime.turns import Turns, aside
from tests.support.waiting import until

WAIT_S = 20.0


def holding(turns: Turns, go_on: threading.Event, entered: threading.Semaphore) -> None:
    """Hold a turn until told to go on."""
    with turns.turn():
        entered.release()
        assert go_on.wait(WAIT_S)


def is_free(turns: Turns) -> bool:
    """Return True if somebody else would get a turn at once."""
    free = turns._free.acquire(blocking=False)
    if free:
        turns._free.release()
    return free


def test_no_more_than_the_given_number_compute_at_once() -> None:
    turns, go_on, entered = Turns(2), threading.Event(), threading.Semaphore(0)
    with ThreadPoolExecutor(3) as pool:
        bodies = [pool.submit(holding, turns, go_on, entered) for _ in range(3)]
        assert all(entered.acquire(timeout=WAIT_S) for _ in range(2))
        assert not is_free(turns)
        assert not entered.acquire(timeout=0.05)
        go_on.set()
        for body in bodies:
            body.result(WAIT_S)
    assert is_free(turns)


def test_there_are_as_many_as_cores_and_two_at_least() -> None:
    assert Turns()._free._value >= 2


def test_who_waits_aside_lets_another_compute_and_gets_the_turn_back() -> None:
    turns = Turns(1)
    with turns.turn():
        assert not is_free(turns)
        with aside():
            assert is_free(turns)
            with aside():
                assert is_free(turns)
            assert is_free(turns)
        assert not is_free(turns)
    assert is_free(turns)


def test_without_a_turn_nothing_happens() -> None:
    turns = Turns(1)
    with aside():
        assert is_free(turns)


def test_who_comes_back_waits_until_there_is_a_turn() -> None:
    turns, go_on, entered = Turns(1), threading.Event(), threading.Semaphore(0)
    back = threading.Event()

    def body() -> None:
        with turns.turn():
            with aside():
                assert entered.acquire(timeout=WAIT_S)
            back.set()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(body)
        other = pool.submit(holding, turns, go_on, entered)
        assert not back.wait(0.05)
        go_on.set()
        first.result(WAIT_S)
        other.result(WAIT_S)
    assert back.is_set()
    assert is_free(turns)


def test_a_failing_body_gives_its_turn_back() -> None:
    turns = Turns(1)

    def fails() -> None:
        with turns.turn(), aside():
            raise LookupError

    with pytest.raises(LookupError):
        fails()
    assert is_free(turns)


def in_context(call: Callable[[], None]) -> Callable[[], None]:
    """Return *call* in a copy of this thread's context, as a retriever of a search runs."""
    context = copy_context()
    return lambda: context.run(call)


def test_a_thread_of_the_same_body_gives_its_turn_away() -> None:
    turns, go_on, away = Turns(1), threading.Event(), threading.Event()

    def retriever() -> None:
        with aside():
            away.set()
            assert go_on.wait(WAIT_S)

    with ThreadPoolExecutor(1) as pool, turns.turn():
        running = pool.submit(in_context(retriever))
        assert away.wait(WAIT_S)
        assert is_free(turns)
        with aside():  # both are: the turn is given away once
            assert turns._free._value == 1
        assert is_free(turns)
        go_on.set()
        running.result(WAIT_S)
        assert not is_free(turns)
    assert turns._free._value == 1


def test_a_thread_that_comes_back_after_its_body_has_ended_takes_no_turn() -> None:
    turns, go_on, away = Turns(1), threading.Event(), threading.Event()

    def retriever() -> None:
        with aside():
            away.set()
            assert go_on.wait(WAIT_S)

    with ThreadPoolExecutor(1) as pool:
        with turns.turn():
            running = pool.submit(in_context(retriever))
            assert away.wait(WAIT_S)
        assert turns._free._value == 1
        go_on.set()
        running.result(WAIT_S)
    assert turns._free._value == 1


def test_one_that_waits_to_come_back_when_its_body_ends_leaves_the_turn_to_others() -> None:
    turns, go_on, entered = Turns(1), threading.Event(), threading.Semaphore(0)
    end, away = threading.Event(), threading.Event()

    def retriever() -> None:
        with aside():
            away.set()
            assert entered.acquire(timeout=WAIT_S)  # the other one has the turn now

    def body() -> threading.Thread:
        with turns.turn():
            thread = threading.Thread(target=in_context(retriever))
            thread.start()
            assert away.wait(WAIT_S)
            assert end.wait(WAIT_S)
            return thread

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(body)
        assert away.wait(WAIT_S)
        other = pool.submit(holding, turns, go_on, entered)
        until(lambda: entered._value == 0 and not is_free(turns))
        end.set()
        retriever_thread = first.result(WAIT_S)
        go_on.set()
        other.result(WAIT_S)
        retriever_thread.join(WAIT_S)
    assert not retriever_thread.is_alive()
    assert turns._free._value == 1


def test_a_body_asks_for_one_turn_however_many_of_its_threads_come_back() -> None:
    turns, go_on, entered = Turns(1), threading.Event(), threading.Semaphore(0)
    away, come = threading.Event(), threading.Event()

    def retriever() -> None:
        with aside():
            away.set()
            assert come.wait(WAIT_S)

    def comes_back_first() -> bool:
        return len(turns._free._cond._waiters) == 1  # type: ignore[attr-defined]  # of a semaphore

    with ThreadPoolExecutor(3) as pool:
        with turns.turn():
            first = pool.submit(in_context(retriever))
            assert away.wait(WAIT_S)
            other = pool.submit(holding, turns, go_on, entered)
            assert entered.acquire(timeout=WAIT_S)
            come.set()
            until(comes_back_first)
            second = pool.submit(in_context(lambda: _step_aside(1)))
            try:
                second.result(2)  # there is no turn for it to wait for
            finally:
                go_on.set()
            first.result(WAIT_S)
            other.result(WAIT_S)
            assert turns._free._value == 0
        assert turns._free._value == 1


def test_who_has_waited_long_enough_goes_on_without_a_turn() -> None:
    turns, go_on, entered = Turns(1, patience_s=0.05), threading.Event(), threading.Semaphore(0)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(holding, turns, go_on, entered)
        assert entered.acquire(timeout=WAIT_S)
        with turns.turn():
            with aside():
                assert not is_free(turns)
            go_on.set()
            other.result(WAIT_S)
            assert turns._free._value == 1
            with aside():
                pass
            assert not is_free(turns)  # from here on it has one
    assert turns._free._value == 1


def test_many_bodies_that_go_aside_leave_all_turns_behind() -> None:
    turns = Turns(2)

    def body(_: int) -> None:
        with turns.turn():
            for _ in range(20):
                thread = threading.Thread(target=in_context(lambda: _step_aside(3)))
                thread.start()
                _step_aside(3)
                thread.join(WAIT_S)
                assert not thread.is_alive()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(body, range(16)))
    assert turns._free._value == 2


def _step_aside(times: int) -> None:
    """Go aside several times."""
    for _ in range(times):
        with aside():
            pass
