"""Looking jobs up: one by its id, and lists of jobs and of an ingest's documents, in pages."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from redis import Redis

from access.grants import current
from intake.errors import Gone, NotFound
from intake.lookup.views import JobView
from jobs.heartbeats import WorkerState
from jobs.ledger.rows import Rows
from jobs.ledger.sights import Sight
from protocol.ids import made_at_ms
from protocol.keys import key
from protocol.names import DEFAULT_TENANT, stored_name

__all__ = ["KINDS", "NEWEST", "ROW_STATES", "STATES", "JobLookup", "JobPosition", "Sight"]

STATES: Final = ("queued", "running", "succeeded", "partial", "failed", "cancelled", "expired")
ROW_STATES: Final = tuple(state for state in STATES if state != "partial")
KINDS: Final = (
    "query", "questions", "ingest", "delete", "delete_collection", "reindex", "check",
)  # fmt: skip

#: Of these there are lists; most jobs are questions that succeeded.
_OPEN_STATES: Final = ("queued", "running")
_RARE_STATES: Final = ("partial", "failed", "cancelled", "expired")
_USUAL_KIND: Final = "query"

#: Jobs looked at together, and at most for one page: a rare state is found over several pages.
_STEP: Final = 200
_MOST: Final = 5_000


class JobPosition(NamedTuple):
    """Where a list of jobs goes on: below the time *before*, or at it with an id below *skip*."""

    before: str
    skip: str


NEWEST: Final = JobPosition("inf", "")


class JobLookup:
    """
    Look jobs up.

    Args:
        retention_s: For how long a job that has ended is known.
    """

    def __init__(self, redis: Redis, rows: Rows, view: JobView, *, retention_s: float) -> None:
        self._redis = redis
        self._rows = rows
        self._view = view
        self._retention_s = retention_s

    def row(self, job_id: str) -> dict[str, str]:
        """
        Return a job's row.

        Raises:
            Gone: It is older than the retention.

            NotFound: There never was one.
        """
        found = self._rows.job(job_id, only=_is_callers)
        if found is not None:
            return found
        raise self._missing(job_id)

    def look(self, job_id: str) -> Sight:
        """
        Return a job's row and place, in one trip to Redis.

        Raises:
            NotFound, Gone: There is no such job.
        """
        found = self._rows.look(job_id, only=_is_callers)
        if found is not None:
            return found
        raise self._missing(job_id)

    def _missing(self, job_id: str) -> NotFound | Gone:
        """Return why there is no job of an id, or none that is the caller's: in the same words."""
        made = made_at_ms(job_id)
        if made is not None and made < (time.time() - self._retention_s) * 1000:
            return Gone("this job ended so long ago that it was forgotten")
        forgotten_to = self._redis.hget(key("room"), "forgotten_to")
        if made is not None and forgotten_to and made * 1_000 <= float(forgotten_to):
            return Gone(
                "this job was forgotten before its time, because the queue's Redis was full"
            )
        return NotFound(f"there is no job {job_id!r}")

    def show(
        self,
        job_id: str,
        workers: Sequence[WorkerState] = (),
        *,
        seen: Sight | None = None,
    ) -> dict[str, Any]:
        """
        Return a job as the API shows it: state, times, progress, result or error.

        *workers* are the live ones, for the estimate of a waiting job; *seen* is what the caller
        has of it already.

        Raises:
            NotFound, Gone: There is no such job.
        """
        return self._view.job(job_id, seen or self.look(job_id), workers)

    def page(
        self,
        *,
        state: str | None,
        kind: str | None,
        collection: str | None,
        given_up: bool = False,
        after: JobPosition = NEWEST,
        limit: int,
        workers: Sequence[WorkerState] = (),
    ) -> tuple[list[dict[str, Any]], JobPosition | None]:
        """
        Return a page of jobs, newest first, without their results, and where the next one begins.

        *given_up* asks for those of which something was given up after its workers died, and
        *workers* are the live ones, for the estimates of those that wait. A page may be short,
        even empty, and not be the last: then the filter is rare.
        """
        named = None if collection is None else stored_name(current().tenant, collection)
        found, following = self._page(
            (state, kind, named), self._lists(state, kind, given_up=given_up), after, limit
        )
        return self._view.summaries(self._rows.sights(dict(found)), workers), following

    def rows(
        self, kind: str, *, after: JobPosition = NEWEST, limit: int
    ) -> tuple[list[tuple[str, dict[str, str]]], JobPosition | None]:
        """
        Return what Redis has of the caller's jobs of a kind, newest first, each with its id.

        With them comes where the next page begins; a page may be short and not be the last.
        """
        return self._page((None, kind, None), self._lists(None, kind, given_up=False), after, limit)

    def _page(
        self,
        wanted: tuple[str | None, ...],
        lists: Sequence[tuple[str, str, str]],
        after: JobPosition,
        limit: int,
    ) -> tuple[list[tuple[str, dict[str, str]]], JobPosition | None]:
        """Return what Redis has of a page of jobs, each with its id, and where the next begins."""
        found: list[tuple[str, dict[str, str]]] = []
        step = _STEP if any(wanted) else limit + 1  # one more: the last of the page before
        position, looked = after, 0
        for listed, newest, oldest in lists:
            is_over = False
            while not is_over:
                if looked >= _MOST:
                    return found, position
                names = self._redis.zrevrangebyscore(
                    listed, _earlier(position.before, newest), oldest,
                    start=0, num=step, withscores=True,
                )  # fmt: skip
                fresh = [
                    one for one in names if one[::-1] < (float(position.before), position.skip)
                ]
                rows = self._rows.kept([name for name, _ in fresh])
                for (name, at), row in zip(fresh, rows, strict=True):
                    position = JobPosition(f"{at:.0f}", name)
                    # A row that is gone is older than the retention.
                    if row and _matches(row, wanted):
                        found.append((name, row))
                        if len(found) == limit:
                            return found, position
                looked += len(names)
                is_over = len(names) < step
        return found, None

    def _lists(
        self, state: str | None, kind: str | None, *, given_up: bool
    ) -> list[tuple[str, str, str]]:
        """
        Return the lists in which jobs of a state and kind are found, newest first: key and bounds.

        What is rare has a list of its own, since jobs are written down there; those that an earlier
        build took in are looked for among all. It wrote down nowhere which it had given up.
        """
        tenant = current().tenant
        of = "" if tenant == DEFAULT_TENANT else f"{tenant}/"
        if given_up:
            return [(key("jobs_by", f"{of}given_up"), "inf", "-inf")]
        every = key("jobs_by", f"{of}all") if of else key("jobs")
        rare = state if state in _RARE_STATES else kind if kind != _USUAL_KIND else None
        if state in _OPEN_STATES:
            rare = "open"
        if rare and of:
            return [(key("jobs_by", f"{of}{rare}"), "inf", "-inf")]
        since = self._redis.get(key("jobs_by_from")) if rare else None
        if rare is None or since is None:
            return [(every, "inf", "-inf")]
        return [(key("jobs_by", rare), "inf", since), (every, f"({since}", "-inf")]

    def documents(
        self, job_id: str, *, state: str | None, start: int, limit: int
    ) -> tuple[list[dict[str, Any]], int | None]:
        """
        Return a page of an ingest's rows in the order in which they came, and the next number.

        The page begins with row number *start*; it may be short where *state* is rare.
        """
        at, total = start, self._redis.llen(key("rows", job_id))
        most = min(total, at + _MOST)
        found: list[dict[str, str]] = []
        # Rows that were not asked for are not read from the archive.
        states, step = (None, limit) if state is None else ((state,), _STEP)
        while at < most:
            last = min(at + step, most) - 1
            rows = self._rows.documents(job_id, first=at, last=last, states=states)
            if not rows:
                return self._view.rows(found), None
            for row in rows:
                at += 1
                if row:
                    found.append(row)
                    if len(found) == limit:
                        return self._view.rows(found), at if at < total else None
        return self._view.rows(found), at if at < total else None


def _earlier(before: str, newest: str) -> str:
    """Return the lower of two upper bounds of a range; the second may begin with a bracket."""
    return before if float(before) < float(newest.lstrip("(")) else newest


def _matches(row: dict[str, str], wanted: tuple[str | None, ...]) -> bool:
    """Return True if a row is one of those asked for, and the caller's."""
    fields = ("state", "kind", "collection")
    is_wanted = all(
        want in (None, row.get(name)) for want, name in zip(wanted, fields, strict=True)
    )
    return is_wanted and _may_see(row)


def _is_callers(row: Mapping[str, str]) -> bool:
    """Return True if a row is a job, not a row of one, and the caller may see it."""
    return "job" not in row and _may_see(row)


def _may_see(row: Mapping[str, str]) -> bool:
    """Return True if the caller may use all collections that a row is of."""
    others = row.get("also", "").split()
    return all(map(current().may_use, (row.get("collection"), *others)))
