"""Purging: jobs that ended long ago are forgotten before their time, one at a time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from redis import Redis

from jobs.ledger.pace import Pace
from protocol.keys import key
from protocol.scripts import Scripts


@dataclass(slots=True)
class Purged:
    """What was forgotten, or would be: jobs, their rows, and the segments that held some."""

    jobs: int = 0
    rows: int = 0
    segments: set[str] = field(default_factory=set)

    def add(self, answer: list[object]) -> bool:
        """Count the answer of one script; returns True if it left rows for another."""
        jobs, rows, more, *segments = answer
        self.jobs += int(str(jobs))
        self.rows += int(str(rows))
        self.segments.update(map(str, segments))
        return more == "1"


class Purging:
    """
    Forget ended jobs. To stop at any instant is harmless, and so is a repeat.

    Of a job whose rows are being forgotten the first ones are shown until the last call.
    """

    def __init__(self, redis: Redis, scripts: Scripts) -> None:
        self._redis = redis
        self._run = scripts
        self._pace = Pace()

    def page(
        self, *, before_us: int, after: tuple[float, str], most: int
    ) -> list[tuple[str, float]]:
        """Return jobs submitted before a time and listed behind *after*, oldest first."""
        at, skip = after
        found = self._redis.zrangebyscore(
            key("jobs"), at, f"({before_us}", start=0, num=most, withscores=True
        )
        return [(name, when) for name, when in found if (when, name) > (at, skip)]

    def forget(
        self,
        job_ids: Iterable[str],
        purged: Purged,
        *,
        before_us: int,
        collection: str,
        dry_run: bool,
    ) -> Iterator[bool]:
        """
        Forget those of some jobs that ended before a time, slice by slice.

        After each trip to Redis yields whether some are left, or have rows left.
        """
        left = list(job_ids)
        while left:
            size = self._pace.rows
            part, left = left[:size], left[size:]
            rows, before = max(1, size // len(part)), purged.rows
            answers, spent_s = self._run.timed_many(
                "purge", [(job, before_us, collection, rows, int(dry_run)) for job in part]
            )
            for job, answer in zip(part, answers, strict=True):
                if isinstance(answer, Exception):
                    raise answer
                if purged.add(answer):
                    left.append(job)
            self._pace.took(len(part) if dry_run else max(len(part), purged.rows - before), spent_s)
            yield bool(left)

    def counts(self, segments: Iterable[str]) -> dict[str, int]:
        """Return how many rows of segments were forgotten."""
        names = list(segments)
        told = self._redis.hmget(key("purged"), names) if names else []
        return {name: int(n) for name, n in zip(names, told, strict=True) if n}

    def counted(self) -> Iterator[tuple[str, int]]:
        """Yield all segments of which rows were forgotten, with how many."""
        for name, n in self._redis.hscan_iter(key("purged"), count=500):
            yield str(name), int(n)

    def segment_gone(self, segment: str) -> None:
        """Count no more for a segment that is not there."""
        self._redis.hdel(key("purged"), segment)

    def files_held(self) -> bool:
        """Return True while a backup reads files: none may go."""
        return bool(self._redis.exists(key("lock", "backup")))
