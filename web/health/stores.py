"""Health checks of the stores: the queue Redis, the cache Redis, Chroma."""

import http.client
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from redis import Redis
from redis.exceptions import ResponseError

from intake.admission import SHARES
from jobs.memory import MemorySight
from runtime.chroma_writes import takes_writes
from runtime.redis_options import COMPACT
from web.health.check import Check, Status, graded, moment
from web.health.watch import NoAnswer, ProbeResult

SLOW_MS: Final = 50.0
#: Chroma answers from its own thread pool, which a large search may fill.
CHROMA_SLOW_MS: Final = 500.0
CHROMA_S: Final = 1.0
#: A write waits for those before it.
WRITE_S: Final = 5.0
#: So long it is told that jobs were forgotten.
FORGOTTEN_S: Final = 3_600.0
MEMORY_REFUSAL: Final = "the queue Redis has no memory left"

_COLLECTIONS: Final = "/api/v2/tenants/default_tenant/databases/default_database/collections_count"


def queue_redis(redis: Redis) -> ProbeResult:
    """Look at the queue Redis: its speed, its memory, whether it writes, whether it forgets."""
    took_ms, told = _asked(redis)
    sight = MemorySight.of(redis)
    memory = queue_memory(sight)
    checks = [speed("redis", took_ms), memory, persistence(told), eviction(told)]
    checks += [compact(_bounds(redis)), history(sight, now=time.time())]
    return ProbeResult(checks, [MEMORY_REFUSAL] if memory.status == "fail" else [])


def cache_redis(redis: Redis) -> ProbeResult:
    """Look at the cache Redis, which may be away: embeddings are computed again then."""
    took_ms, told = _asked(redis)
    return ProbeResult([speed("cache", took_ms), redis_memory("cache", told)])


def chroma(url: str) -> ProbeResult:
    """Ask Chroma whether it lives, and how many collections it has: that reads its tables."""
    address = urlsplit(url)
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    connection = kind(address.hostname or "", address.port, timeout=CHROMA_S)
    try:
        began = time.perf_counter()
        _got(connection, f"{address.path.rstrip('/')}/api/v2/heartbeat")
        took_ms = (time.perf_counter() - began) * 1000
        return ProbeResult(
            [speed("chroma", took_ms, slow_ms=CHROMA_SLOW_MS), _dense(connection, address)]
        )
    finally:
        connection.close()


def chroma_writes(url: str) -> ProbeResult:
    """Ask Chroma for a write, which may hang though it answers everything else."""
    hangs = not takes_writes(url, timeout_s=WRITE_S)
    output = "Chroma takes no writes: documents wait until it does, or is started again"
    return ProbeResult(
        [Check("index:writes", "fail" if hangs else "pass", "datastore", output=output)]
    )


def speed(name: str, took_ms: float, *, slow_ms: float = SLOW_MS) -> Check:
    """Judge an answer's time."""
    slow = took_ms >= slow_ms
    return Check(
        f"{name}:responseTime", "warn" if slow else "pass", "datastore",
        value=round(took_ms, 2), unit="ms", output="slow" if slow else None,
    )  # fmt: skip


def redis_memory(name: str, told: Mapping[str, Any]) -> Check:
    """Tell how much of its memory a Redis uses, which drops something when it is full."""
    bound, used = int(told.get("maxmemory", 0)), int(told.get("used_memory", 0))
    return _memory(name, used, bound)


def queue_memory(sight: MemorySight) -> Check:
    """Judge the memory of the queue Redis: what is used, and what its open work may still take."""
    if not sight.most:
        return _memory("redis", sight.used, 0)
    taken = round(sight.taken / sight.most, 3)
    status = graded(taken, warn=SHARES["ingest"], fail=SHARES["interactive"])
    outputs = {
        "pass": None,
        "warn": "nearly full: no new documents are accepted until some work has ended",
        "fail": "full: no new jobs are accepted until some have ended",
    }
    return _memory("redis", sight.taken, sight.most, status=status, output=outputs[status])


