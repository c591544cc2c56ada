"""Places for long lists of texts in a worker whose other threads are for questions."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

#: While one list is read or written the model has another one's texts. More of them would only keep
#: a question waiting for longer: each text of each is a pass that may come before the question's.
_AT_ONCE: Final = 2
#: A list that waits looks so often whether there is still a reason to.
_LOOK_S: Final = 0.2


class LongTexts:
    """
    Let half of a worker's threads have long lists: some embed theirs, the others are the next.

    Without a next one at hand the model would stand still until the queue has sent one.

    Args:
        threads: Of the worker; one list at least is embedded.
    """

    def __init__(self, *, threads: int) -> None:
        places = max(1, threads // 2)
        self._places = threading.Semaphore(places)
        self._at_once = threading.Semaphore(min(_AT_ONCE, places))

    @contextmanager
    def place(self, check: Callable[[], None]) -> Iterator[bool]:
        """
        Wait for the turn of a list and keep it inside the block; False at once: no place is left.

        Args:
            check: Called now and then while it waits; what it raises ends that.
        """
        if not self._places.acquire(blocking=False):
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
            self._places.release()
