"""The heartbeat of a worker process: what it says each two seconds, and the file it touches."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError

from jobs.heartbeats import WorkerState, beat, retire
from protocol import timings
from runtime.background import BackgroundThread
from runtime.settings import Settings
from tasks.resources import Resources

log = logging.getLogger(__name__)


class Heartbeat:
    """
    Write a heartbeat every two seconds: how busy the worker is, and how long it has stalled.

    Its thread lives beside a pool that is stuck. So the file that a container's probe looks at is
    touched only while the pool moves or has nothing to do; Redis may be away, that is no reason to
    start a worker anew.
    """

    def __init__(self, resources: Resources, state: WorkerState, settings: Settings) -> None:
        self._redis = resources.storage.redis
        self._state = state
        self._leases = resources.leases
        self._tell = resources.details
        self._alive = Path(settings.alive_file) if settings.alive_file else None
        self._patience_s = settings.health_still_fail_s
        # Not waited for as long as others: who ends must sign off in time.
        self._thread = BackgroundThread("heartbeat", self._turn, join_s=2.0)

    def start(self) -> None:
        """Start to beat."""
        self._thread.start()

    def stop(self) -> None:
        """Record that the worker has stopped."""
        self._thread.stop()
        try:
            retire(self._redis, self._state.name)
        except RedisError as error:
            log.warning("not signed off", extra={"reason": str(error)})

    def _turn(self) -> float:
        """Beat once."""
        # A thread may run several units together.
        busy = min(self._leases.bodies, self._state.threads)
        still_s = self._leases.stall_detector.still_s
        self._touch(busy=busy, still_s=still_s)
        known = {name: getattr(self._state, name) for name in WorkerState.__slots__}
        try:
            now = {
                "busy": busy,
                "still_s": round(still_s, 1),
                "oldest_s": round(self._leases.oldest_s, 1),
                "trouble": self._leases.last_error,
                "details": self._details(),
            }
            beat(self._redis, WorkerState(**(known | now)))
        except RedisError as error:
            log.warning("no heartbeat", extra={"reason": str(error)})
        return timings.HEARTBEAT_S

    def _details(self) -> Mapping[str, Any]:
        """Return details of the resources; a fault in one of them does not stop the heartbeat."""
        try:
            return self._tell()
        except RedisError:
            raise
        except Exception:
            log.exception("no details in the heartbeat")
            return {}

    def _touch(self, *, busy: int, still_s: float) -> None:
        """Touch the file for the probe, unless every thread is busy and nothing moves for long."""
        if self._alive is None or (busy >= self._state.threads and still_s > self._patience_s):
            return
        try:
            self._alive.touch()
        except OSError as error:
            log.warning("the probe's file cannot be touched", extra={"reason": str(error)})
