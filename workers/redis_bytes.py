"""Cached bytes in the cache Redis, which may be slow, full or away without anyone noticing."""

import contextlib
import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from time import monotonic
from typing import Self, cast

import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

TIMEOUT_S = 0.25  # a cache that is slower than the model it saves is away
PAUSE_S = 2.0  # after a failure, so that each call does not wait for a timeout of its own

log = logging.getLogger(__name__)


class RedisBytes:
    """
    A `BytesStore` that never fails: a Redis that is away or refuses answers only misses.

    No retries: the cache's user has a model at hand. The first failure in a row is logged, every
    one is counted, and for two seconds after one nothing is asked.
    """

    def __init__(self, client: redis.Redis) -> None:
        """Use a client that answers bytes and neither retries nor waits; see `open`."""
        self._client = client
        self._lock = threading.Lock()
        self._failures = 0
        self._away_until: float | None = None

    @classmethod
    @contextlib.contextmanager
    def open(cls, url: str) -> Iterator[Self]:
        """Connect to the Redis at *url* at the first use; it need not be there."""
        client = redis.Redis.from_url(
            url,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
        try:
            yield cls(client)
        finally:
            client.close()

    @property
    def failures(self) -> int:
        """How many calls Redis did not answer."""
        return self._failures

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the value of each key, None where there is none."""
        if keys and not self._is_away():
            with self._failing_quietly():
                values = self._client.mget(list(keys))
                return cast("list[bytes | None]", values)  # nothing is decoded
        return [None] * len(keys)

    def set_many(self, items: Mapping[str, bytes], *, ttl_s: int) -> None:
        """Keep each value for *ttl_s* seconds."""
        if items and not self._is_away():
            with self._failing_quietly(), self._client.pipeline(transaction=False) as pipeline:
                for key, value in items.items():
                    pipeline.set(key, value, ex=ttl_s)
                pipeline.execute()

    def _is_away(self) -> bool:
        """Tell whether a failure is so recent that asking again is a waste of time."""
        return self._away_until is not None and monotonic() < self._away_until

    @contextlib.contextmanager
    def _failing_quietly(self) -> Iterator[None]:
        """Turn errors into a count, and into one line of log for each time Redis goes away."""
        try:
            yield
        except RedisError as error:
            with self._lock:
                first = self._away_until is None
                self._failures += 1
                self._away_until = monotonic() + PAUSE_S
            if first:
                log.warning("embedding cache is away", extra={"error": str(error)})
        else:
            with self._lock:
                back = self._away_until is not None
                self._away_until = None
            if back:
                log.info("embedding cache is back", extra={"failures": self._failures})
