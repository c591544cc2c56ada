"""Readers of a job that ends when its caller leaves: where several read it, with the last one."""

from redis import Redis

from protocol.clock import now_ms
from protocol.ids import new_id
from protocol.keys import key
from protocol.timings import LISTENED_MS


class Reader:
    """
    One caller who waits for a job.

    Args:
        redis: The queue Redis.

        job_id: What is read.

        counted: Whether others may read it too and would keep it; without that nothing is asked.
    """

    def __init__(self, redis: Redis, job_id: str, *, counted: bool) -> None:
        self._redis = redis
        self._key = key("readers", job_id)
        self._name = new_id()
        self._counted = counted

    def stay(self, at_ms: int = 0) -> None:
        """
        Record that the reader is there; said again every `timings.LISTEN_S`.

        *at_ms* is the time of Redis where the caller knows it: another trip to ask is saved.
        """
        if not self._counted:
            return
        until_ms = (at_ms or now_ms(self._redis)) + LISTENED_MS
        pipe = self._redis.pipeline(transaction=False)
        pipe.zadd(self._key, {self._name: until_ms})
        pipe.pexpire(self._key, LISTENED_MS)
        pipe.execute()

    def leave(self) -> bool:
        """Record that the reader has left; returns True if no other one is there."""
        if not self._counted:
            return True
        pipe = self._redis.pipeline(transaction=False)
        pipe.zrem(self._key, self._name)
        pipe.zcount(self._key, now_ms(self._redis), "+inf")
        return not pipe.execute()[-1]
