"""The shedder: before a full Redis refuses work, it forgets what it can best do without."""

import logging
import time
from collections.abc import Callable
from typing import Final

from corpus.storage import Storage
from jobs.memory import MemorySight
from protocol import timings
from protocol.keys import key
from protocol.sizes import ROW_BYTES

log = logging.getLogger(__name__)

#: From this share of Redis' memory on, ended jobs' event streams go: their rows tell as much.
EVENTS_AT: Final = 0.6
#: From here on the oldest ended jobs are forgotten, just below where documents are refused.
FORGET_AT: Final = 0.68
#: The same where much of what is taken is waiting work, which ends by itself: just below where
#: questions are refused.
FORGET_WAITING_AT: Final = 0.78
WAITING_SHARE: Final = 0.2
#: A turn lasts so long at most.
TURN_S: Final = 0.5


class Shedder:
    """
    Make room in the queue's Redis. A turn every few seconds.

    An answer that nobody has read yet is worth more than a question that is refused: who is refused
    asks again. So what ended a short while ago stays, however full Redis is.

    Args:
        known_s: For how long an ended job is kept in any case, seconds.
    """

    def __init__(self, storage: Storage, *, known_s: float = timings.SHED_AFTER_S) -> None:
        self._redis = storage.redis
        self._shedding = storage.ledger.shedding
        self._known_s = known_s
        self._events_at = ""  # a turn goes on where the one before ended

    def turn(self) -> None:
        """Look at the memory, and shed until there is room or the turn is over."""
        sight = MemorySight.of(self._redis)
        if not sight.is_above(EVENTS_AT):
            return
        until = time.monotonic() + TURN_S
        half = time.monotonic() + TURN_S / 2
        _, self._events_at = self._shed(
            lambda at: self._shedding.events(after=at), self._events_at, EVENTS_AT, half
        )
        limit = FORGET_WAITING_AT if self._waits(sight) else FORGET_AT
        shed, _ = self._shed(
            lambda at: self._shedding.forget(after=at, least_age_s=self._known_s),
            "",
            limit,
            until,
        )
        if shed:
            log.warning("jobs forgotten before their time: Redis is full", extra={"jobs": shed})

    def _shed(
        self, step: Callable[[str], tuple[int, str]], start: str, limit: float, until: float
    ) -> tuple[int, str]:
        """Take steps until Redis is below *limit*, nothing is left or time is over."""
        at, shed = start, 0
        while time.monotonic() < until and MemorySight.of(self._redis).is_above(limit):
            count, at = step(at)
            shed += count
            if not at:
                break
        return shed, at

    def _waits(self, sight: MemorySight) -> bool:
        """Return True if much of the memory is waiting work's."""
        pipe = self._redis.pipeline(transaction=False)
        for unit_class in ("interactive", "batch", "ingest"):
            pipe.zcard(key("deadlines", unit_class))
        waiting = sum(pipe.execute()) * ROW_BYTES + sight.reserved
        return bool(waiting > WAITING_SHARE * sight.most)
