"""Rows: what the ledger has written down of units and jobs."""

from collections.abc import Collection

from redis import Redis

from jobs.units import FINAL_STATES
from protocol.keys import key


class Rows:
    """Read the rows of units and jobs; changes nothing."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def unit(self, unit_id: str) -> dict[str, str] | None:
        """Return a unit's row, None where there is none."""
        return self._redis.hgetall(key("unit", unit_id)) or None

    def job(self, job_id: str) -> dict[str, str] | None:
        """Return the row of a job: a question's own, or an ingest's."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.hgetall(key("unit", job_id))
        pipe.hgetall(key("job", job_id))
        unit, parent = pipe.execute()
        return unit or parent or None

    def documents(
        self, job_id: str, *, first: int, last: int, states: Collection[str] | None = None
    ) -> list[dict[str, str]]:
        """
        Return a job's document rows from number *first* to *last*, both included.

        A row that is gone, or whose state is none of *states*, is empty. Two round trips.
        """
        names = self._redis.lrange(key("rows", job_id), first, last)
        pipe = self._redis.pipeline(transaction=False)
        for name in names:
            pipe.hgetall(key("unit", name))
        rows: list[dict[str, str]] = pipe.execute()
        return [row if row and (states is None or row["state"] in states) else {} for row in rows]

    def is_final(self, job_id: str) -> bool | None:
        """Return True if a job has ended; None where there is no such job."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.hget(key("unit", job_id), "state")
        pipe.hget(key("job", job_id), "state")
        state = next((state for state in pipe.execute() if state), None)
        return None if state is None else state in FINAL_STATES
