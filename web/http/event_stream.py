"""A job's events as server-sent events (HTML standard, section 9.2), replayable from any point."""

import logging
import math
import time
from collections.abc import Generator, Iterator

import orjson

from intake.errors import QueueError
from intake.lookup.events import LISTEN_S, MOST_EVENTS, Event
from intake.lookup.readers import Reader
from intake.wiring import Intake
from runtime.turns import aside
from web.callers import Caller, Departures
from web.http.waiting import LOOK_S, POLL_S

log = logging.getLogger(__name__)

KEEP_ALIVE_S = 10.0
#: What says that somebody is there, and nothing else.
KEEP_ALIVE = ": still here\n\n"
#: A Redis that was away is asked again after this.
AWAY_S = 0.5
#: How long a browser waits before it connects again.
RECONNECT_MS = 1_000


class EventStream:
    """
    Read one job's events for one caller.

    Args:
        intake: Where events are read, and whom a reader who leaves is told to.

        job_id: A job that exists.

        after: The id of the last event the caller has seen, `0-0` for all.

        caller: Watched, so that a reader who left is noticed although nothing is sent.

        departures: Where callers are watched.

        reader: The caller as one of those who wait for the job.
    """

    def __init__(
        self,
        intake: Intake,
        job_id: str,
        *,
        after: str,
        caller: Caller,
        departures: Departures,
        reader: Reader,
    ) -> None:
        self._intake = intake
        self._job_id = job_id
        self._after = after
        self._caller = caller
        self._departures = departures
        self._listened_at = -math.inf
        self._reader = reader

    def lines(self) -> Generator[str]:
        """Yield the stream's text until the job has ended or the caller has left."""
        try:
            yield f"retry: {RECONNECT_MS}\n\n"
            for event in self._events():
                yield KEEP_ALIVE if event is None else _text(event)
        finally:
            self._left()

    def events(self) -> Generator[Event | None]:
        """
        Yield events as they come until the job has ended or the caller has left.

        While none come it yields None now and then: it is time to say that somebody is there.
        """
        try:
            yield from self._events()
        finally:
            self._left()

    def _events(self) -> Iterator[Event | None]:
        """Yield events as they come, and None while none do."""
        said_at = time.monotonic()
        look_at = -math.inf
        with (
            self._intake.notifier.waiting_for(self._job_id) as changed,
            self._departures.watched(self._caller, changed) as is_watched,
        ):
            while not self._caller.gone:
                events: list[Event] | None = []
                if changed.is_set() or time.monotonic() >= look_at:
                    changed.clear()
                    events = self._read()
                    look_at = time.monotonic() + (AWAY_S if events is None else LOOK_S)
                for event in events or ():
                    said_at = time.monotonic()
                    yield event
                    self._after = event.id
                    if event.kind == "done":
                        return
                if events and len(events) == MOST_EVENTS:
                    look_at = -math.inf  # there may be more
                    continue
                if time.monotonic() - said_at >= KEEP_ALIVE_S:
                    said_at = time.monotonic()
                    yield None
                with aside():
                    changed.wait(self._rest_s(said_at, look_at, is_watched=is_watched))

    def _rest_s(self, said_at: float, look_at: float, *, is_watched: bool) -> float:
        """Return how long there is nothing to do where nothing happens."""
        rest_s = min(said_at + KEEP_ALIVE_S, look_at) - time.monotonic()
        return max(0.0, rest_s if is_watched else min(rest_s, POLL_S))

    def _read(self) -> list[Event] | None:
        """Return what is new, and say now and then that somebody reads; None: Redis is away."""
        try:
            if time.monotonic() - self._listened_at >= LISTEN_S:
                self._intake.events.listen(self._job_id)
                self._reader.stay()
                self._listened_at = time.monotonic()
            return self._intake.events.after(self._job_id, self._after)
        except QueueError as error:
            # The caller would only connect again: better to wait here and go on.
            log.warning("events not read", extra={"reason": str(error)})
            return None

    def _left(self) -> None:
        """The caller reads no more, and perhaps left before the end."""
        try:
            # A server that ends closes its streams too: their callers come back to the next one.
            if self._caller.gone:
                self._intake.control.on_disconnect(self._job_id, self._reader)
            else:
                self._reader.leave()
        except QueueError as error:
            log.warning("not cancelled", extra={"job_id": self._job_id, "reason": str(error)})


def _text(event: Event) -> str:
    """Write one event; JSON has no line breaks of its own."""
    return f"id: {event.id}\nevent: {event.kind}\ndata: {orjson.dumps(event.data).decode()}\n\n"
