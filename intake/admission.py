"""Admission: no new work while Redis has no room for all that was admitted before it."""

import math
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal

from redis import Redis

from intake.disk_room import DiskRoom
from intake.errors import MEMORY_RETRY_S, MemoryFull
from jobs.errors import NoMemory
from jobs.memory import MemorySight

#: Whose work is admitted: documents, batch questions, people who wait, and what makes room.
Kind = Literal["ingest", "batch", "interactive", "upkeep"]

#: How much of Redis' memory may be in use and promised when work of a kind is admitted. What can
#: wait is refused first. The rest is for scripts that end what is there.
SHARES: Final[dict[Kind, float]] = {
    "ingest": 0.7, "batch": 0.8, "interactive": 0.9, "upkeep": 0.95,
}  # fmt: skip
_WHAT: Final[dict[Kind, str]] = {
    "ingest": "documents", "batch": "batch questions", "interactive": "questions",
    "upkeep": "jobs",
}  # fmt: skip
#: How long what Redis said of its memory is believed.
_BELIEVED_S: Final = 1.0
#: A refused caller may come back after this, at least and at most; the last looks tell how fast
#: memory becomes free.
_LEAST_RETRY_S, _MOST_RETRY_S = 5, 120
_LOOKS: Final = 20


class Admission:
    """
    Refuse new work for which Redis has no room besides all that it has admitted.

    Redis' memory is looked at once a second at most. What is admitted meanwhile is summed up by the
    scripts that admit, so that any number of processes together never admit too much.

    Args:
        disk: Where the data lies; looked at too, but for work that makes room.
    """

    def __init__(self, redis: Redis, *, disk: DiskRoom | None = None) -> None:
        self._redis = redis
        self._disk = disk
        self._looks: deque[MemorySight] = deque(maxlen=_LOOKS)

    def check(self, kind: Kind) -> None:
        """
        Look whether there is any room, before work is made of a request.

        Raises:
            MemoryFull, DiskFull: There is none for work of this *kind*.
        """
        self._bound(kind)

    @contextmanager
    def admitting(self, kind: Kind) -> Iterator[int | None]:
        """
        Yield the memory bound for the script that admits work of a *kind*; None: there is none.

        Raises:
            MemoryFull, DiskFull: There is no room for it.
        """
        try:
            yield self._bound(kind)
        except NoMemory as error:
            raise self._refusal(kind) from error

    def _bound(self, kind: Kind) -> int | None:
        """Return the bound for the script; raises where there is no room at all."""
        if self._disk is not None and kind != "upkeep":
            self._disk.check()
        sight = self._look()
        if sight.is_above(SHARES[kind]):
            raise self._refusal(kind)
        return sight.bound(SHARES[kind])

    def _look(self) -> MemorySight:
        """Return what Redis said last, asked anew where that is old."""
        if not self._looks or time.monotonic() - self._looks[-1].at > _BELIEVED_S:
            self._looks.append(MemorySight.of(self._redis))
        return self._looks[-1]

    def _refusal(self, kind: Kind) -> MemoryFull:
        """Return what a refused caller is told."""
        sight = self._looks[-1]
        used, promised, most = (n / 2**20 for n in (sight.used, sight.reserved, sight.most))
        return MemoryFull(
            f"The queue's Redis is nearly full: {used:.0f} of {most:.0f} MiB are used, and what "
            f"was accepted may take {promised:.0f} more. New {_WHAT[kind]} are accepted again once "
            "some of it has ended. For more room set QUERN_REDIS_MEMORY_MB, or `maxmemory` of a "
            "Redis of your own",
            retry_s=self._retry_s(kind),
        )

    def _retry_s(self, kind: Kind) -> int:
        """Return when there may be room, by how fast memory became free lately."""
        first, last = self._looks[0], self._looks[-1]
        freed = first.taken - last.taken
        if freed <= 0:
            return MEMORY_RETRY_S
        lacking = max(0.0, last.taken - SHARES[kind] * last.most) + last.most / 100
        wait_s = lacking * (last.at - first.at) / freed
        return max(_LEAST_RETRY_S, min(_MOST_RETRY_S, math.ceil(wait_s)))
