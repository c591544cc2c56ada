"""Pieces of several callers: side by side, in turns, and what goes wrong with one."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from runtime.fair_threads import FairThreads
from tests.support.waiting import PATIENCE_S, until


def test_each_piece_is_done_once_and_in_order() -> None:
    done: list[int] = []
    FairThreads(1, name="t").each(done.append, [3, 1, 2])

    assert done == [3, 1, 2]


def test_no_pieces_are_done_at_once() -> None:
    FairThreads(2, name="t").each(pytest.fail, [])


@pytest.mark.parametrize("count", [1, 2, 3])
def test_as_many_pieces_are_done_at_a_time_as_there_are_threads(count: int) -> None:
    together, lock = threading.Barrier(count), threading.Lock()
    running: list[int] = []
    most = 0

    def act(piece: int) -> None:
        nonlocal most
        with lock:
            running.append(piece)
            most = max(most, len(running))
        together.wait(PATIENCE_S)
        with lock:
            running.remove(piece)

    FairThreads(count, name="t").each(act, range(4 * count))

    assert most == count


def test_a_short_call_waits_for_one_piece_of_a_long_one() -> None:
    threads = FairThreads(1, name="t")
    begun, go = threading.Event(), threading.Event()
    done: list[str] = []

    def long(piece: int) -> None:
        begun.set()
        assert go.wait(PATIENCE_S)
        done.append(f"long {piece}")

    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(threads.each, long, range(50))]
        assert begun.wait(PATIENCE_S)
        calls.append(pool.submit(threads.each, lambda _: done.append("short"), [0]))
        # The first piece runs, and behind it the short call stands in the queue.
        until(lambda: threads._pool._work_queue.qsize() == 1)
        go.set()
        for call in calls:
            call.result(PATIENCE_S)

    assert done[:3] == ["long 0", "short", "long 1"]
    assert len(done) == 51


def test_what_goes_wrong_ends_its_own_call_only() -> None:
    threads = FairThreads(2, name="t")
    done: list[int] = []

    def act(piece: int) -> None:
        done.append(piece)
        if piece == 0:
            raise IndexError("no such row")

    with pytest.raises(IndexError, match="no such row"):
        threads.each(act, range(1_000))
    assert len(done) < 1_000
    done.clear()
    threads.each(done.append, range(3))

    assert sorted(done) == [0, 1, 2]
