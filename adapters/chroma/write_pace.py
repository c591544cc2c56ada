"""The pace of writes into Chroma: short ones with pauses between while people search."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from rag.search.candidates import OWN_ROWS

#: A search of the collection that is written waits for the end of the write: while people search,
#: one lasts about so long, but it has no fewer rows than this: a call has costs of its own.
SHORT_S: Final = 0.15
FEWEST_ROWS: Final = 10
#: How often the rows of a small collection are counted.
COUNT_S: Final = 600.0


class Searches(Protocol):
    """Whether people search."""

    def lately(self) -> bool:
        """Return True if a search is under way, or ended a moment ago."""
        ...

    def let_pass(self, *, longest_s: float) -> None:
        """Wait until no search is under way, but not longer than *longest_s*."""
        ...


@dataclass(slots=True)
class _Written:
    """What is known of a collection: its rows, when they were counted, and rows of a short part."""

    rows: int = 0
    counted_at: float = float("-inf")
    part: int = FEWEST_ROWS


class WritePace:
    """
    Cut writes into parts: whole while nobody searches, else into short ones that give way.

    Between two parts those who search go first, for as long as the part before took at most: a
    steady stream of searches makes writes take twice the time, and stops none. Small collections,
    for which replicas do not ask Chroma, are written whole.

    Args:
        searches: Asked before each part, from any thread; None: nobody searches.
    """

    def __init__(self, searches: Searches | None) -> None:
        self._searches = searches
        self._written: dict[str, _Written] = {}

    def parts(self, rows: int, collection_id: str, *, count: Callable[[], int]) -> Iterator[slice]:
        """
        Yield which of the rows to write next; resumed once they are written.

        One thread at a time writes into a collection; *count* returns how many rows it has.
        """
        known = self._written.setdefault(collection_id, _Written())
        first = 0
        while first < rows:
            searches = self._searches
            if searches is not None and not (searches.lately() and _is_large(known, count)):
                searches = None
            last = min(rows, first + known.part) if searches is not None else rows
            began = time.perf_counter()
            yield slice(first, last)
            took_s = time.perf_counter() - began
            known.rows += last - first
            if searches is not None:
                _learn(known, last - first, took_s)
                searches.let_pass(longest_s=took_s)
            first = last

    def forget(self, collection_id: str) -> None:
        """Forget a collection that is gone."""
        self._written.pop(collection_id, None)


def _is_large(known: _Written, count: Callable[[], int]) -> bool:
    """Return True if Chroma is asked by those who search a collection."""
    if known.rows <= OWN_ROWS and time.monotonic() - known.counted_at > COUNT_S:
        known.rows, known.counted_at = count(), time.monotonic()
    return known.rows > OWN_ROWS


def _learn(known: _Written, rows: int, took_s: float) -> None:
    """Learn how many rows make a short part; a rest of fewer that was quick tells little."""
    if rows == known.part or took_s > SHORT_S:
        known.part = max(FEWEST_ROWS, int(rows * min(2.0, SHORT_S / max(took_s, 1e-6))))
