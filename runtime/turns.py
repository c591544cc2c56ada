"""A limit on threads that compute at once, because they share one interpreter lock."""

import contextlib
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Protocol

from runtime.cores import usable_cores


class Turn(Protocol):
    """What a thread lends to others while it waits."""

    def leave(self) -> None:
        """Give the turn to others."""
        ...

    def come_back(self) -> None:
        """Wait for a turn again."""
        ...


class Turns:
    """
    Limit how many threads compute at once; a thread that waits for something slow lends its turn.

    Threads that compute in Python hand one lock to one another at every call that blocks. With more
    of them than cores each hand-over meets a thread that is not running, and the same work takes
    a fifth more of the processor.

    Args:
        at_once: How many may compute; 0 stands for the cores of this process, two at least.

        patience_s: Who has waited this long goes on without a turn; None: nobody does.
    """

    def __init__(self, at_once: int = 0, *, patience_s: float | None = None) -> None:
        self._free = threading.Semaphore(at_once or max(2, usable_cores()))
        self._patience_s = patience_s

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn and hold it; `aside` gives it to others for a while."""
        turn = _Turn(self._free, self._patience_s)
        token = _CURRENT.set(turn)
        try:
            yield
        finally:
            _CURRENT.reset(token)
            turn.end()


def hold(turn: Turn) -> None:
    """Make *turn* the one of this thread, for as long as it runs."""
    _CURRENT.set(turn)


@contextlib.contextmanager
def aside() -> Iterator[None]:
    """
    Let others compute while the caller waits for another process, a lock or a clock.

    The turn is that of the context, which threads that work for the same body share. Without a turn
    nothing happens.
    """
    turn = _CURRENT.get()
    if turn is None:
        yield
        return
    turn.leave()
    try:
        yield
    finally:
        turn.come_back()


class _Turn:
    """One body's turn: held unless one of its threads is aside, or it went on without one."""

    def __init__(self, free: threading.Semaphore, patience_s: float | None) -> None:
        self._free = free
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._held = free.acquire(timeout=patience_s)
        self._ended = False
        self._away = 0

    def leave(self) -> None:
        """Give the turn to others until every thread that left has come back."""
        with self._lock:
            self._away += 1
            self._give_back()

    def come_back(self) -> None:
        """Wait for a turn again, unless another thread is still away or the body has ended."""
        with self._lock:
            if self._away > 1 or self._ended:
                self._away -= 1
                return
        # Away until the turn is there: another thread that leaves and comes back asks for none.
        got = self._free.acquire(timeout=self._patience_s)
        with self._lock:
            self._away -= 1
            self._held = got
            if self._away or self._ended:  # meanwhile
                self._give_back()

    def end(self) -> None:
        """Give the turn back; a thread that is still aside asks for none any more."""
        with self._lock:
            self._ended = True
            self._give_back()

    def _give_back(self) -> None:
        """Give the turn back if it is held."""
        if self._held:
            self._held = False
            self._free.release()


_CURRENT: ContextVar[Turn | None] = ContextVar("turn", default=None)
