"""Admission: no new work while Redis has no room to finish it."""

import time
from typing import Final

from redis import Redis

from intake.errors import MemoryFull

#: Redis keeps the rest of its memory for finishing what was admitted.
ADMISSION_SHARE: Final = 0.8
#: How long what Redis said of its memory is believed.
_BELIEVED_S: Final = 1.0


class Admission:
    """Refuse new work while the queue's Redis is nearly full."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._seen_at = 0.0
        self._full = False

    def check(self) -> None:
        """
        Look at Redis' memory, at most once a second.

        Raises:
            MemoryFull: More than ADMISSION_SHARE of it is taken.
        """
        if time.monotonic() - self._seen_at > _BELIEVED_S:
            memory = self._redis.info("memory")
            bound = int(memory.get("maxmemory", 0))
            self._full = bound > 0 and int(memory["used_memory"]) > ADMISSION_SHARE * bound
            self._seen_at = time.monotonic()
        if self._full:
            raise MemoryFull("the queue has no memory left for new jobs; try again shortly")
