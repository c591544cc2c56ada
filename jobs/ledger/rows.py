"""Rows: what the ledger has written down of units and jobs, in Redis and in the archive."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from redis import Redis

from jobs.archive.archive import Archive
from jobs.ledger.sights import Place, Sight
from jobs.ledger.submissions import Idempotency
from jobs.units import FINAL_STATES
from protocol.keys import key
from protocol.scripts import Scripts
from protocol.sizes import ARCHIVED_DIGITS

Row = dict[str, str]

#: A row's field that says what became of the rest; never in Redis.
UNREADABLE: Final = "unreadable"
NOT_READABLE: Final = (
    "The record cannot be read from the archive any more: only its state is known. The log of "
    "the web server says why."
)

#: In Redis an archived document row is the first letter of its state, and its pointer.
_STATE_OF: Final = {state[0]: state for state in FINAL_STATES - {"partial"}}
#: Rows that one trip asks for a few fields of.
_AT_ONCE: Final = 500
#: By how many digits of its name it may lie in a hash that is not the first, see `_ledger.lua`.
_ARCHIVED_DIGITS: Final = range(1, ARCHIVED_DIGITS + 1)


class Rows:
    """
    Read the rows of units and jobs; changes nothing.

    A row that lies in the archive is read from there. Where that fails, it is what Redis has kept
    of it, with the field UNREADABLE.
    """

    def __init__(self, redis: Redis, scripts: Scripts, archive: Archive | None = None) -> None:
        self._redis = redis
        self._run = scripts
        self._archive = archive

    def unit(self, unit_id: str) -> Row | None:
        """Return the row of a unit that is a job, None where there is none."""
        return self.whole([self._redis.hgetall(key("unit", unit_id))])[0] or None

    def job(self, job_id: str, *, only: Callable[[Row], bool] | None = None) -> Row | None:
        """
        Return the row of a job: a question's own, or an ingest's; None where there is none.

        Of what is *only* for others nothing is read from the archive: nobody can tell by the time.
        """
        kept = self.kept([job_id])[0]
        if not kept or (only is not None and not only(kept)):
            return None
        return self.whole([kept])[0]

    def look(self, job_id: str, *, only: Callable[[Row], bool] | None = None) -> Sight | None:
        """Return what is shown of a job, in one trip to Redis; None where `job` would."""
        unit, job, place, retry, now_ms = self._run("look", job_id)
        flat = unit or job
        kept = dict(zip(flat[::2], flat[1::2], strict=True))
        if not kept or (only is not None and not only(kept)):
            return None
        return Sight(self.whole([kept])[0], Place.of(place), retry, seen_ms=now_ms)

    def is_final(self, job_id: str) -> bool | None:
        """Return True if a job has ended; None where there is no such job."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.hget(key("unit", job_id), "state")
        pipe.hget(key("job", job_id), "state")
        state = next((state for state in pipe.execute() if state), None)
        return None if state is None else state in FINAL_STATES

    def is_answered(self, idempotency: Idempotency | None) -> bool:
        """Return True if a request with a caller's key came before, and its job is known."""
        if idempotency is None:
            return False
        job_id = self._redis.hget(key("idempotency", idempotency.key), "job")
        return job_id is not None and self.is_final(job_id) is not None

    def kept(self, job_ids: Sequence[str]) -> list[Row]:
        """
        Return what Redis has of jobs, in one trip; empty where one is gone.

        Of one that is archived too it has the kind, state, collection and times.
        """
        pipe = self._redis.pipeline(transaction=False)
        for job_id in job_ids:
            pipe.hgetall(key("unit", job_id))
            pipe.hgetall(key("job", job_id))
        answers = pipe.execute()
        return [unit or parent for unit, parent in zip(answers[::2], answers[1::2], strict=True)]

    def whole(self, rows: Sequence[Row]) -> list[Row]:
        """Return *rows* with those that are archived read from the archive."""
        pointers = [row["archived"] for row in rows if "archived" in row]
        if not pointers:
            return list(rows)
        read = dict(zip(pointers, self._read(pointers), strict=True))
        return [
            (read[row["archived"]] or row | {UNREADABLE: NOT_READABLE})
            if "archived" in row
            else row
            for row in rows
        ]

    def sights(self, kept: Mapping[str, Row]) -> dict[str, Sight]:
        """Return what is shown of jobs of which Redis has *kept* so much, in one trip more."""
        rows = self.whole(list(kept.values()))
        waiting = {
            name: row
            for name, row in zip(kept, rows, strict=True)
            if "role" in row and row["state"] not in FINAL_STATES
        }
        failed = [
            name
            for name, row in zip(kept, rows, strict=True)
            if row.get("state") in FINAL_STATES - {"succeeded"}
        ]
        pipe = self._redis.pipeline(transaction=False)
        for name, row in waiting.items():
            pipe.zrank(key("lane", row["role"], row["owner"]), name)
            pipe.zcard(key("lane", row["role"], "interactive"))
            pipe.hget(key("pace", row["role"]), "mean_us")
        for name in failed:
            pipe.get(key("retried", name))
        told = iter(pipe.execute() if waiting or failed else ())
        places = {
            name: Place(rank, interactive, int(mean_us) if mean_us else None)
            for name, rank, interactive, mean_us in (
                (name, next(told), next(told), next(told)) for name in waiting
            )
        }
        retries = dict(zip(failed, told, strict=True))
        return {
            name: Sight(row, places.get(name), retries.get(name) or "")
            for name, row in zip(kept, rows, strict=True)
        }

    def documents(
        self, job_id: str, *, first: int, last: int, states: Collection[str] | None = None
    ) -> list[Row]:
        """
        Return a job's rows, documents or questions, from number *first* to *last*, both included.

        A row that is gone, or whose state is none of *states*, is empty.
        """
        return list(self.by_name(job_id, first=first, last=last, states=states).values())

    def by_name(
        self, job_id: str, *, first: int, last: int, states: Collection[str] | None = None
    ) -> dict[str, Row]:
        """
        Return what `documents` does, by the rows' names without the job's.

        A job that is being forgotten has lost some: then a row's number is not its place any more.
        """
        names = self._redis.lrange(key("rows", job_id), first, last)
        rows = self._kept_of(job_id, names)
        wanted = [row if row and (states is None or row["state"] in states) else {} for row in rows]
        own = (name.removeprefix(f"{job_id}:") for name in names)
        return dict(zip(own, self.whole(wanted), strict=True))

    def named(self, job_id: str, names: Sequence[str]) -> list[Row]:
        """Return those of a job's rows that are so called; one that is gone is empty."""
        return self.whole(self._kept_of(job_id, names))

    def sketches(self, job_id: str, fields: Sequence[str]) -> dict[str, Row]:
        """
        Return *fields* of each row of a job by its name, in order; of a row that is gone, none.

        Of a row that lies in the archive all is read, and returned.
        """
        names = self._redis.lrange(key("rows", job_id), 0, -1)
        found: dict[str, Row] = {}
        for first in range(0, len(names), _AT_ONCE):
            part = names[first : first + _AT_ONCE]
            pipe = self._redis.pipeline(transaction=False)
            for name in part:
                pipe.hmget(key("unit", name), list(fields))
            for name, values in zip(part, pipe.execute(), strict=True):
                told = zip(fields, values, strict=True)
                found[name] = {field: value for field, value in told if value is not None}
        gone = [name for name, row in found.items() if not row]
        found.update(zip(gone, self.named(job_id, gone), strict=True))
        return found

    def states(self, job_id: str, *, first: int, last: int) -> dict[str, str]:
        """
        Return the states of a job's rows from number *first* to *last*, both included.

        By their names without the job's; of a row that is gone it is empty.
        """
        names = self._redis.lrange(key("rows", job_id), first, last)
        pipe = self._redis.pipeline(transaction=False)
        for name in names:
            pipe.hget(key("unit", name), "state")
        states = [state or "" for state in pipe.execute()]
        gone = [at for at, state in enumerate(states) if not state]
        pointers = self._pointers(job_id, [names[at] for at in gone]) if gone else []
        for at, pointer in zip(gone, pointers, strict=True):
            states[at] = _STATE_OF[pointer[0]] if pointer else ""
        own = (name.removeprefix(f"{job_id}:") for name in names)
        return dict(zip(own, states, strict=True))

    def _kept_of(self, job_id: str, names: Sequence[str]) -> list[Row]:
        """Return what Redis has of a job's rows, in two trips at most."""
        pipe = self._redis.pipeline(transaction=False)
        for name in names:
            pipe.hgetall(key("unit", name))
        rows: list[Row] = pipe.execute() if names else []
        # Looked for afterwards: a row goes to the archive, and never back.
        gone = [at for at, row in enumerate(rows) if not row]
        pointers = self._pointers(job_id, [names[at] for at in gone]) if gone else []
        for at, pointer in zip(gone, pointers, strict=True):
            if pointer:
                rows[at] = _stub(pointer)
        return rows

    def _pointers(self, job_id: str, names: Sequence[str]) -> list[str | None]:
        """Return what Redis has of archived document rows, in one trip."""
        pipe = self._redis.pipeline(transaction=False)
        for name in names:
            own = name.removeprefix(f"{job_id}:")
            for end in ("first", *(own[-digits:] for digits in _ARCHIVED_DIGITS)):
                pipe.hget(key("archived", job_id, end), own)
        answers, each = pipe.execute(), 1 + len(_ARCHIVED_DIGITS)
        return [
            next(filter(None, answers[at : at + each]), None) for at in range(0, len(answers), each)
        ]

    def _read(self, pointers: Sequence[str]) -> list[Row | None]:
        """Read rows from the archive."""
        return self._archive.read(pointers) if self._archive else [None] * len(pointers)


def _stub(pointer: str) -> Row:
    """Return what Redis has of an archived row of a job, as a row."""
    state = _STATE_OF[pointer[0]]
    return {
        "kind": "document", "document": "", "stage": "", "state": state, "archived": pointer[1:],
    }  # fmt: skip
