"""The sampler: all health checks run in the background; a request reads their last results."""

import os
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from redis import Redis

from jobs.heartbeats import WorkerState, failures, heard_of
from protocol import timings
from protocol.messages import ROLES
from runtime.redis_clients import health_client
from runtime.settings import Settings
from web.health import machine, stores
from web.health.backlogs import Backlogs
from web.health.check import GRADES, STARTING, Check, moment, worst
from web.health.consumers import START_S, Heard, consumers, relevant
from web.health.history import HistoryKeeper
from web.health.queues import Queues
from web.health.reports import reports
from web.health.watch import ProbeResult, Watch

#: The first request of a process waits this long for the first probe.
FIRST_POLL_S: Final = 0.03
#: No job is accepted without these.
VITAL: Final = ("redis", "machine")


class HealthSampler:
    """
    Look at everything every two seconds, in threads that start with the first request.

    No method asks anything outside this process.

    Args:
        settings: Where everything is, and what is too much of it.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._pid = 0
        self._closed = False
        self._draining = False
        self._queues = Queues(settings)
        self._backlogs = Backlogs()
        self._history = HistoryKeeper()
        self._consumed_at: dict[str, float] = {}
        self._met: set[str] = set()  # the queues that ever had a consumer
        self._workers: list[WorkerState] = []
        self._clients: dict[str, Redis] = {}
        self._watches: dict[str, Watch] = {}

    def start(self) -> None:
        """Start looking, unless this process already does; a forked child starts its own."""
        if self._pid == os.getpid():
            return
        with self._lock:
            if self._pid == os.getpid():
                return
            self._clients = {}
            self._watches = self._new_watches()
            if not self._closed:
                for watch in self._watches.values():
                    watch.start()
            self._pid = os.getpid()

    def close(self) -> None:
        """Stop looking."""
        with self._lock:
            self._closed = True
            watches = list(self._watches.values())
        for watch in watches:  # all first, that none is waited for before the next is told
            watch.thread.close()
        for watch in watches:
            watch.thread.stop()
        for client in self._clients.values():
            client.close()

    def drain(self) -> None:
        """Report from now on that this process takes no more jobs: it is about to end."""
        self._draining = True

    @property
    def workers(self) -> list[WorkerState]:
        """The workers that were alive at the last probe."""
        return list(self._workers)

    def statuses(self) -> Mapping[str, float]:
        """Return 1 for each check that passes, 0.5 for a warning, 0 for a failure; never waits."""
        return {check.name: GRADES[check.status] for check in self._checks()}

    def readiness(self) -> tuple[bool, list[str]]:
        """Return whether jobs can be accepted, and why not."""
        self._await_first_probe()
        sights = {name: watch.result for name, watch in list(self._watches.items())}
        refusals = ["going down"] if self._draining else []
        if any(sights.get(name) is None for name in VITAL):
            refusals.append("starting")
        refusals += [why for result in sights.values() if result for why in result.refusals]
        return not refusals, refusals

    def report(self, *, version: str, detailed: bool = True) -> dict[str, Any]:
        """Return health+json: the worst status, and every check where *detailed*."""
        self._await_first_probe()
        told = {name: watch for name, watch in list(self._watches.items()) if watch.result}
        starting = any(name not in told for name in VITAL)
        checks = [
            (check, w) for w in told.values() for check in (w.result or ProbeResult([])).checks
        ]
        report: dict[str, Any] = {
            "status": "fail" if starting else worst(check.status for check, _ in checks),
            "version": "1",
            "releaseId": version,
            "serviceId": "quern-web",
            "time": moment(datetime.now(tz=UTC).timestamp()),
        }
        if not detailed:
            return {"status": report["status"]}
        report["checks"] = {}
        for check, watch in checks:
            shown = check.shown(moment(watch.taken_at))
            report["checks"].setdefault(check.name, []).append(shown)
        ailing = [check.output for check, _ in checks if check.status != "pass"]
        if starting or (ailing and all(output == STARTING for output in ailing)):
            report["output"] = STARTING
        return report

    def _checks(self) -> Sequence[Check]:
        """Return every check as it was settled last."""
        sights = [watch.result for watch in list(self._watches.values())]
        return [check for result in sights if result for check in result.checks]

    def _await_first_probe(self) -> None:
        """At the very start wait a moment for the first probes."""
        self.start()
        end = time.monotonic() + FIRST_POLL_S
        for name in VITAL:
            watch = self._watches[name]
            if not watch.seen.is_set():
                watch.seen.wait(max(0.0, end - time.monotonic()))

    def _new_watches(self) -> dict[str, Watch]:
        """Return a watch for each part that may hang by itself."""
        settings = self._settings
        gone = "no answer"
        return {
            "redis": Watch(
                "redis", self._probe_redis,
                away=Check("redis:responseTime", "fail", "datastore", output=gone),
                refusal="redis does not answer",
            ),
            "cache": Watch(
                "cache", lambda: stores.cache_redis(self._client(settings.cache_url)),
                away=Check(
                    "cache:responseTime", "warn", "datastore",
                    output=f"{gone}; embeddings are computed again",
                ),
            ),
            "chroma": Watch(
                "chroma", lambda: stores.chroma(settings.chroma_url),
                away=Check("chroma:responseTime", "fail", "datastore", output=gone),
            ),
            "chroma writes": Watch(
                "chroma writes", lambda: stores.chroma_writes(settings.chroma_url),
                away=Check("index:writes", "fail", "datastore", output=gone),
            ),
            "machine": Watch(
                "machine", lambda: machine.machine(settings),
                away=Check("disk:data", "fail", "system", output="the disk does not answer"),
                refusal="the disk does not answer",
            ),
        }  # fmt: skip

    def _client(self, url: str) -> Redis:
        """Return this process' own client for looking; made once."""
        if url not in self._clients:
            self._clients[url] = health_client(url)
        return self._clients[url]

    def _probe_redis(self) -> ProbeResult:
        """Look at the queue Redis, and through it at the queues and the workers."""
        redis = self._client(self._settings.redis_url)
        seen = stores.queue_redis(redis)
        heard = [Heard(state, silent_s) for state, silent_s in heard_of(redis)]
        self._workers = [h.state for h in heard if h.silent_s <= timings.WORKER_LIVE_S]
        reasons = failures(redis)
        queues, unclaimed = self._queues.probe(redis)
        self._history.see(redis, queues, self._workers)
        away_s = self._away_s(heard)
        starting = self._starting()
        workers = consumers(
            relevant(heard),
            away_s=away_s,
            unclaimed=unclaimed,
            failures=reasons,
            settings=self._settings,
            starting=starting,
        )
        told = reports(self._workers, failures=reasons, settings=self._settings, starting=starting)
        behind = self._backlogs.probe(redis)
        return ProbeResult([*seen.checks, *workers, *told, *queues, *behind], seen.refusals)

    def _away_s(self, heard: Sequence[Heard]) -> dict[str, float]:
        """Return for how long each queue has been without consumers, seconds."""
        now = time.monotonic()
        for role in ROLES:
            if any(role in worker.state.queues for worker in heard if not worker.silent):
                self._consumed_at[role] = now
                self._met.add(role)
        return {role: now - self._consumed_at.setdefault(role, now) for role in ROLES}

    def _starting(self) -> frozenset[str]:
        """Return the queues that have had no consumer since the first probe, a moment ago."""
        now = time.monotonic()
        young = (role for role, began in self._consumed_at.items() if now - began < START_S)
        return frozenset(young) - self._met
