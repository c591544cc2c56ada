"""Looking at everything in the background: a request only reads the last look."""

import http.client
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from redis import Redis
from redis.exceptions import RedisError

from jobs.front_desk import ADMISSION_SHARE
from jobs.heartbeats import WorkerState, failures, live_workers
from jobs.keys import key
from jobs.messages import ROLES
from runtime.redis_clients import health_client
from runtime.settings import Settings
from web.health.check import GRADES, Check, Status, moment, worst
from web.health.machine import existing, memory
from web.health.stores import redis_memory, speed

log = logging.getLogger(__name__)

SAMPLE_S: Final = 2.0
#: A snapshot older than this means that the sampler itself hangs.
STALE_S: Final = 30.0
#: The first request of a process waits this long for the first look.
FIRST_LOOK_S: Final = 0.04
CHROMA_S: Final = 1.0
#: One lost look is no outage.
LOOKS_TO_FAIL: Final = 2
#: A queue without consumers is a restart for so long, then an outage.
NO_WORKER_S: Final = 30.0
QUEUE_AGE_WARN_S: Final = 30.0
QUEUE_AGE_FAIL_S: Final = 300.0
DISK_WARN, DISK_FAIL = 0.15, 0.05
DISK_LEAST: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one look found; *refusals* are the reasons why no job can be accepted now."""

    taken_at: float
    checks: tuple[Check, ...]
    workers: tuple[WorkerState, ...]
    refusals: tuple[str, ...]

    @property
    def status(self) -> Status:
        """The worst of all checks."""
        return worst([check.status for check in self.checks])


class HealthSampler:
    """
    Look at everything every two seconds, in one thread that starts with the first question.

    Args:
        settings: Where everything is.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._snapshot: Snapshot | None = None
        self._looked = threading.Event()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._pid = 0
        self._bad: dict[str, int] = {}
        self._consumed_at: dict[str, float] = {}
        self._clients: dict[str, Redis[str]] = {}

    def start(self) -> None:
        """Start looking, unless this process already does; a forked child starts its own."""
        if self._pid == os.getpid():
            return
        with self._lock:
            if self._pid == os.getpid():
                return
            self._pid = os.getpid()
            self._looked.clear()
            self._snapshot = None
            self._thread = threading.Thread(target=self._look_for_ever, name="health", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop looking."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
        for client in self._clients.values():
            client.close()

    @property
    def workers(self) -> list[WorkerState]:
        """The workers that were alive at the last look."""
        snapshot = self._snapshot
        return list(snapshot.workers) if snapshot else []

    def statuses(self) -> Mapping[str, float]:
        """Return 1 for each check that passes, 0.5 for a warning, 0 for a failure; never waits."""
        snapshot = self._snapshot
        return {check.name: GRADES[check.status] for check in snapshot.checks} if snapshot else {}

    def readiness(self) -> tuple[bool, list[str]]:
        """Tell whether jobs can be accepted, and why not; never waits for anything outside."""
        snapshot = self._latest()
        if snapshot is None:
            return False, ["starting"]
        if time.monotonic() - snapshot.taken_at > STALE_S:
            return False, ["the health sampler hangs"]
        return not snapshot.refusals, list(snapshot.refusals)

    def report(self, *, version: str) -> dict[str, Any]:
        """Return health+json: the worst status and every check; waits for nothing outside."""
        snapshot = self._latest()
        now = datetime.now(tz=UTC)
        report: dict[str, Any] = {
            "status": "fail",
            "version": "1",
            "releaseId": version,
            "serviceId": "quern-web",
            "time": moment(now.timestamp()),
            "checks": {},
        }
        if snapshot is None:
            return report | {"output": "starting"}
        age_s = time.monotonic() - snapshot.taken_at
        taken = moment(now.timestamp() - age_s)
        for check in snapshot.checks:
            report["checks"].setdefault(check.name, []).append(check.shown(taken))
        if age_s > STALE_S:
            return report | {"output": "the health sampler hangs"}
        return report | {"status": snapshot.status}

    def _latest(self) -> Snapshot | None:
        """Return the last look; at the very start wait a moment for the first."""
        self.start()
        if self._snapshot is None:
            self._looked.wait(FIRST_LOOK_S)
        return self._snapshot

    def _look_for_ever(self) -> None:
        """Look, rest, repeat."""
        while not self._closing.is_set():
            try:
                self._snapshot = self._look()
                self._looked.set()
            except Exception:
                # The thread must outlive any fault: without it the snapshot grows stale and fails.
                log.exception("health not sampled")
            self._closing.wait(SAMPLE_S)

    def _look(self) -> Snapshot:
        """Look at everything once; each look has its own time limit."""
        checks: list[Check] = []
        refusals: list[str] = []
        workers: list[WorkerState] = []
        checks += self._guarded("redis", self._redis, "no answer", refusals=refusals)
        if not self._bad.get("redis"):
            try:
                workers = live_workers(self._client(self._settings.redis_url))
                checks += self._workers(workers)
                checks += _embedding_cache(workers)
                checks += self._queues()
            except RedisError:
                log.warning("workers not sampled", exc_info=True)
        checks += self._guarded(
            "cache", self._cache, "no answer; embeddings are computed again", worst="warn"
        )
        checks += self._guarded("chroma", self._chroma, "no answer")
        checks.append(self._disk(refusals))
        checks.append(memory())
        if self._refuses_for_memory(checks):
            refusals.append("the queue Redis has no memory left")
        return Snapshot(time.monotonic(), tuple(checks), tuple(workers), tuple(refusals))

    def _guarded(
        self,
        name: str,
        look: Callable[[], Sequence[Check]],
        output: str,
        *,
        worst: Status = "fail",
        refusals: list[str] | None = None,
    ) -> list[Check]:
        """Run a look that may find nobody there; the second time in a row it counts."""
        try:
            found = list(look())
        except (RedisError, OSError, http.client.HTTPException):
            self._bad[name] = self._bad.get(name, 0) + 1
            counts = self._bad[name] >= LOOKS_TO_FAIL or self._snapshot is None
            if counts and refusals is not None:
                refusals.append(f"{name} does not answer")
            status: Status = worst if counts else "warn"
            return [Check(f"{name}:responseTime", status, "datastore", output=output)]
        self._bad[name] = 0
        return found

    def _client(self, url: str) -> "Redis[str]":
        """Return this process' own client for looking; made once."""
        if url not in self._clients:
            self._clients[url] = health_client(url)
        return self._clients[url]

    def _redis(self) -> list[Check]:
        """Look at the queue Redis: speed, memory, whether it writes, whether it forgets."""
        redis = self._client(self._settings.redis_url)
        began = time.perf_counter()
        redis.ping()
        took_ms = (time.perf_counter() - began) * 1000
        told = redis.info()
        policy = str(told.get("maxmemory_policy", "unknown"))
        writes = (
            int(told.get("aof_enabled", 0)) == 1
            and told.get("aof_last_write_status") == "ok"
            and told.get("aof_last_bgrewrite_status") == "ok"
        )
        return [
            speed("redis", took_ms),
            redis_memory("redis", told, share=ADMISSION_SHARE),
            Check(
                "redis:persistence", "pass" if writes else "warn", "datastore",
                value="append-only file" if writes else "off or failing",
                output=None if writes else "a restart of Redis may lose jobs",
            ),
            Check(
                "redis:evictionPolicy", "pass" if policy == "noeviction" else "warn", "datastore",
                value=policy,
                output=None if policy == "noeviction" else "jobs may be evicted: set noeviction",
            ),
        ]  # fmt: skip

    def _cache(self) -> list[Check]:
        """Look at the cache Redis, which may be away: embeddings are computed again then."""
        redis = self._client(self._settings.cache_url)
        began = time.perf_counter()
        redis.ping()
        took_ms = (time.perf_counter() - began) * 1000
        return [speed("cache", took_ms), redis_memory("cache", redis.info("memory"), share=None)]

    def _chroma(self) -> list[Check]:
        """Ask Chroma for its heartbeat by plain HTTP."""
        address = urlsplit(self._settings.chroma_url)
        kind = (
            http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        )
        connection = kind(address.hostname or "", address.port, timeout=CHROMA_S)
        began = time.perf_counter()
        try:
            connection.request("GET", f"{address.path.rstrip('/')}/api/v2/heartbeat")
            answer = connection.getresponse()
            answer.read(1_000)
        finally:
            connection.close()
        if answer.status != http.HTTPStatus.OK:
            raise http.client.HTTPException(f"status {answer.status}")
        return [speed("chroma", (time.perf_counter() - began) * 1000, slow_ms=500)]

    def _workers(self, workers: Sequence[WorkerState]) -> list[Check]:
        """Count who consumes each queue."""
        now = time.monotonic()
        reasons = failures(self._client(self._settings.redis_url))
        checks = []
        for role in ROLES:
            there = [worker for worker in workers if role in worker.queues]
            if there:
                self._consumed_at[role] = now
            away_s = now - self._consumed_at.setdefault(role, now)
            status: Status = "pass" if there else "warn" if away_s < NO_WORKER_S else "fail"
            output = None if there else f"no heartbeat for {away_s:.0f} s; jobs wait"
            if output and role in reasons:
                output += f". Its last worker did not start: {reasons[role]}"
            if there and all(worker.trouble for worker in there):
                status, output = "warn", f"jobs wait: {there[0].trouble}"
            checks.append(
                Check(
                    f"workers:{role}", status, "component", value=len(there), unit="count",
                    output=output,
                    details={
                        "threads": sum(worker.threads for worker in there),
                        "busy": sum(worker.busy for worker in there),
                        "models": sorted({name for worker in there for name in worker.models}),
                    },
                )
            )  # fmt: skip
        return checks

    def _queues(self) -> list[Check]:
        """Look how much waits for each role, and how long the oldest question has."""
        redis = self._client(self._settings.redis_url)
        seconds, micros = redis.time()
        checks = []
        for role in ROLES:
            owners = redis.zrange(key("owners", role), 0, 200)
            pipe = redis.pipeline(transaction=False)
            pipe.zcard(key("inflight", role))
            pipe.zrange(key("lane", role, "interactive"), 0, 0, withscores=True)
            for owner in owners:
                pipe.zcard(key("lane", role, owner))
            inflight, oldest, *waiting = pipe.execute()
            checks.append(
                Check(
                    f"queue:{role}", "pass", "system", value=sum(waiting), unit="waiting",
                    details={"dispatched": inflight},
                )
            )  # fmt: skip
            age_s = max(0.0, seconds + micros / 1e6 - oldest[0][1] / 1e6) if oldest else 0.0
            late = age_s >= QUEUE_AGE_WARN_S
            status: Status = "fail" if age_s >= QUEUE_AGE_FAIL_S else "warn" if late else "pass"
            checks.append(
                Check(
                    f"queue:{role}:age", status, "system", value=round(age_s, 1), unit="s",
                    output="questions wait long" if late else None,
                )
            )  # fmt: skip
        return checks

    def _disk(self, refusals: list[str]) -> Check:
        """Look at the disk that keeps the data."""
        folder = existing(self._settings.blobs)
        usage = shutil.disk_usage(folder)
        share = usage.free / usage.total
        status: Status = "pass"
        if share < DISK_FAIL or usage.free < DISK_LEAST:
            status = "fail"
        elif share < DISK_WARN:
            status = "warn"
        if usage.free < DISK_LEAST:
            refusals.append("the disk is full")
        if not os.access(folder, os.W_OK):
            status = "fail"
            refusals.append("the data folder cannot be written")
        return Check("disk:data", status, "system", value=round(share, 3), unit="ratio_free")

    @staticmethod
    def _refuses_for_memory(checks: Sequence[Check]) -> bool:
        """Tell whether the queue Redis is above the share at which admission ends."""
        return any(check.name == "redis:memory" and check.status == "fail" for check in checks)


def _embedding_cache(workers: Sequence[WorkerState]) -> list[Check]:
    """Judge the embedding cache by what the workers that use it say; nothing where none does."""
    told = [worker.details.get("embedding_cache") for worker in workers]
    parts = [part for part in told if part]
    if not parts:
        return []
    counts = {
        name: sum(part[name] for part in parts)
        for name in ("hits_l1", "hits_l2", "misses", "joined", "corrupt")
    }
    asked = sum(counts.values()) - counts["corrupt"]  # each of those is a miss as well
    troubles = sorted({part["trouble"] for part in parts if part["trouble"]})
    return [
        Check(
            "cache:embeddings", "warn" if troubles else "pass", "component",
            value=round(1 - counts["misses"] / asked, 3) if asked else None, unit="ratio_hits",
            output="; ".join(troubles) or None, details=counts,
        )
    ]  # fmt: skip
