"""The memory of the queue's Redis: its bound, what is used, what open work may still take."""

import time
from dataclasses import dataclass

from redis import Redis

from protocol.keys import key


@dataclass(frozen=True, slots=True)
class MemorySight:
    """
    What Redis said of its memory, bytes.

    Attributes:
        at: When, in the time of `time.monotonic`.

        most: Its bound; 0 where it has none.

        used: What counts against the bound.

        reserved: What open units may still take.

        admitted: Of all rows ever admitted: what came since this look is in no `used`.

        forgotten_at: When ended jobs were last forgotten before their time, seconds since 1970;
            0 for never.
    """

    at: float
    most: int
    used: int
    reserved: int
    admitted: int
    forgotten_at: float = 0.0

    @property
    def taken(self) -> int:
        """What is used or promised."""
        return self.used + self.reserved

    def is_above(self, share: float) -> bool:
        """Return True if a *share* of the bound is taken, or more; never where there is none."""
        return bool(self.most) and self.taken >= int(share * self.most)

    def bound(self, share: float) -> int | None:
        """
        Return the bound of a script that admits work up to a *share*; None where Redis has none.

        It is for what is used and promised, counted from the first admission ever.
        """
        if not self.most:
            return None
        return int(share * self.most) - self.used + self.admitted

    @classmethod
    def of(cls, redis: Redis) -> "MemorySight":
        """Ask *redis*."""
        # No transaction: a full Redis takes none. What comes between the two is counted twice.
        pipe = redis.pipeline(transaction=False)
        pipe.hmget(key("room"), "reserved", "admitted", "forgotten_at")
        pipe.info("memory")
        (reserved, admitted, forgotten_ms), memory = pipe.execute()
        # Buffers of the append-only file are not what Redis compares with its bound.
        uncounted = int(memory.get("mem_not_counted_for_evict", 0))
        return cls(
            at=time.monotonic(),
            most=int(memory.get("maxmemory", 0)),
            used=int(memory["used_memory"]) - uncounted,
            reserved=max(0, int(reserved or 0)),
            admitted=int(admitted or 0),
            forgotten_at=int(forgotten_ms or 0) / 1000,
        )
