"""A job's events as its readers get them: complete, and told from its row once they are gone."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson
from redis import Redis

from corpus.blobs import BlobStore
from intake.lookup.views import JobView, has_ended, progress
from jobs.events import MOST_EVENTS, Event, read_events
from jobs.ledger.rows import Rows
from jobs.results import verdict
from protocol.timings import LISTEN_S

__all__ = ["BEGINNING", "LISTEN_S", "MOST_EVENTS", "Event", "JobEvents", "event_id"]

#: The id before that of any event.
BEGINNING: Final = "0-0"

_EVENT_ID: Final = re.compile(r"([0-9]{1,15})-([0-9]{1,15})")


def event_id(text: str) -> tuple[int, int] | None:
    """Read an event's id, so that ids can be compared; None if it is not one."""
    found = _EVENT_ID.fullmatch(text)
    return (int(found[1]), int(found[2])) if found else None


class JobEvents:
    """
    Read the events of jobs.

    Args:
        listen: Has a job's events written down from now on; most jobs have no reader, and no stream
            until it is said. Said again every `timings.LISTEN_S`.
    """

    def __init__(
        self,
        redis: Redis,
        rows: Rows,
        blobs: BlobStore,
        view: JobView,
        *,
        listen: Callable[[str], None],
    ) -> None:
        self._redis = redis
        self._rows = rows
        self._blobs = blobs
        self._view = view
        self.listen = listen

    def is_over(self, job_id: str, row: Mapping[str, str], after: str) -> bool:
        """Return True if a reader who has seen all up to *after* has seen all there will be."""
        if not has_ended(row) or after == BEGINNING:
            return False
        if read_events(self._redis, job_id, after, most=1):
            return False
        seen, last = event_id(after), event_id(_end_id(row))
        return seen is not None and last is not None and seen >= last

    def after(self, job_id: str, last: str) -> list[Event]:
        """
        Return the events after the one with the id *last*, MOST_EVENTS at most; `done` is the last.

        Where the job has ended and its stream has expired, they are told from its row.
        """
        events = read_events(self._redis, job_id, last)
        if not events and self._rows.is_final(job_id) is not False:
            # `done` is written with the state: if it was ever to come, it is there by now.
            events = read_events(self._redis, job_id, last)
            if not events:
                row = self._rows.job(job_id)
                return self._replay(row, last) if row else [Event(last, "done", {"state": "gone"})]
        row = self._rows.job(job_id) if any(e.kind == "done" for e in events) else None
        return [self._full(job_id, event, row) for event in events]

    def _full(self, job_id: str, event: Event, row: Mapping[str, str] | None) -> Event:
        """Complete an event: passages that lie in the blob store, the sources of a result."""
        data = event.data
        if event.kind == "sources":
            if isinstance(data, dict) and "blob" in data:
                data = self._blobs.get_json(data["blob"]) or self._sources(job_id)
            return Event(
                event.id, event.kind, data if isinstance(data, dict) else {"sources": data}
            )
        if event.kind == "done" and row is not None:
            return Event(event.id, event.kind, self._end(row))
        return event

    def _sources(self, job_id: str) -> list[dict[str, Any]]:
        """Return the passages that a job's row has: the archive keeps them after their blob."""
        row = self._rows.job(job_id)
        return (self._view.sources(row) if row else None) or []

    def _end(self, row: Mapping[str, str]) -> dict[str, Any]:
        """Return what `done` says: the state with the result or error."""
        end: dict[str, Any] = {"state": row["state"]}
        if row["kind"] in ("query", "search"):
            outcome = self._view.outcome(row)
            return end | {k: outcome[k] for k in ("result", "error") if k in outcome}
        if "error" in row:
            end["error"] = orjson.loads(row["error"])
        return end

    def _replay(self, row: Mapping[str, str], after: str) -> list[Event]:
        """Return an ended job's events from its row: passages, the answer as one token, the end."""
        last = _end_id(row)
        before = int(last.split("-")[0]) - 1
        end = self._end(row)
        events: list[tuple[str, Any]] = []
        if after != BEGINNING:
            # What the caller has of the answer so far is repeated below.
            events.append(("reset", {"attempt": 1}))
        if row["kind"] == "query":
            sources = self._view.sources(row)
            if sources is not None:
                events.append(("sources", {"sources": sources}))
            if "answered" in end.get("result", {}):
                events.append(("verdict", verdict(end["result"])))
            if answer := end.get("result", {}).get("answer"):
                events.append(("token", {"text": answer, "attempt": 1}))
        elif row["kind"] in ("ingest", "delete"):
            events.append(("progress", progress(row)))
        elif "progress" in row:
            events.append(("progress", orjson.loads(row["progress"])))
        told = [Event(f"{before}-{n}", kind, data) for n, (kind, data) in enumerate(events)]
        return [*told, Event(last, "done", end)]


def _end_id(row: Mapping[str, str]) -> str:
    """Return the id of an ended job's last event, for when its stream is gone."""
    return row["last_event"]
