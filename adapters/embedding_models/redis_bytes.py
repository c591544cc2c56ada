"""Cached bytes in the cache Redis; no call fails where it is slow, full or away."""

import contextlib
import logging
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from time import monotonic
from typing import Any, Self, cast

import redis
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from runtime.metrics.meters import CACHE_SECONDS

TIMEOUT_S = 0.25  # a cache that is slower than the model it saves is away
PAUSE_S = 2.0  # after a failure, so that each call does not wait for a timeout of its own

log = logging.getLogger(__name__)


class RedisBytes:
    """
    A `BytesStore` that never fails: a Redis that is away or refuses answers only misses.

    No retries: the cache's user has a model at hand. Every failure is counted, the first in a row
    is logged, and `trouble` tells of it until it is over. For two seconds after Redis was silent
    nothing is asked. One that answers but takes no writes, being full or unable to write its file,
    is still read.

    Each use of a value sets its time to live anew, so what expires first was least recently used.
    That is what a Redis with the policy `volatile-ttl` drops first, and its append-only file holds
    it: unlike the ages that `allkeys-lru` goes by, it outlives a kill.
    """

    def __init__(self, client: redis.Redis) -> None:
        """Use a client that answers bytes and neither retries nor waits; see `open`."""
        self._client = client
        self._lock = threading.Lock()
        self._failures = 0
        self._troubles: dict[str, str] = {}  # what is wrong, by what we were about to do
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
        """How many calls Redis did not answer or refused."""
        return self._failures

    @property
    def trouble(self) -> str:
        """What is wrong with the cache, in words for an operator; empty while nothing is."""
        with self._lock:
            return "; ".join(sorted(set(self._troubles.values())))

    def get_many(self, keys: Sequence[str], *, ttl_s: int) -> list[bytes | None]:
        """Return the value of each key, None where there is none; a value lives *ttl_s* s again."""
        if keys and not self._is_away():
            with self._failing_quietly("read"), CACHE_SECONDS["redis", "get"].time():
                try:
                    values = self._use(keys, ttl_s)
                except ResponseError:  # it takes no writes, which the next write will tell
                    values = self._client.mget(list(keys))
                return cast("list[bytes | None]", values)  # nothing is decoded
        return [None] * len(keys)

    def _use(self, keys: Sequence[str], ttl_s: int) -> list[Any]:
        """Read values and set their time to live anew."""
        if len(keys) == 1:  # a pipeline of one would take half as long again
            return [self._client.getex(keys[0], ex=ttl_s)]
        with self._client.pipeline(transaction=False) as pipeline:
            for key in keys:
                pipeline.getex(key, ex=ttl_s)
            return _answers(pipeline)

    def set_many(
        self, items: Mapping[str, bytes], *, ttl_s: int, used: Collection[str] = ()
    ) -> Collection[str]:
        """Keep each value for *ttl_s* s; count *used* keys as used, and return which are gone."""
        if items and not self._is_away():
            with self._failing_quietly("write"), CACHE_SECONDS["redis", "set"].time():
                with self._client.pipeline(transaction=False) as pipeline:
                    for key in used:  # first: what the writes push out is chosen after it
                        pipeline.expire(key, ttl_s)
                    for key, value in items.items():
                        pipeline.set(key, value, ex=ttl_s)
                    answers = _answers(pipeline)
                return [key for key, there in zip(used, answers, strict=False) if not there]
        return ()

    def _is_away(self) -> bool:
        """Return True if Redis was silent so recently that asking again is a waste of time."""
        return self._away_until is not None and monotonic() < self._away_until

    @contextlib.contextmanager
    def _failing_quietly(self, act: str) -> Iterator[None]:
        """Turn errors into a count, and into one line of log for each time one kind begins."""
        try:
            yield
        except (RedisConnectionError, RedisTimeoutError) as error:
            with self._lock:
                self._away_until = monotonic() + PAUSE_S
            self._failed("reach", "embedding cache is away", error)
        except RedisError as error:
            self._failed(act, f"embedding cache refuses to {act}", error)
        else:
            with self._lock:
                self._away_until = None
                over = self._troubles.pop("reach", "") or self._troubles.pop(act, "")
            if over:
                log.info("embedding cache is back", extra={"failures": self._failures})

    def _failed(self, act: str, trouble: str, error: RedisError) -> None:
        """Count a failure and, where it is the first in a row, say it."""
        with self._lock:
            first = act not in self._troubles
            self._failures += 1
            self._troubles.setdefault(act, f"{trouble}: {error}")
        if first:
            log.warning(trouble, extra={"error": str(error)})


def _answers(pipeline: Pipeline) -> list[Any]:
    """
    Run a pipeline, to its end.

    Raises:
        RedisError: The first refusal, in Redis' words alone; redis-py would put a key before them.
    """
    answers: list[Any] = pipeline.execute(raise_on_error=False)
    for answer in answers:
        if isinstance(answer, RedisError):
            raise answer
    return answers
