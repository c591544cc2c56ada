"""A background thread: one turn again and again, until it is stopped in order."""

import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

log = logging.getLogger(__name__)

#: After a fault that a turn did not see to itself, the next turn waits this long.
FAULT_S: Final = 1.0


class BackgroundThread:
    """
    Run *turn* in a daemon thread again and again, resting between two turns.

    A turn returns for how many seconds to rest, 0 for not at all, None for until it is woken. What
    it raises is logged, and the next turn comes FAULT_S later: one fault must not end the thread
    for good. A turn that waits for something itself, as for a message, does so for a short time
    only, or with `pause`: a stop waits for the end of the turn.

    Args:
        name: Of the thread, for people.

        turn: What is done.

        first_s: How long to rest before the first turn.

        at_end: Called by the thread after its last turn, to close what its turns opened.

        join_s: How long a stop waits for the end of the turn; a thread that takes longer is left
            behind, and ends with the process.
    """

    def __init__(
        self,
        name: str,
        turn: Callable[[], float | None],
        *,
        first_s: float = 0.0,
        at_end: Callable[[], object] | None = None,
        join_s: float = 5.0,
    ) -> None:
        self._name = name
        self._turn = turn
        self._first_s = first_s
        self._at_end = at_end
        self._join_s = join_s
        self._condition = threading.Condition()
        self._woken = False
        self._closing = False
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop, and wait for the end of the present turn."""
        self.stop()

    @property
    def closing(self) -> bool:
        """Whether a long turn should end."""
        return self._closing

    def start(self) -> None:
        """Start, unless it runs; in a process that was forked meanwhile, anew."""
        with self._condition:
            if self._closing or (self._thread is not None and self._thread.is_alive()):
                return
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """End the present rest, or the next one; may be called by any thread."""
        with self._condition:
            self._woken = True
            self._condition.notify_all()

    def close(self) -> None:
        """Say that no turn follows the present one; does not wait."""
        with self._condition:
            self._closing = True
            self._condition.notify_all()

    def stop(self) -> None:
        """Close, and wait for the end of the present turn. Harmless when repeated."""
        self.close()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=self._join_s)

    def pause(self, seconds: float) -> None:
        """Wait inside a turn; only a stop ends it early."""
        with self._condition:
            self._condition.wait_for(lambda: self._closing, timeout=seconds)

    def _run(self) -> None:
        """Take turns until closed."""
        try:
            self.pause(self._first_s)
            while not self._closing:
                self._rest(self._turn_safely())
        finally:
            if self._at_end is not None:
                self._at_end()

    def _turn_safely(self) -> float | None:
        """Take one turn; returns for how long to rest."""
        try:
            return self._turn()
        except Exception:
            log.exception("a background thread's turn failed", extra={"background": self._name})
            self.pause(FAULT_S)
            return 0

    def _rest(self, seconds: float | None) -> None:
        """Wait until woken, closed, or rested."""
        with self._condition:
            if seconds is None or seconds > 0:
                self._condition.wait_for(lambda: self._woken or self._closing, timeout=seconds)
            self._woken = False
