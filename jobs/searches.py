"""Whether people search: work that can wait gives way to them."""

import time
from typing import Final

from redis import Redis
from redis.exceptions import RedisError

from protocol.keys import key

#: Who searched so lately may do so again in a moment.
LATELY_S: Final = 2.0
#: How often it is looked whether the searches have ended that somebody lets pass.
LOOK_S: Final = 0.02


class SearchSight:
    """
    Look at the queue of searches; where Redis is away, nobody searches.

    Args:
        redis: Of the ledger.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def under_way(self) -> bool:
        """Return True if a search or a question waits for its passages."""
        try:
            return bool(self._redis.exists(key("inflight", "retrieve")))
        except RedisError:
            return False

    def lately(self) -> bool:
        """Return True if one is under way, or ended a moment ago."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.time()
        pipe.exists(key("inflight", "retrieve"))
        pipe.hget(key("pace", "retrieve"), "last_finish")
        try:
            (seconds, micros), there, ended_us = pipe.execute()
        except RedisError:
            return False
        since_s = seconds + (micros - int(ended_us or 0)) / 1e6
        return bool(there) or since_s < LATELY_S

    def let_pass(self, *, longest_s: float) -> None:
        """Wait until no search is under way, but not longer than *longest_s*."""
        until = time.monotonic() + longest_s
        while self.under_way() and (left_s := until - time.monotonic()) > 0:
            time.sleep(min(LOOK_S, left_s))
