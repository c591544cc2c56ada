"""The event stream of a job: what happened, in order, replayable from any point."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from redis import Redis
from redis.client import PubSub
from redis.exceptions import RedisError

from protocol.keys import WAKE, key
from runtime.background import BackgroundThread

#: So long the thread waits for a wake-up before it looks around, and after Redis was away.
MESSAGE_WAIT_S, AWAY_S = 0.2, 0.5
#: A process that ends has others to stop: less than the usual time.
JOIN_S = 2.0
#: Events that are read together.
MOST_EVENTS = 500


@dataclass(frozen=True, slots=True)
class Event:
    """One event; *id* is the stream's own, so that a reader can say what it has seen."""

    id: str
    kind: str
    data: Any


def read_events(redis: Redis, job_id: str, after: str, *, most: int = MOST_EVENTS) -> list[Event]:
    """Return events after the id *after*; `0-0` is the beginning."""
    rows = redis.xrange(key("events", job_id), f"({after}", "+", count=most)
    return [Event(entry, fields["t"], json.loads(fields["d"])) for entry, fields in rows]


class JobNotifier:
    """
    Wake threads that wait for jobs, with one Redis connection for the whole process.

    A wake-up only says that there may be something to read; a lost one costs the waiter its own
    time-out, never an event.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._lock = threading.Lock()
        self._waiting: dict[str, set[threading.Event]] = {}
        self._subscription: PubSub | None = None
        self._thread = BackgroundThread(
            "wake-ups", self._turn, at_end=self._close_ears, join_s=JOIN_S
        )

    def close(self) -> None:
        """Stop listening; the thread ends shortly after."""
        self._thread.stop()

    @contextmanager
    def waiting_for(self, job_id: str) -> Iterator[threading.Event]:
        """Give an event that is set whenever the job has something new to read."""
        changed = threading.Event()
        with self._lock:
            self._waiting.setdefault(job_id, set()).add(changed)
        # Started with the first waiter, not at import or before a fork.
        self._thread.start()
        try:
            yield changed
        finally:
            with self._lock:
                waiters = self._waiting[job_id]
                waiters.discard(changed)
                if not waiters:
                    del self._waiting[job_id]

    def _turn(self) -> float:
        """Pass a wake-up on; a lost connection wakes everybody and is made again."""
        try:
            if self._subscription is None:
                self._subscription = self._redis.pubsub(ignore_subscribe_messages=True)
                self._subscription.subscribe(WAKE)
                self._notify(None)
            message = self._subscription.get_message(timeout=MESSAGE_WAIT_S)
        except RedisError:
            self._close_ears()
            return AWAY_S
        if message:
            for job_id in message["data"].split():  # answers are told several at once
                self._notify(job_id)
        return 0

    def _close_ears(self) -> None:
        """Listen no more; the next turn listens anew."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            subscription.close()

    def _notify(self, job_id: str | None) -> None:
        """Wake the threads that wait for a job, or all threads."""
        with self._lock:
            if job_id is None:
                waiters = [changed for group in self._waiting.values() for changed in group]
            else:
                waiters = list(self._waiting.get(job_id, ()))
        for changed in waiters:
            changed.set()
