"""Slices: jobs of many rows are worked off some rows at a time; Redis is free in between."""

from collections.abc import Mapping, Sequence
from typing import Final

from redis import Redis

from jobs.ledger.submissions import (
    Idempotency,
    asked_by,
    bound_word,
    check_taken,
    idempotency_words,
)
from jobs.ledger.wire import Fields, Outbox, json_of, text_of
from protocol import timings
from protocol.keys import key
from protocol.scripts import Scripts

#: Rows of one script: Redis is busy with them for 5 ms, at times 8.
ROWS_AT_ONCE: Final = 50
#: Jobs that are asked for at once.
JOBS_AT_ONCE: Final = 20


class Slices:
    """The scripts of jobs with many rows; each may be repeated, by any process."""

    def __init__(self, redis: Redis, scripts: Scripts, outbox: Outbox) -> None:
        self._redis = redis
        self._run = scripts
        self._outbox = outbox

    def begin_retry(
        self,
        job_id: str,
        *,
        job: Fields,
        deadline_s: float,
        idempotency: Idempotency | None = None,
    ) -> str:
        """
        Record the job that gets the rows of another one that did not succeed; return its id.

        *job* names at least `kind`, `incarnation`, `retry_of`, `fill_total` and `pipeline`. While
        a retry of the same job has not ended, the id is that one's.

        Raises:
            IdempotencyConflict, CollectionGone: As their names say.
        """
        whole = dict(job) | {"deadline_ms": int(deadline_s * 1000)} | asked_by()
        answer = self._run(
            "retry", job_id, json_of(text_of(whole)), *idempotency_words(idempotency),
            timings.IDEMPOTENCY_S,
        )  # fmt: skip
        check_taken(answer)
        return str(answer[1])

    def fill(
        self,
        job_id: str,
        job: Mapping[str, str],
        rows: Sequence[Fields],
        *,
        start: int,
        end: int,
        limit: int,
        memory_bound: int | None = None,
    ) -> None:
        """
        Give a retry what came of the rows numbered *start* to *end* of the other job, once.

        *job* is its row. The last slice seals it. Harmless where another process did the same, or
        the job was cancelled. *memory_bound* is as for `Submissions.accept`.

        Raises:
            Full, NoMemory, CollectionGone: As their names say.
        """
        by = {name: job[name] for name in ("request_id", "traceparent") if name in job}
        fields = {name: job[name] for name in ("incarnation", "on_duplicate")}
        last = end >= int(job["fill_total"])
        answer = self._run(
            "accept", job_id, json_of(fields), json_of([text_of(row) | by for row in rows]), limit,
            "", "", 0, int(not last), bound_word(memory_bound), str(start), str(end),
        )  # fmt: skip
        if answer[0] == "sealed":  # forgotten since it was read
            return
        check_taken(answer, limit=limit)
        if answer[0] == "ok":
            self._outbox.send(answer[2:])

    def cancel_rows(self, job_id: str, cursor: str) -> str:
        """
        Ask some rows of a cancelled job to stop; return the cursor to go on with.

        A round begins with the cursor "0", and has ended when that is returned.
        """
        cursor, *messages = self._run("cancel_rows", job_id, cursor, ROWS_AT_ONCE)
        self._outbox.send(messages)
        return str(cursor)

    def unfinished(self) -> tuple[list[str], list[str]]:
        """Return jobs that are being filled, and cancelled ones with open rows, some of each."""
        pipe = self._redis.pipeline(transaction=False)
        for name in ("filling", "stopping"):
            pipe.zrange(key(name), 0, JOBS_AT_ONCE - 1)
        filling, stopping = pipe.execute()
        return filling, stopping
