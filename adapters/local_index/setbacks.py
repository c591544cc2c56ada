"""Setbacks: what fails for one collection is tried again later, and holds up no other one."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

from redis.exceptions import RedisError

from rag.errors import StoreUnavailable

log = logging.getLogger(__name__)

#: The pause after a first fault; it doubles with each that follows, up to the first bound where the
#: vector store is away, which comes back for all at once, else up to the second.
FIRST_PAUSE_S: Final = 1.0
STORE_PAUSE_S: Final = 4.0
LONGEST_PAUSE_S: Final = 60.0


class Setbacks:
    """
    The collections that cannot be followed at present, each with a pause of its own.

    Any thread may ask and note.

    Args:
        noted: Called with the id of a collection that is left aside for a while.
    """

    def __init__(self, noted: Callable[[str], object]) -> None:
        self._noted = noted
        self._lock = threading.Lock()
        self._faults: dict[str, tuple[int, float]] = {}  # how many so far, and until when to wait

    def waits(self, collection_id: str) -> bool:
        """Return True if a collection is to be left aside at this moment."""
        _, until = self._faults.get(collection_id, (0, 0.0))
        return time.monotonic() < until

    @contextlib.contextmanager
    def scope(self, collection_id: str) -> Iterator[None]:
        """
        Do something for a collection; a fault of that is logged, and means a pause.

        Raises:
            RedisError: Redis is away, which is no fault of one collection.
        """
        try:
            yield
        except RedisError:
            raise
        except Exception as error:  # noqa: BLE001 - one collection's fault holds up no other
            self._note(collection_id, error)

    def keep(self, collection_ids: set[str]) -> None:
        """Forget the collections that are not among these."""
        with self._lock:
            for gone in self._faults.keys() - collection_ids:
                del self._faults[gone]

    def _note(self, collection_id: str, error: Exception) -> None:
        """Count a fault, and say how long its collection is left aside."""
        longest_s = STORE_PAUSE_S if isinstance(error, StoreUnavailable) else LONGEST_PAUSE_S
        with self._lock:
            count, until = self._faults.get(collection_id, (0, 0.0))
            # One step may go well and the next one fail: only time makes a fault a first one again.
            count = 1 if time.monotonic() > until + LONGEST_PAUSE_S else count + 1
            pause_s = min(longest_s, FIRST_PAUSE_S * 2 ** min(count - 1, 10))
            self._faults[collection_id] = count, time.monotonic() + pause_s
        told = {"collection_id": collection_id, "pause_s": pause_s}
        if isinstance(error, StoreUnavailable):
            log.warning("following interrupted", extra=told | {"reason": str(error)})
        else:
            log.error("following failed", exc_info=error, extra=told)
        self._noted(collection_id)
