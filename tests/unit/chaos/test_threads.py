"""A thread of a run that fails says by what: a run without its faults proves nothing."""

from typing import Any

from chaos.faults.victims import Victims
from chaos.threads import RunThread


class Failing(RunThread):
    def work(self) -> None:
        raise ValueError("no more")


def test_what_a_thread_fails_by_is_kept() -> None:
    thread = Failing("failing")
    thread.start()
    thread.join()

    assert repr(thread.failure) == "ValueError('no more')"


def test_the_thread_that_looks_for_victims_fails_in_sight() -> None:
    def whole() -> bool:
        raise ValueError("no such record")

    nobody: Any = None  # is told of no victim before the look fails
    victims = Victims("redis://127.0.0.1:1/0", nobody, whole=whole)
    victims.start()
    victims.join()

    assert repr(victims.failure) == "ValueError('no such record')"
