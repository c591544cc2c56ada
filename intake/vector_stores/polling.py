"""When it is worth asking again for a file that is on its way: by the queue, not by habit."""

from collections.abc import Sequence
from typing import Final

from redis import Redis

from jobs.heartbeats import WorkerState
from jobs.ledger.rows import Rows
from protocol.keys import key

#: What is told at least, at most, and where nobody can know.
LEAST_MS: Final = 100
MOST_MS: Final = 5_000
USUAL_MS: Final = 1_000


class Polling:
    """Estimate when files will have been read, by the mean time of a body."""

    def __init__(self, redis: Redis, rows: Rows) -> None:
        self._redis = redis
        self._rows = rows

    def of_file(self, unit: str, workers: Sequence[WorkerState]) -> int:
        """Return after how many milliseconds to ask for the file of a row; *workers* are live."""
        return self._after_ms(unit, workers, others=0)

    def of_batch(self, job_id: str, left: int, workers: Sequence[WorkerState]) -> int:
        """Return after how many milliseconds to ask for a batch of which *left* files are open."""
        units = self._redis.srandmember(key("open", job_id), 1)
        return self._after_ms(units[0], workers, others=left - 1) if units else LEAST_MS

    def _after_ms(self, unit: str, workers: Sequence[WorkerState], *, others: int) -> int:
        """Estimate from the place of one row; *others* of its own are to be read beside it."""
        seen = self._rows.look(unit)
        if seen is None or seen.place is None:
            return LEAST_MS
        row, place = seen.row, seen.place
        threads = sum(worker.threads for worker in workers if row["role"] in worker.queues)
        if not threads or not place.mean_us:
            return USUAL_MS
        ahead = others
        if place.rank is not None:
            ahead = max(ahead, place.rank + 1)
            ahead += place.interactive if row["owner"] != "interactive" else 0
        eta_ms = place.mean_us / 1_000 * (1 + ahead / threads)
        return max(LEAST_MS, min(MOST_MS, round(eta_ms)))
