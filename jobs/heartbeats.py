"""Heartbeats: what a worker says of itself every two seconds, and who is alive."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson
from redis import Redis

from jobs import timings
from jobs.keys import key


@dataclass(frozen=True, slots=True)
class WorkerState:
    """What a worker says of itself."""

    name: str
    role: str
    pid: int
    host: str
    queues: Sequence[str]
    threads: int
    busy: int = 0
    started_at: float = 0.0
    seen_at: float = 0.0
    models: Sequence[str] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


def beat(redis: Redis, state: WorkerState) -> None:
    """Say that a worker is alive. Its time is Redis' own, so that clocks need not agree."""
    seconds, micros = redis.time()
    now = seconds + micros / 1e6
    said = asdict(state) | {"seen_at": now}
    pipe = redis.pipeline(transaction=False)
    pipe.zadd(key("workers"), {state.name: now})
    pipe.set(key("worker", state.name), orjson.dumps(said).decode(), ex=60)
    pipe.execute()


def retire(redis: Redis, name: str) -> None:
    """Say that a worker has stopped in order."""
    pipe = redis.pipeline(transaction=False)
    pipe.zrem(key("workers"), name)
    pipe.delete(key("worker", name))
    pipe.execute()


def live_workers(redis: Redis) -> list[WorkerState]:
    """Return the workers that beat within the last ten seconds; forgets the long gone."""
    seconds, micros = redis.time()
    now = seconds + micros / 1e6
    names = redis.zrangebyscore(key("workers"), now - timings.WORKER_LIVE_S, "+inf")
    redis.zremrangebyscore(key("workers"), "-inf", now - 3_600)
    if not names:
        return []
    texts = redis.mget([key("worker", name) for name in names])
    return [WorkerState(**orjson.loads(text)) for text in texts if text]


def windows(workers: Sequence[WorkerState]) -> dict[str, int]:
    """
    Return how many units may be dispatched per role: twice the threads that consume it.

    Twice, so that a thread that ends a body finds the next message already there.
    """
    sizes: dict[str, int] = {}
    for worker in workers:
        for queue in worker.queues:
            sizes[queue] = sizes.get(queue, 0) + 2 * worker.threads
    return sizes
