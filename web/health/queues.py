"""Health checks of queues: waiting units, units that no worker takes, the last end of one."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from redis import Redis

from protocol.keys import key
from protocol.messages import LANES_OF, ROLES, Role
from runtime.settings import Settings
from web.health.check import Check, Status, moment

#: Lanes, beside their owner's, of units that were put back often or that workers died over.
ASIDE: Final = ("put_back", "suspects")
#: Owners of waiting jobs that are counted, and dispatched units that are looked at.
OWNERS: Final = 200
DISPATCHED: Final = 200


@dataclass(frozen=True, slots=True)
class QueueSight:
    """A queue as it is: units, and times in seconds; *ended_at* is None before the first end."""

    waiting: int
    dispatched: int
    oldest_s: float
    ended_at: float | None
    unclaimed_s: float


class Queues:
    """Look at every queue; remembers since when a dispatched unit has been without a taker."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._unclaimed: dict[str, float] = {}

    def probe(self, redis: Redis) -> tuple[list[Check], Mapping[str, float]]:
        """Return the checks, and for how long each queue has had a unit that no worker takes."""
        seconds, micros = redis.time()
        now = seconds + micros / 1e6
        sights = {role: self._result(redis, role, now) for role in ROLES}
        checks = [
            check for role, result in sights.items() for check in self._checks(role, result, now)
        ]
        return checks, {role: result.unclaimed_s for role, result in sights.items()}

    def _result(self, redis: Redis, role: Role, now: float) -> QueueSight:
        """Look at one queue, in two trips."""
        pipe = redis.pipeline(transaction=False)
        for lanes in LANES_OF[role]:
            pipe.zrange(key("owners", lanes), 0, OWNERS)
        pipe.zrange(key("later", role), 0, DISPATCHED)
        for lane in ASIDE:
            pipe.zrange(key("lane", role, lane), 0, DISPATCHED)
        told = pipe.execute()
        found = told[: len(LANES_OF[role])]
        aside = list(chain.from_iterable(told[len(found) :]))
        owners = [
            (lanes, owner)
            for lanes, names in zip(LANES_OF[role], found, strict=True)
            for owner in names
        ]
        pipe.zrange(key("inflight", role), 0, DISPATCHED)
        pipe.zcard(key("inflight", role))
        pipe.zrange(key("lane", role, "interactive"), 0, 0, withscores=True)
        pipe.hget(key("pace", role), "last_finish")
        pipe.zcard(key("later", role))
        for unit in aside:
            pipe.hmget(key("unit", unit), "owner", "created")
        for lanes, owner in owners:
            pipe.zcard(key("lane", lanes, owner))
        units, dispatched, oldest, ended, paused, *rest = pipe.execute()
        rows, waiting = rest[: len(aside)], rest[len(aside) :]
        since = [score for _, score in oldest]
        since += [int(created) for owner, created in rows if owner == "interactive"]
        return QueueSight(
            waiting=sum(waiting) + paused,
            dispatched=dispatched,
            oldest_s=max(0.0, now - min(since) / 1e6) if since else 0.0,
            ended_at=float(ended) / 1e6 if ended else None,
            unclaimed_s=self._unclaimed_s(redis, role, units),
        )

    def _unclaimed_s(self, redis: Redis, role: str, units: list[str]) -> float:
        """Return for how long the oldest unit without a taker has been seen."""
        pipe = redis.pipeline(transaction=False)
        for unit in units:
            pipe.exists(key("claim", unit))
        now = time.monotonic()
        taken = pipe.execute() if units else []
        free = {f"{role}:{u}" for u, is_taken in zip(units, taken, strict=True) if not is_taken}
        for gone in [u for u in self._unclaimed if u.startswith(f"{role}:") and u not in free]:
            del self._unclaimed[gone]
        return max((now - self._unclaimed.setdefault(unit, now) for unit in free), default=0.0)

    def _checks(self, role: str, result: QueueSight, now: float) -> list[Check]:
        """Judge one queue: how much waits is no fault, how long may be one."""
        details: dict[str, Any] = {"dispatched": result.dispatched}
        if result.ended_at is not None:
            details["lastFinished"] = moment(result.ended_at)
        late = result.oldest_s >= self._settings.health_queue_warn_s
        fail_s = self._settings.health_queue_fail_s
        idle = result.ended_at is None or now - result.ended_at >= fail_s
        status: Status = (
            "fail" if result.oldest_s >= fail_s and idle else "warn" if late else "pass"
        )
        output = "questions wait long" if late else None
        return [
            Check(
                f"queue:{role}", "pass", "system", value=result.waiting, unit="waiting",
                details=details,
            ),
            Check(
                f"queue:{role}:age", status, "system", value=round(result.oldest_s, 1), unit="s",
                output=output,
            ),
        ]  # fmt: skip
