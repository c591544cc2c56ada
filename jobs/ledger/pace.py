"""The pace of slices: as many rows at once as Redis works off in five milliseconds."""

from typing import Final

#: Redis' processor time for one slice, seconds; nobody else is served meanwhile. Half of it made
#: long jobs take half as long again, since trips cost as much as rows then.
SLICE_S: Final = 0.005
#: Rows of a slice: at least, at first, and at most. A row takes up to ten times as long right after
#: Redis forked, to write its log anew: each page that it meets is copied then.
LEAST_ROWS: Final = 10
FIRST_ROWS: Final = 25
MOST_ROWS: Final = 100
#: The share of what a row took that the next slice counts on, however quick the last one was.
KEPT: Final = 0.8


class Pace:
    """
    How many rows the next slice of one kind has; for one process, from any thread.

    After a slow slice the next is shorter at once; after quick ones they grow, by a quarter each.
    """

    def __init__(self) -> None:
        self._row_s = SLICE_S / FIRST_ROWS

    @property
    def rows(self) -> int:
        """Rows of the next slice."""
        return min(MOST_ROWS, max(LEAST_ROWS, round(SLICE_S / self._row_s)))

    def took(self, rows: int, spent_s: float) -> None:
        """Learn that Redis spent *spent_s* seconds on *rows*; none of them tell nothing."""
        if rows:
            self._row_s = max(spent_s / rows, KEPT * self._row_s, SLICE_S / MOST_ROWS)
