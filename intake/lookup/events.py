"""A job's events as its readers get them: complete, and told from its row once they are gone."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson
from redis import Redis

from corpus.blobs import BlobStore
from intake.lookup.views import WITH_ROWS, JobView, has_ended, progress
from jobs.events import MOST_EVENTS, Event, read_events
from jobs.ledger.rows import Row, Rows
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
        row = self._ended_row(job_id, events)
        if row is None:
            return [self._full(job_id, event, None) for event in events]
        outcome = self._outcome(row)
        if self._is_withheld(row, outcome):
            # The stream has the words of documents that were deleted since.
            return self._replay(row, last)
        end = _end(row, outcome)
        return [self._full(job_id, event, end) for event in events]

    def _ended_row(self, job_id: str, events: Sequence[Event]) -> Row | None:
        """Return a job's row where *events* have its end, or are of a long stream that has it."""
        ends = any(event.kind == "done" for event in events)
        if ends or (len(events) == MOST_EVENTS and self._rows.is_final(job_id)):
            return self._rows.job(job_id)
        return None

    def _full(self, job_id: str, event: Event, end: Mapping[str, Any] | None) -> Event:
        """Complete an event: passages that lie in the blob store, what is told at the *end*."""
        data = event.data
        if event.kind == "sources":
            if isinstance(data, dict) and "blob" in data:
                data = self._blobs.get_json(data["blob"]) or self._sources(job_id)
            return Event(
                event.id, event.kind, data if isinstance(data, dict) else {"sources": data}
            )
        if event.kind == "done" and end is not None:
            return Event(event.id, event.kind, end)
        return event

    def _sources(self, job_id: str) -> list[dict[str, Any]]:
        """Return the passages that a job's row has: the archive keeps them after their blob."""
        row = self._rows.job(job_id)
        return (self._view.sources(row) if row else None) or []

    def _outcome(self, row: Mapping[str, str]) -> dict[str, Any]:
        """Return the result or error of a question or search, the error of any other job."""
        if row["kind"] in ("query", "search"):
            return self._view.outcome(row)
        return {"error": orjson.loads(row["error"])} if "error" in row else {}

    def _is_withheld(self, row: Mapping[str, str], outcome: Mapping[str, Any]) -> bool:
        """Return True if a question's stream has words of documents that were deleted since."""
        if row["kind"] != "query":
            return False
        if "result" in outcome:
            return bool(outcome["result"].get("deleted"))
        return any(source.get("deleted") for source in self._view.sources(row) or ())

    def _replay(self, row: Mapping[str, str], after: str) -> list[Event]:
        """Return an ended job's events from its row: passages, the answer as one token, the end."""
        last = _end_id(row)
        before = int(last.split("-")[0]) - 1
        end = _end(row, self._outcome(row))
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
        elif row["kind"] in WITH_ROWS:
            events.append(("progress", progress(row)))
        elif "progress" in row:
            events.append(("progress", orjson.loads(row["progress"])))
        told = [Event(f"{before}-{n}", kind, data) for n, (kind, data) in enumerate(events)]
        return [*told, Event(last, "done", end)]


def _end(row: Mapping[str, str], outcome: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `done` says: the state with the result or error."""
    told = {name: outcome[name] for name in ("result", "error") if name in outcome}
    return {"state": row["state"]} | told


def _end_id(row: Mapping[str, str]) -> str:
    """Return the id of an ended job's last event, for when its stream is gone."""
    return row["last_event"]
