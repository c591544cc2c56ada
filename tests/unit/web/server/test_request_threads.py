"""The threads that answer requests: few have a turn, and one that waits lends its own."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from runtime.turns import aside
from tests.support.waiting import until
from web.server.request_threads import RequestThreads

WAIT_S = 20.0


class Office:
    """Calls that wait to be let go, by name, and who has begun and ended."""

    def __init__(self, *, most: int = 16, at_once: int = 2, patience_s: float = WAIT_S) -> None:
        self.threads = RequestThreads(most, at_once=at_once, patience_s=patience_s)
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.ran_in: set[int] = set()
        self._doors: dict[str, threading.Event] = {}

    def ask(self, name: str, *, lends: bool = False) -> None:
        """Submit a call, which may wait aside."""
        door = self._doors[name] = threading.Event()

        def call() -> None:
            self.begun.append(name)
            self.ran_in.add(threading.get_ident())
            if lends:
                with aside(), aside():
                    assert door.wait(WAIT_S)
            else:
                assert door.wait(WAIT_S)
            self.ended.append(name)

        self.threads.submit(call)

    def let_go(self, *names: str) -> None:
        for name in names:
            self._doors[name].set()

    def close(self) -> None:
        self.let_go(*self._doors)
        self.threads.shutdown()


@pytest.fixture
def office() -> Iterator[Callable[..., Office]]:
    opened: list[Office] = []

    def opening(**given: float) -> Office:
        opened.append(Office(**given))  # type: ignore[arg-type]
        return opened[-1]

    yield opening
    for one in opened:
        one.close()


def stays(office: Office, begun: list[str]) -> bool:
    """Return True if these begin, and nothing else for a moment."""
    until(lambda: sorted(office.begun) == sorted(begun))
    time.sleep(0.05)
    return sorted(office.begun) == sorted(begun)


def test_no_more_calls_than_there_are_turns_run_at_once(office: Callable[..., Office]) -> None:
    desk = office(at_once=2)
    for name in "abc":
        desk.ask(name)
    assert stays(desk, ["a", "b"])

    desk.let_go("a")

    until(lambda: sorted(desk.begun) == ["a", "b", "c"])


def test_a_thread_goes_from_call_to_call(office: Callable[..., Office]) -> None:
    desk = office(at_once=1)
    names = [f"n{n}" for n in range(50)]
    for name in names:
        desk.ask(name)
    desk.let_go(*names)

    until(lambda: desk.ended == names)

    assert len(desk.ran_in) == 1


def test_who_stands_aside_lends_its_turn_and_comes_back_before_new_calls(
    office: Callable[..., Office],
) -> None:
    desk = office(at_once=1)
    desk.ask("waits", lends=True)
    desk.ask("next")
    assert stays(desk, ["waits", "next"])
    desk.ask("last")

    desk.let_go("waits")
    assert stays(desk, ["waits", "next"])
    desk.let_go("next")
    until(lambda: "waits" in desk.ended)
    desk.let_go("last")

    until(lambda: desk.ended == ["next", "waits", "last"])


def test_where_no_turn_is_given_up_all_who_wait_go_on_without_one(
    office: Callable[..., Office],
) -> None:
    desk = office(at_once=1, patience_s=0.05)
    desk.ask("waits", lends=True)
    until(lambda: desk.begun == ["waits"])
    for name in ("stuck", "b", "c"):
        desk.ask(name)
    desk.let_go("waits")

    until(lambda: "waits" in desk.ended)
    time.sleep(0.06)
    desk.threads.hurry()

    until(lambda: set(desk.begun) == {"waits", "stuck", "b", "c"})


def test_a_queue_that_moves_is_no_reason_to_begin_more(office: Callable[..., Office]) -> None:
    desk = office(at_once=1, patience_s=0.5)
    names = [f"n{n}" for n in range(6)]
    for name in names:
        desk.ask(name)
    for done, name in enumerate(names[:4], start=1):
        time.sleep(0.2)  # the last has waited for longer than the patience by the third
        assert desk.threads.hurry() > 0
        assert len(desk.begun) == done
        desk.let_go(name)
        until(lambda done=done: len(desk.begun) == done + 1)

    assert len(desk.ran_in) == 1


def test_an_end_alone_is_no_sign_that_turns_move(office: Callable[..., Office]) -> None:
    desk = office(at_once=1, patience_s=0.2)
    desk.ask("stuck")
    desk.ask("late")
    time.sleep(0.21)
    desk.threads.hurry()
    until(lambda: desk.begun == ["stuck", "late"])
    desk.ask("later")
    time.sleep(0.15)
    desk.let_go("late")
    until(lambda: desk.ended == ["late"])
    time.sleep(0.1)  # less than the patience after that end

    desk.threads.hurry()

    until(lambda: desk.begun == ["stuck", "late", "later"])


def test_after_such_a_time_there_are_as_many_turns_as_before(
    office: Callable[..., Office],
) -> None:
    desk = office(at_once=1, patience_s=0.05)
    for name in "abc":
        desk.ask(name)
    until(lambda: desk.threads.hurry() > 0 and len(desk.begun) == 3)
    desk.let_go("a", "b", "c")
    until(lambda: len(desk.ended) == 3)
    time.sleep(0.02)
    desk.threads._patience_s = WAIT_S
    desk.ask("d")
    desk.ask("e")

    assert stays(desk, ["a", "b", "c", "d"])


def test_calls_wait_for_a_thread_where_all_are_busy(office: Callable[..., Office]) -> None:
    desk = office(most=2, at_once=2)
    for name in "ab":
        desk.ask(name, lends=True)
    desk.ask("c")
    assert stays(desk, ["a", "b"])

    desk.let_go("a")

    until(lambda: sorted(desk.begun) == ["a", "b", "c"])


def test_threads_end_with_the_last_call(office: Callable[..., Office]) -> None:
    desk = office()
    desk.ask("a")
    until(lambda: desk.begun == ["a"])
    thread = next(one for one in threading.enumerate() if one.ident in desk.ran_in)
    desk.close()

    thread.join(WAIT_S)
    assert not thread.is_alive()
