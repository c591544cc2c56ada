"""The pace of writes into Chroma: short ones with pauses between while people search."""

import time
from collections.abc import Iterator
from typing import Final, Protocol

#: A search of the collection that is written waits for the end of the write: while people search,
#: one lasts about so long, but it has no fewer rows than this: a call has costs of its own.
SHORT_S: Final = 0.15
FEWEST_ROWS: Final = 10
#: How often it is looked whether the searches have ended for which a write waits.
LOOK_S: Final = 0.02
#: The share of what a row took that the next write counts on, however quick the last one was.
PACE_KEPT: Final = 0.8


class Searches(Protocol):
    """Whether people search."""

    def under_way(self) -> bool:
        """Return True if a search waits for its passages."""
        ...

    def lately(self) -> bool:
        """Return True if one is under way, or ended a moment ago."""
        ...


class WritePace:
    """
    Cut writes into parts: whole while nobody searches, else into short ones that give way.

    Between two parts those who search go first, for as long as the part before took at most: a
    steady stream of searches makes writes take twice the time, and stops none.

    Args:
        searches: Asked before each part, from any thread; None: nobody searches.
    """

    def __init__(self, searches: Searches | None) -> None:
        self._searches = searches
        self._row_s = 0.0  # of writing one row, seconds

    def parts(self, rows: int) -> Iterator[slice]:
        """Yield which of the rows to write next; resumed once they are written."""
        first = 0
        while first < rows:
            shared = self._searches is not None and self._searches.lately()
            last = min(rows, first + self._short()) if shared else rows
            began = time.perf_counter()
            yield slice(first, last)
            took_s = time.perf_counter() - began
            self._row_s = max(took_s / (last - first), PACE_KEPT * self._row_s)
            first = last
            if shared:
                self._wait(took_s)

    def _short(self) -> int:
        """Return how many rows are written in SHORT_S."""
        return max(FEWEST_ROWS, int(SHORT_S / self._row_s)) if self._row_s else FEWEST_ROWS

    def _wait(self, longest_s: float) -> None:
        """Wait until no search is under way, but not longer than *longest_s*."""
        until = time.perf_counter() + longest_s
        while (
            self._searches is not None
            and self._searches.under_way()
            and (left_s := until - time.perf_counter()) > 0
        ):
            time.sleep(min(LOOK_S, left_s))