def history(sight: MemorySight, *, now: float) -> Check:
    """Judge whether ended jobs are known for as long as they should be."""
    if now - sight.forgotten_at >= FORGOTTEN_S:
        return Check("redis:history", "pass", "datastore")
    return Check(
        "redis:history", "warn", "datastore", value=moment(sight.forgotten_at),
        output="ended jobs were forgotten before their time: the queue Redis has too little memory",
    )  # fmt: skip


def _memory(
    name: str, taken: int, bound: int, *, status: Status = "pass", output: str | None = None
) -> Check:
    """Return the check of a Redis' memory, as a share of its bound if it has one."""
    value, unit = (round(taken / bound, 3), "ratio_used") if bound else (taken, "bytes")
    return Check(f"{name}:memory", status, "datastore", value=value, unit=unit, output=output)


def persistence(told: Mapping[str, Any]) -> Check:
    """Judge whether a restart of the queue Redis would find every job again."""
    name = "redis:persistence"
    if int(told.get("aof_enabled", 0)) != 1:
        output = "the append-only file is off: a restart of Redis loses every job"
        return Check(name, "warn", "datastore", value="off", output=output)
    last = ("aof_last_write_status", "aof_last_bgrewrite_status")
    if any(told.get(field, "ok") != "ok" for field in last):
        output = "the append-only file is not written: a restart of Redis loses jobs"
        return Check(name, "warn", "datastore", value="failing", output=output)
    return Check(name, "pass", "datastore", value="append-only file")


def eviction(told: Mapping[str, Any]) -> Check:
    """Judge what the queue Redis does when it is full: jobs that it drops are lost silently."""
    policy = str(told.get("maxmemory_policy", "unknown"))
    good = policy == "noeviction"
    return Check(
        "redis:evictionPolicy", "pass" if good else "fail", "datastore", value=policy,
        output=None if good else "a full Redis drops jobs: set maxmemory-policy to noeviction",
    )  # fmt: skip


def compact(bounds: Mapping[str, int]) -> Check:
    """Judge whether rows lie in little memory: what *bounds* lacks, Redis does not tell."""
    # A stream is larger with a larger bound, a hash with a smaller one.
    wrong = [
        f"{name} {wanted}"
        for name, wanted in COMPACT.items()
        if name in bounds
        and (bounds[name] > wanted if name.startswith("stream") else bounds[name] < wanted)
    ]
    output = f"jobs take three times the memory: set {', '.join(wrong)}" if wrong else None
    return Check("redis:compactRows", "warn" if wrong else "pass", "datastore", output=output)


def _bounds(redis: Redis) -> dict[str, int]:
    """Return the options of COMPACT as Redis has them; none where it keeps them to itself."""
    pipe = redis.pipeline(transaction=False)
    for name in COMPACT:
        pipe.config_get(name)
    told: dict[str, int] = {}
    for answer in pipe.execute(raise_on_error=False):
        if not isinstance(answer, ResponseError):
            told |= {name: int(value) for name, value in answer.items()}
    return told


def _asked(redis: Redis) -> tuple[float, dict[str, Any]]:
    """Return how long Redis takes for a ping, and its INFO."""
    redis.ping()  # a connection is made by the first
    began = time.perf_counter()
    redis.ping()
    return (time.perf_counter() - began) * 1000, redis.info()


def _got(connection: http.client.HTTPConnection, path: str) -> bytes:
    """Get a small response; any status but 200 counts as no answer."""
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read(1_000)
    if answer.status != http.HTTPStatus.OK:
        raise NoAnswer(f"status {answer.status}")
    return body


def _dense(connection: http.client.HTTPConnection, address: Any) -> Check:
    """Judge whether the vector index can be read."""
    try:
        count = int(orjson.loads(_got(connection, address.path.rstrip("/") + _COLLECTIONS)))
    except (NoAnswer, TimeoutError, ValueError):
        output = "Chroma lives and cannot read its collections"
        return Check("index:dense", "fail", "datastore", output=output)
    return Check("index:dense", "pass", "datastore", value=count, unit="collections")
