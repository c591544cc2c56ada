"""Slices: jobs of many rows are worked off some rows at a time; Redis is free in between."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from redis import Redis

from jobs.errors import Revoked
from jobs.ledger.pace import Pace
from jobs.ledger.submissions import (
    Idempotency,
    asked_by,
    bound_word,
    check_taken,
    idempotency_words,
)
from jobs.ledger.wire import Fields, Outbox, json_of, text_of
from protocol import timings
from protocol.clock import now_ms
from protocol.keys import key
from protocol.scripts import Scripts

#: Jobs that are asked for at once.
JOBS_AT_ONCE: Final = 20


class Unfinished(NamedTuple):
    """Jobs that wait to be worked on: retries and lists that get their rows, cancelled ones."""

    filling: list[str]
    asking: list[str]
    stopping: list[str]


class Slices:
    """
    The scripts of jobs with many rows; each may be repeated, by any process.

    Attributes:
        filling: How many rows of another job `fill` is to be given at once.

        asking: The same of questions and `fill_questions`.
    """

    def __init__(self, redis: Redis, scripts: Scripts, outbox: Outbox) -> None:
        self._redis = redis
        self._run = scripts
        self._outbox = outbox
        self.filling, self.asking, self._cancelling = Pace(), Pace(), Pace()

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
        answer, spent_s = self._run.timed(
            "accept", job_id, json_of(fields), json_of([text_of(row) | by for row in rows]), limit,
            "", "", 0, int(not last), bound_word(memory_bound), str(start), str(end),
        )  # fmt: skip
        if answer[0] == "sealed":  # forgotten since it was read
            return
        check_taken(answer, limit=limit)
        if answer[0] == "ok":
            self.filling.took(len(rows), spent_s)
            self._outbox.send(answer[2:])

    def begin_list(
        self,
        job_id: str,
        *,
        job: Fields,
        deadline_s: float,
        idempotency: Idempotency | None = None,
        memory_bound: int | None = None,
    ) -> str:
        """
        Record the job of a list of questions, which is in the blob store; return its id.

        *job* names at least `kind`, `incarnation`, `fill_total` and `list_blob`, and `retry_of`
        where these are what was not answered of another list: while a retry of that one has not
        ended, the id is the retry's. *memory_bound* is as for `Submissions.accept`.

        Raises:
            NoMemory, IdempotencyConflict, CollectionGone: As their names say.
        """
        whole = dict(job) | {"deadline_ms": int(deadline_s * 1000)} | asked_by()
        answer = self._run(
            "ask_list", job_id, json_of(text_of(whole)), *idempotency_words(idempotency),
            timings.IDEMPOTENCY_S, bound_word(memory_bound),
        )  # fmt: skip
        check_taken(answer)
        return str(answer[1])

    def fill_questions(
        self,
        job_id: str,
        of_all: Fields,
        rows: Sequence[Fields],
        *,
        start: int,
        is_last: bool,
        limit: int,
        memory_bound: int | None = None,
    ) -> bool:
        """
        Give a list the rows of its questions from number *start* on, once.

        *of_all* are the fields that all have. The last slice seals the job. Returns False where
        another process has gone on from there, or the job was cancelled: nothing was changed.

        Raises:
            Full, NoMemory: As their names say.

            Revoked: The list is a batch, and the key that it was asked with is good no more.
        """
        answer, spent_s = self._run.timed(
            "fill_questions", job_id, json_of(text_of(of_all)),
            json_of([text_of(row) for row in rows]), limit, bound_word(memory_bound), str(start),
            int(is_last),
        )  # fmt: skip
        check_taken(answer, limit=limit)
        if answer[0] == "revoked":
            raise Revoked("the key that this was asked with was revoked")
        if answer[0] == "ok":
            self.asking.took(len(rows), spent_s)
            self._outbox.send(answer[1:])
        return answer[0] == "ok"

    def keep_outputs(
        self,
        job_id: str,
        fields: Fields,
        files: Sequence[tuple[str, str, int, str, Fields]],
        *,
        rows: int,
    ) -> bool:
        """
        Write down what a batch that ended came to, once; returns False where that was done before.

        Nor is it done where the batch has not *rows* rows any more: some were forgotten since.
        *fields* go into the job's row; of each of *files* its id, tenant, when it was made
        (microseconds), when it expires (milliseconds, empty for never), the fields of its record.
        """
        told: list[str | float] = []
        for name, tenant, created_us, expires, record in files:
            told += [name, tenant, created_us, expires, json_of(text_of(record))]
        answer = self._run("keep_outputs", job_id, json_of(text_of(fields)), rows, *told)
        return bool(answer[0] == "ok")

    def take_ended_batch(self, *, held_s: float) -> str | None:
        """
        Return the batch that has waited for its files the longest; None where none does.

        Nobody else is given it for *held_s* seconds.
        """
        now = now_ms(self._redis)
        due = self._redis.zrange(key("unmade"), "-inf", now, byscore=True, offset=0, num=1)
        if not due:
            return None
        self._redis.zadd(key("unmade"), {due[0]: now + held_s * 1_000}, xx=True)
        return str(due[0])

    def leave_ended_batch(self, job_id: str) -> None:
        """Take a batch from those that wait for their files."""
        self._redis.zrem(key("unmade"), job_id)

    def cancel_rows(self, job_id: str, cursor: str) -> str:
        """
        Ask some rows of a cancelled job to stop; return the cursor to go on with.

        A round begins with the cursor "0", and has ended when that is returned.
        """
        answer, spent_s = self._run.timed("cancel_rows", job_id, cursor, self._cancelling.rows)
        cursor, rows, *messages = answer
        self._cancelling.took(int(rows), spent_s)
        self._outbox.send(messages)
        return str(cursor)

    def unfinished(self) -> Unfinished:
        """Return the jobs that wait to be worked on, some of each."""
        pipe = self._redis.pipeline(transaction=False)
        for name in ("filling", "asking", "stopping"):
            pipe.zrange(key(name), 0, JOBS_AT_ONCE - 1)
        return Unfinished(*pipe.execute())

    def room(self, limit: int) -> int:
        """Return how many more batch questions may wait where *limit* may in all."""
        return limit - int(self._redis.zcard(key("deadlines", "batch")))
