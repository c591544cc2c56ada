"""Who holds which unit at this moment."""

from collections.abc import Iterable
from dataclasses import dataclass

import orjson
from redis import Redis

from protocol.keys import key

MOST_CLAIMS = 500


@dataclass(frozen=True, slots=True)
class Holder:
    """A unit that is claimed, the epoch of its claim, and the process that made it."""

    unit: str
    epoch: str
    pid: int


def holders(redis: Redis, *, pids: Iterable[int]) -> list[Holder]:
    """
    Return who holds which unit.

    Args:
        redis: The queue's, which decodes.

        pids: Processes that are of this stack: a claim outlives its worker by seconds.
    """
    prefix = key("claim", "")
    units = []
    for name in redis.scan_iter(match=f"{prefix}*", count=1_000):
        units.append(name.removeprefix(prefix))
        if len(units) == MOST_CLAIMS:
            break
    return [found for unit in units if (found := holder(redis, unit, pids=pids))]


def holder(redis: Redis, unit: str, *, pids: Iterable[int]) -> Holder | None:
    """Return who holds a unit, or None if nobody of *pids* does."""
    if (epoch := redis.get(key("claim", unit))) is None:
        return None
    worker, _, _ = (redis.hget(key("unit", unit), "holder") or "").rpartition("/")
    said = redis.get(key("worker", worker))
    pid = orjson.loads(said)["pid"] if said else 0
    return Holder(unit, epoch, pid) if pid in set(pids) else None
