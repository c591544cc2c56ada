"""Waiting for what happens by itself: the next look at a store, a scrape, a line on its way."""

import time
from collections.abc import Callable
from typing import TypeVar

import psutil

T = TypeVar("T")

#: Far longer than anything here takes, on a machine that does other things as well.
PATIENCE_S = 60.0


def until(
    condition: Callable[[], T], *, told: str = "", within_s: float = PATIENCE_S, every_s: float = 0
) -> T:
    """
    Look until *condition* holds; returns what it gave.

    Args:
        condition: Asked again and again; holds when what it gives is true.

        told: What is waited for, for people.

        within_s: Seconds until waiting is given up.

        every_s: Pause between two looks, seconds; 0 means a hundredth at first, later a tenth.

    Raises:
        AssertionError: It did not hold in time; ends with what the last look gave.
    """
    began = time.monotonic()
    while not (seen := condition()):
        waited_s = time.monotonic() - began
        assert waited_s < within_s, f"{told or 'it'}: not within {within_s:.0f} s, but {seen!r}"
        time.sleep(every_s or (0.01 if waited_s < 1 else 0.1))
    return seen


def below(measure: Callable[[], float], limit: float, *, rounds: int = 5) -> float:
    """
    Measure until a figure is below *limit*; returns that one.

    For times: what waits where it should not is slow in each round, what a neighbour holds up is
    not.

    Raises:
        AssertionError: No figure was; names them.
    """
    figures: list[float] = []
    while not figures or figures[-1] >= limit:
        assert len(figures) < rounds, f"not below {limit} in {rounds} rounds: {figures}"
        figures.append(measure())
    return figures[-1]


def quickly(act: Callable[[], T], *, within_s: float) -> T:
    """
    Do *act* until it once took less than *within_s*; returns what it gave then.

    Raises:
        AssertionError: It never did, see `below`.
    """
    done: list[T] = []

    def timed() -> float:
        began = time.perf_counter()
        done.append(act())
        return time.perf_counter() - began

    below(timed, within_s)
    return done[-1]


def is_gone(pid: int) -> bool:
    """Return True if a process has ended; its parent may not have taken note of it."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
