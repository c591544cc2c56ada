"""Rounds: what takes long is done a little at a time, and begun anew a while after its end."""

import time
from collections.abc import Callable, Iterator


class Rounds:
    """
    Go through something long in short turns.

    Args:
        begin: Returns the steps of a round, from its beginning.

        every_s: From the end of a round to the next.

        turn_s: How long a turn lasts; the step under way ends first.

        at_once: Whether the first round begins with the first turn, and not *every_s* later.
    """

    def __init__(
        self,
        begin: Callable[[], Iterator[object]],
        *,
        every_s: float,
        turn_s: float,
        at_once: bool,
    ) -> None:
        self._begin = begin
        self._every_s = every_s
        self._turn_s = turn_s
        self._ended_at = float("-inf") if at_once else time.monotonic()
        self._steps: Iterator[object] | None = None

    @property
    def rests(self) -> bool:
        """Whether the next turn has nothing to do: a round has ended, and no other is due."""
        return self._steps is None and time.monotonic() - self._ended_at < self._every_s

    def turn(self, *, turn_s: float | None = None) -> None:
        """
        Go on with the round for a turn; after a step that fails the next turn begins anew.

        *turn_s* is for a turn that is shorter than others.
        """
        if self.rests:
            return
        if self._steps is None:
            self._steps = self._begin()
        until = time.monotonic() + (self._turn_s if turn_s is None else turn_s)
        try:
            while time.monotonic() < until:
                next(self._steps)
        except StopIteration:
            self._steps, self._ended_at = None, time.monotonic()
        except BaseException:
            self._steps = None
            raise
