"""Listing jobs, newest first, a bounded look at a time."""

from typing import Any, Final

from protocol.keys import key
from rag.errors import InvalidRequest
from web.front_end import FrontEnd
from web.http import cursors
from web.http.behind_proxy import with_links
from web.http.request_parts import Page

STATES: Final = ("queued", "running", "succeeded", "partial", "failed", "cancelled", "expired")
ROW_STATES: Final = tuple(state for state in STATES if state != "partial")
KINDS: Final = ("query", "ingest", "delete", "delete_collection", "reindex", "check")

#: Jobs looked at together, and at most for one page: a rare state is found over several pages.
_STEP: Final = 200
_MOST: Final = 5_000


def list_jobs(
    parts: FrontEnd,
    *,
    state: str | None,
    kind: str | None,
    collection: str | None,
    page: Page,
) -> tuple[list[dict[str, Any]], str | None]:
    """
    Return a page of jobs without their results, and the cursor of the next one.

    A page may be short, even empty, and still have a cursor: then the filter is rare.

    Raises:
        InvalidRequest: The cursor is not one of this list.
    """
    redis = parts.durable.redis
    before, skip = _position(page.cursor)
    wanted = (state, kind, collection)
    found: list[dict[str, Any]] = []
    step = _STEP if any(wanted) else page.limit + 1  # one more: the last of the page before
    looked = 0
    while looked < _MOST:
        names = redis.zrevrangebyscore(
            key("jobs"), before, "-inf", start=0, num=step, withscores=True
        )
        fresh = [(name, score) for name, score in names if (score, name) < (float(before), skip)]
        rows = _rows(parts, [name for name, _ in fresh])
        for (name, score), row in zip(fresh, rows, strict=True):
            before, skip = f"{score:.0f}", name
            # A row that is gone is older than the retention.
            if row and _matches(row, wanted):
                found.append(with_links(parts.view.summary(name, row)))
                if len(found) == page.limit:
                    return found, cursors.encode(before, skip)
        looked += len(names)
        if len(names) < step:
            return found, None
    return found, cursors.encode(before, skip)


def list_rows(
    parts: FrontEnd, job_id: str, *, state: str | None, page: Page
) -> tuple[list[dict[str, Any]], str | None]:
    """
    Return a page of an ingest's rows in the order in which they came, and the next cursor.

    Raises:
        InvalidRequest: The cursor is not one of this list.
    """
    redis = parts.durable.redis
    at = cursors.decode_number(page.cursor) if page.cursor else 0
    total = redis.llen(key("rows", job_id))
    most = min(total, at + _MOST)
    found: list[dict[str, Any]] = []
    while at < most:
        pipe = redis.pipeline(transaction=False)
        for name in redis.lrange(key("rows", job_id), at, min(at + _STEP, most) - 1):
            pipe.hgetall(key("unit", name))
        rows = pipe.execute()
        if not rows:
            return found, None
        for row in rows:
            at += 1
            if row and state in (None, row["state"]):
                found.append(parts.view.row(row))
                if len(found) == page.limit:
                    return found, cursors.encode(str(at)) if at < total else None
    return found, cursors.encode(str(at)) if at < total else None


def _position(cursor: str) -> tuple[str, str]:
    """Read where to go on: below this time, or at it with a lesser id."""
    if not cursor:
        return "inf", ""
    before, skip = cursors.decode(cursor, 2)
    if not (before.isascii() and before.isdigit() and len(before) < 19):  # noqa: PLR2004  # 64 bits
        raise InvalidRequest("cursor", "is not a cursor of this list")
    return before, skip


def _rows(parts: FrontEnd, names: list[str]) -> list[dict[str, str]]:
    """Read the rows of jobs in one round trip; an absent one is empty."""
    pipe = parts.durable.redis.pipeline(transaction=False)
    for name in names:
        pipe.hgetall(key("unit", name))
        pipe.hgetall(key("job", name))
    answers = pipe.execute()
    return [unit or job for unit, job in zip(answers[::2], answers[1::2], strict=True)]


def _matches(row: dict[str, str], wanted: tuple[str | None, ...]) -> bool:
    """Tell whether a row is one of those asked for."""
    fields = ("state", "kind", "collection")
    return all(want in (None, row.get(name)) for want, name in zip(wanted, fields, strict=True))
