"""Rows: what the ledger has written down of units and jobs."""

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

    def is_final(self, job_id: str) -> bool | None:
        """Return True if a job has ended; None where there is no such job."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.hget(key("unit", job_id), "state")
        pipe.hget(key("job", job_id), "state")
        state = next((state for state in pipe.execute() if state), None)
        return None if state is None else state in FINAL_STATES
