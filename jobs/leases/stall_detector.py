"""Stall detector of a process: how long none of its bodies has made progress."""

import time
from collections.abc import Callable


class StallDetector:
    """
    Remember when something last moved: a claim, a step between two, a delta of an answer, an end.

    A thread that only waits moves nothing, however often it looks; renewals do not count, because
    the thread that renews lives happily beside a pool that stands still.

    Args:
        clock: Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._moved_at = clock()

    def progressed(self) -> None:
        """Note that something moves now; cheap, and may be called by any thread."""
        self._moved_at = self._clock()

    @property
    def still_s(self) -> float:
        """For how many seconds nothing has moved."""
        return self._clock() - self._moved_at
