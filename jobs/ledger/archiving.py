"""Archiving: ended rows are read together, and Redis keeps only where they lie."""

from collections.abc import Sequence
from dataclasses import dataclass

from redis import Redis

from jobs.ledger.pace import Pace
from protocol.keys import key
from protocol.scripts import Scripts


@dataclass(frozen=True, slots=True)
class EndedRow:
    """The row of a unit that ended, as it stands in Redis, and when Redis forgets it."""

    unit_id: str
    fields: dict[str, str]
    expires_in_s: float


class Archiving:
    """What the archiver asks of the ledger."""

    def __init__(self, redis: Redis, scripts: Scripts) -> None:
        self._redis = redis
        self._run = scripts
        self._pace = Pace()

    def ended(self, *, before_ms: int, most: int) -> list[tuple[str, int]]:
        """Return units that ended before a time of Redis and are not archived, oldest first."""
        found = self._redis.zrangebyscore(
            key("ended"), "-inf", before_ms, start=0, num=most, withscores=True
        )
        return [(unit_id, int(at_ms)) for unit_id, at_ms in found]

    def read(self, unit_ids: Sequence[str]) -> list[EndedRow]:
        """Read rows in one trip; one that is gone has no fields."""
        pipe = self._redis.pipeline(transaction=False)
        for unit_id in unit_ids:
            pipe.hgetall(key("unit", unit_id))
            pipe.pttl(key("unit", unit_id))
        answers = pipe.execute()
        return [
            EndedRow(unit_id, fields, left_ms / 1000)
            for unit_id, fields, left_ms in zip(unit_ids, answers[::2], answers[1::2], strict=True)
        ]

    def replace(self, rows: Sequence[tuple[EndedRow, str]]) -> int:
        """
        Keep only the pointer of each row, slice by slice; returns of how many.

        None of *rows* waits for the archive from here on; one with an empty pointer stays. A row
        that was archived meanwhile keeps the pointer that it has.
        """
        at = count = 0
        while part := rows[at : at + self._pace.rows]:
            told = [
                word
                for row, pointer in part
                for word in (row.unit_id, row.fields.get("finished", ""), pointer)
            ]
            answer, spent_s = self._run.timed("archive", *told)
            self._pace.took(len(part), spent_s)
            at, count = at + len(part), count + int(answer[0])
        return count

    def forget_jobs(self, *, after: str, most: int, of: str = "") -> str:
        """
        Let lists of jobs forget those whose rows are gone, *most* of those after *after*.

        *of* names the tenant whose lists these are; empty: those of all jobs. Returns where to go
        on, empty where no more follow.
        """
        return str(self._run("forget_jobs", after, most, f"{of}/" if of else "")[1])

    def tenants(self) -> list[str]:
        """Return the tenants that have lists of jobs of their own."""
        return sorted(self._redis.smembers(key("tenants")))
