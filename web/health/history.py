"""The history of the installation: a sample every half minute, of the last hour, in Redis."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from redis import Redis
from redis.exceptions import ResponseError

from jobs.counters import BUCKETS, Durations, read_counters
from jobs.heartbeats import WorkerState
from protocol.clock import now_ms
from protocol.keys import key
from protocol.messages import ROLES
from runtime.redis_clients import health_client
from web.health.check import Check

log = logging.getLogger(__name__)

STEP_S: Final = 30
SAMPLES: Final = 120
#: Of an entry of the stream: the sample as JSON.
_FIELD: Final = "sample"


@dataclass(frozen=True, slots=True)
class Sample:
    """
    What was seen at the end of one step, or at its worst during it.

    *waiting* units and the age of the *oldest_s* interactive one are each queue's highest of the
    step, *busy* its threads at work; *running* and *queued* are what engines had, None where none
    tells. All others count since the ledger or a worker began: *finished* jobs by kind,
    *documents*, *listed* questions, which came in lists, how long questions *took* (by the buckets
    of `jobs.counters`), and texts *looked_up* in the embedding cache with those *missed*.
    """

    waiting: Mapping[str, int] = field(default_factory=dict)
    oldest_s: Mapping[str, float] = field(default_factory=dict)
    busy: Mapping[str, int] = field(default_factory=dict)
    running: int | None = None
    queued: int | None = None
    finished: Mapping[str, int] = field(default_factory=dict)
    documents: int = 0
    listed: int = 0
    took: Sequence[int] = (0,) * BUCKETS
    looked_up: int = 0
    missed: int = 0


class HistoryKeeper:
    """
    Keep a sample of each step; of several web processes the first one to come writes it.

    The stream's entries are named by their step, so that a second one is refused by Redis, and it
    holds the last SAMPLES of them.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due_at = 0.0
        self._waiting: dict[str, int] = {}
        self._oldest_s: dict[str, float] = {}

    def see(self, redis: Redis, checks: Sequence[Check], workers: Sequence[WorkerState]) -> None:
        """Take note of what a probe saw, and write a sample where a step is over."""
        values = {check.name: check.value for check in checks}
        for role in ROLES:
            waiting, oldest_s = values.get(f"queue:{role}"), values.get(f"queue:{role}:age")
            self._waiting[role] = max(self._waiting.get(role, 0), int(waiting or 0))
            self._oldest_s[role] = max(self._oldest_s.get(role, 0.0), float(oldest_s or 0.0))
        if self._clock() < self._due_at:
            return
        now = now_ms(redis)
        begun_ms = now % (STEP_S * 1000)
        self._due_at = self._clock() + STEP_S - begun_ms / 1000
        _write(redis, now - begun_ms, self._sample(redis, workers))
        self._waiting, self._oldest_s = {}, {}

    def _sample(self, redis: Redis, workers: Sequence[WorkerState]) -> Sample:
        """Return how it is now."""
        counted = read_counters(redis)
        finished = dict.fromkeys((kind for kind, _ in counted.finished), 0)
        for (kind, _), number in counted.finished.items():
            finished[kind] += number
        engines = [told for w in workers if (told := w.details.get("engine"))]
        caches = [told for w in workers if (told := w.details.get("embedding_cache"))]
        missed = sum(told["misses"] for told in caches)
        return Sample(
            waiting=_nonzero(self._waiting),
            oldest_s=_nonzero(self._oldest_s),
            busy=_nonzero(
                {role: sum(w.busy for w in workers if role in w.queues) for role in ROLES}
            ),
            running=sum(told["running"] for told in engines) if engines else None,
            queued=sum(told["waiting"] for told in engines) if engines else None,
            finished=finished,
            documents=sum(counted.documents.values()),
            listed=sum(counted.questions.values()),
            took=counted.durations.get("query", Durations()).buckets,
            looked_up=missed
            + sum(told[name] for told in caches for name in ("hits_l1", "hits_l2", "joined")),
            missed=missed,
        )


class HistoryReader:
    """Reads the samples for a request; connects when first asked."""

    def __init__(self, redis_url: str) -> None:
        self._redis = health_client(redis_url)

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def read(self) -> tuple[int, dict[int, Sample]]:
        """
        Return the newest step there may be a sample of, and the samples, each by its step.

        A step is named by when it ended, ms since 1970 by Redis' clock, a multiple of STEP_S.

        Raises:
            RedisError: Redis is away.
        """
        pipe = self._redis.pipeline(transaction=False)
        pipe.time()
        pipe.xrevrange(key("history"), count=SAMPLES)
        (seconds, _), entries = pipe.execute()
        samples = {
            int(name.partition("-")[0]): sample
            for name, told in entries
            if (sample := _read(told)) is not None
        }
        newest = seconds - seconds % STEP_S
        return newest * 1000, samples


def _nonzero(values: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is nothing: a sample is small."""
    return {name: value for name, value in values.items() if value}


def _write(redis: Redis, step_ms: int, sample: Sample) -> None:
    """Write a sample, unless another process has."""
    try:
        redis.xadd(
            key("history"), {_FIELD: orjson.dumps(sample).decode()}, id=f"{step_ms}-1",
            maxlen=SAMPLES, approximate=False,
        )  # fmt: skip
    except ResponseError:
        # Its step is there, or Redis' clock went back: what lies ahead of it would stay for ever.
        last = redis.xrevrange(key("history"), count=1)
        if last and int(last[0][0].partition("-")[0]) > step_ms + STEP_S * 1000:
            log.warning("history begun anew: the clock of Redis went back")
            redis.delete(key("history"))


def _read(told: Mapping[str, str]) -> Sample | None:
    """Read a sample; another build may write others, which are left out."""
    try:
        return Sample(**orjson.loads(told[_FIELD]))
    except (KeyError, TypeError, orjson.JSONDecodeError):
        return None
