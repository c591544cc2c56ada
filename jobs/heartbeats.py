"""Heartbeats: the state that a worker writes every two seconds, and which workers are alive."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson
from redis import Redis

from protocol import timings
from protocol.keys import key
from protocol.messages import LONG_ROLES, ROLES


@dataclass(frozen=True, slots=True)
class WorkerState:
    """
    What a worker says of itself.

    Of its *threads*, *reserve* never run batch questions; *trouble* is why its last unit waits,
    where what it depends on is away; *metrics_port* is where its /metrics is, 0 for nowhere.
    Nothing has moved in its bodies for *still_s*, and the oldest of them has been running for
    *oldest_s*.
    """

    name: str
    role: str
    pid: int
    host: str
    queues: Sequence[str]
    threads: int
    reserve: int = 0
    busy: int = 0
    started_at: float = 0.0
    seen_at: float = 0.0
    models: Sequence[str] = ()
    trouble: str = ""
    metrics_port: int = 0
    still_s: float = 0.0
    oldest_s: float = 0.0
    details: Mapping[str, Any] = field(default_factory=dict)


def beat(redis: Redis, state: WorkerState) -> None:
    """Write a worker's heartbeat. Its time is Redis' own, so that clocks need not agree."""
    seconds, micros = redis.time()
    now = seconds + micros / 1e6
    said = asdict(state) | {"seen_at": now}
    pipe = redis.pipeline(transaction=False)
    pipe.zadd(key("workers"), {state.name: now})
    pipe.set(key("worker", state.name), orjson.dumps(said).decode(), ex=timings.WORKER_KNOWN_S)
    pipe.execute()


def retire(redis: Redis, name: str) -> None:
    """Remove a worker that has stopped in order."""
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


def heard_of(redis: Redis) -> list[tuple[WorkerState, float]]:
    """Return the workers that beat within the last minute, and how long each is silent, seconds."""
    seconds, micros = redis.time()
    now = seconds + micros / 1e6
    names = redis.zrangebyscore(key("workers"), now - timings.WORKER_KNOWN_S, "+inf")
    texts = redis.mget([key("worker", name) for name in names]) if names else []
    states = [WorkerState(**orjson.loads(text)) for text in texts if text]
    return [(state, max(0.0, now - state.seen_at)) for state in states]


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


def batch_windows(workers: Sequence[WorkerState]) -> dict[str, int]:
    """
    Return, for some roles, how many units may be dispatched before all but interactive ones wait.

    Where threads are reserved not twice as many: what is dispatched may be in a thread, and those
    of the reserve stay free. Of documents one more than there are threads: what has a message is
    past taking turns.
    """
    sizes: dict[str, int] = {}
    for worker in workers:
        for queue in worker.queues:
            if worker.reserve:
                sizes[queue] = sizes.get(queue, 0) + worker.threads - worker.reserve
            elif queue in LONG_ROLES:
                sizes[queue] = sizes.get(queue, 0) + worker.threads + 1
    return sizes


def long_window(workers: Sequence[WorkerState]) -> int | None:
    """Return how many long bodies may run, so that a thread stays free; None if unknown."""
    threads = sum(w.threads for w in workers if LONG_ROLES.intersection(w.queues))
    return max(1, threads - 1) if threads else None


def record_failure(redis: Redis, queues: Sequence[str], reason: str) -> None:
    """Record why a worker for *queues* did not start; kept until one does, at most an hour."""
    for queue in queues:
        redis.set(key("failure", queue), reason, ex=3_600)


def forget_failure(redis: Redis, queues: Sequence[str]) -> None:
    """Forget why a worker for *queues* did not start: one has."""
    redis.delete(*(key("failure", queue) for queue in queues))


def failures(redis: Redis) -> dict[str, str]:
    """Return, per queue whose last worker did not start, the reason."""
    texts = redis.mget([key("failure", role) for role in ROLES])
    return {role: text for role, text in zip(ROLES, texts, strict=True) if text}
