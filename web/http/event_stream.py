"""A job's events as server-sent events (HTML standard, section 9.2), replayable from any point."""

import logging
import re
import time
from collections.abc import Generator, Iterator, Mapping
from typing import Any

import orjson
from redis.exceptions import RedisError

from intake.views import progress
from jobs.events import Event, read_events
from jobs.results import verdict
from jobs.units import FINAL_STATES
from web.front_end import FrontEnd
from web.http.waiting import LOOK_S, cancel_if_asked
from web.places import Caller

log = logging.getLogger(__name__)

BEGINNING = "0-0"
KEEP_ALIVE_S = 10.0
#: How long a browser waits before it connects again.
RECONNECT_MS = 1_000

_EVENT_ID = re.compile(r"([0-9]{1,15})-([0-9]{1,15})")


def event_id(text: str) -> tuple[int, int] | None:
    """Read a stream id, so that ids can be compared; None if it is not one."""
    found = _EVENT_ID.fullmatch(text)
    return (int(found[1]), int(found[2])) if found else None


def is_over(parts: FrontEnd, job_id: str, row: Mapping[str, str], after: str) -> bool:
    """Tell whether a reader who has seen everything up to *after* has seen all there will be."""
    if row["state"] not in FINAL_STATES or after == BEGINNING:
        return False
    if read_events(parts.durable.redis, job_id, after, most=1):
        return False
    seen, last = event_id(after), event_id(_end_id(row))
    return seen is not None and last is not None and seen >= last


class EventStream:
    """
    Read one job's events for one caller.

    Args:
        parts: What the process shares.

        job_id: A job that exists.

        after: The id of the last event the caller has seen, `0-0` for all.

        caller: Watched, so that a reader who left is noticed although nothing is sent.
    """

    def __init__(self, parts: FrontEnd, job_id: str, *, after: str, caller: Caller) -> None:
        self._parts = parts
        self._job_id = job_id
        self._after = after
        self._caller = caller

    def lines(self) -> Generator[str]:
        """Yield the stream's text until the job has ended or the caller has left."""
        ended = False
        try:
            yield f"retry: {RECONNECT_MS}\n\n"
            yield from self._events()
            ended = not self._caller.gone
        finally:
            if not ended:
                self._left()

    def _events(self) -> Iterator[str]:
        """Yield events as they come, and comments while none do."""
        said_at = time.monotonic()
        with self._parts.wake_ups.waiting_for(self._job_id) as bell:
            while not self._caller.gone:
                bell.clear()
                try:
                    events = self._next()
                except RedisError as error:
                    # The caller would only connect again: better to wait here and go on.
                    log.warning("events not read", extra={"reason": str(error)})
                    events = []
                for event in events:
                    said_at = time.monotonic()
                    yield _text(event)
                    self._after = event.id
                    if event.kind == "done":
                        return
                if events:
                    continue
                if time.monotonic() - said_at >= KEEP_ALIVE_S:
                    said_at = time.monotonic()
                    yield ": still here\n\n"
                bell.wait(LOOK_S)

    def _next(self) -> list[Event]:
        """Return the events after the last one sent; from the row where the stream has expired."""
        ledger, redis = self._parts.durable.ledger, self._parts.durable.redis
        over = ledger.is_final(self._job_id)  # looked at first: `done` is written with the state
        events = read_events(redis, self._job_id, self._after)
        if not events and over is not False:
            row = ledger.job(self._job_id)
            return self._replay(row) if row else [Event(self._after, "done", {"state": "gone"})]
        row = ledger.job(self._job_id) if any(e.kind == "done" for e in events) else None
        return [self._full(event, row) for event in events]

    def _full(self, event: Event, row: Mapping[str, str] | None) -> Event:
        """Complete an event: passages that lie in the blob store, the sources of a result."""
        data = event.data
        if event.kind == "sources":
            if isinstance(data, dict) and "blob" in data:
                data = self._parts.durable.blobs.get_json(data["blob"]) or []
            return Event(
                event.id, event.kind, data if isinstance(data, dict) else {"sources": data}
            )
        if event.kind == "done" and row is not None:
            return Event(event.id, event.kind, self._end(row))
        return event

    def _end(self, row: Mapping[str, str]) -> dict[str, Any]:
        """Return what `done` says: the state with the result or error."""
        end: dict[str, Any] = {"state": row["state"]}
        if row["kind"] in ("query", "search"):
            outcome = self._parts.view.outcome(row)
            return end | {k: outcome[k] for k in ("result", "error") if k in outcome}
        if "error" in row:
            end["error"] = orjson.loads(row["error"])
        return end

    def _replay(self, row: Mapping[str, str]) -> list[Event]:
        """Tell an ended job from its row: passages, the answer as one token, the end."""
        last = _end_id(row)
        before = int(last.split("-")[0]) - 1
        end = self._end(row)
        events: list[tuple[str, Any]] = []
        if self._after != BEGINNING:
            # What the caller has of the answer so far is repeated below.
            events.append(("reset", {"attempt": 1}))
        if row["kind"] == "query":
            sources = self._parts.view.sources(row)
            if sources is not None:
                events.append(("sources", {"sources": sources}))
            if "answered" in end.get("result", {}):
                events.append(("verdict", verdict(end["result"])))
            if answer := end.get("result", {}).get("answer"):
                events.append(("token", {"text": answer, "attempt": 1}))
        elif row["kind"] in ("ingest", "delete"):
            events.append(("progress", progress(row)))
        told = [Event(f"{before}-{n}", kind, data) for n, (kind, data) in enumerate(events)]
        return [*told, Event(last, "done", end)]

    def _left(self) -> None:
        """The caller left before the end."""
        try:
            cancel_if_asked(self._parts, self._job_id)
        except RedisError as error:
            log.warning("not cancelled", extra={"job_id": self._job_id, "reason": str(error)})


def _end_id(row: Mapping[str, str]) -> str:
    """Return the id of an ended job's last event, for when its stream is gone."""
    return row["last_event"]


def _text(event: Event) -> str:
    """Write one event; JSON has no line breaks of its own."""
    return f"id: {event.id}\nevent: {event.kind}\ndata: {orjson.dumps(event.data).decode()}\n\n"
