"""Places for long lists of texts in a worker whose other threads are for questions."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

#: While one list is read or written the model has another one's texts. More of them would only keep
#: a question waiting for longer.
_AT_ONCE: Final = 2
#: A list that waits looks so often whether there is still a reason to.
_LOOK_S: Final = 0.2
#: One for which there was no place is back before this, or went elsewhere.
_AWAY_S: Final = 3.0


class LongTexts:
    """
    Let half of a worker's threads have long lists: some embed theirs, the others are the next.

    Without a next one at hand the model would stand still until the queue has sent one. A list for
    which there was no place is remembered for a while: it goes before those that came later.

    Args:
        threads: Of the worker; one list at least is embedded.
    """

    def __init__(self, *, threads: int) -> None:
        places = max(1, threads // 2)
        self._at_once = threading.Semaphore(min(_AT_ONCE, places))
        self._lock = threading.Lock()  # of what follows
        self._free = places
        self._away: dict[str, tuple[int, float]] = {}  # since when each waits, by when it is back

    @contextmanager
    def place(self, unit: str, since: int, check: Callable[[], None]) -> Iterator[bool]:
        """
        Wait for the turn of a list and keep it inside the block; False at once: there is no place.

        Args:
            unit: Its id.

            since: When it was asked for, by the clock of all units.

            check: Called now and then while it waits; what it raises ends that.
        """
        if not self._take(unit, since):
            yield False
            return
        try:
            while not self._at_once.acquire(timeout=_LOOK_S):
                check()
            try:
                yield True
            finally:
                self._at_once.release()
        finally:
            with self._lock:
                self._free += 1

    def _take(self, unit: str, since: int) -> bool:
        """Take a place unless older lists are to have all that are free; returns whether it did."""
        now = time.monotonic()
        with self._lock:
            self._away = {one: told for one, told in self._away.items() if told[1] > now}
            self._away.pop(unit, None)
            before = sum(created < since for created, _ in self._away.values())
            if before >= self._free:
                self._away[unit] = since, now + _AWAY_S
                return False
            self._free -= 1
            return True
