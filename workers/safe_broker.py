"""Celery on Redis, repaired: it survives outages, redelivers no long body, and costs less."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import kombu.transport.redis
from celery import bootsteps
from celery.worker import state
from celery.worker.consumer import Consumer
from kombu.transport.redis import Channel, QoS
from redis import Redis
from redis.exceptions import RedisError

from jobs import timings
from jobs.keys import CELERY_PREFIX
from runtime.redis_clients import ledger_client

log = logging.getLogger(__name__)

#: How long events for Flower are collected.
EVENTS_S: Final = 0.5


class SafeQoS(QoS):
    """
    Acknowledgements that outlive their connection.

    As of kombu 5.7 a worker with unacknowledged messages exits when Redis goes away: giving them
    back needs the connection that was just lost, and so does the acknowledgement of a body that
    outlived the outage. Here the first is left to the visibility timeout, and the second to the
    ledger, which refuses to run an ended unit again.
    """

    def restore_unacked(self, client: Any = None) -> Any:
        """Give messages back if the connection allows it."""
        try:
            return super().restore_unacked(client=client)
        except (AttributeError, RedisError, OSError) as error:
            log.warning("messages not given back", extra={"reason": str(error)})
            return []

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge if the connection allows it."""
        try:
            super().ack(delivery_tag)
        except (AttributeError, RedisError, OSError) as error:
            log.warning("message not acknowledged", extra={"reason": str(error)})

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Reject if the connection allows it."""
        try:
            super().reject(delivery_tag, requeue=requeue)
        except (AttributeError, RedisError, OSError) as error:
            log.warning("message not rejected", extra={"reason": str(error)})


class SafeChannel(Channel):
    """
    A channel with acknowledgements that outlive their connection, and one client.

    kombu makes a client for each command; to make one costs more than the command.
    """

    QoS = SafeQoS
    _reused: Any = None

    @contextmanager
    def conn_or_acquire(self, client: Any = None) -> Iterator[Any]:
        """Give the client asked for, else this channel's own."""
        if client is None:
            # The pool is another one after a reconnection.
            if self._reused is None or self._reused.connection_pool is not self.pool:
                self._reused = self._create_client()  # type: ignore[attr-defined]  # not in the stubs
            client = self._reused
        yield client


def repair() -> None:
    """Put the repaired channel in place; before the app connects."""
    kombu.transport.redis.Transport.Channel = SafeChannel


class CalmConsumer(Consumer):
    """A consumer that sends the events of its tasks in bunches, not one message for each."""

    _flushing: Any = None

    def register_with_event_loop(self, hub: Any) -> None:
        """Flush on a beat; called again after each reconnection."""
        super().register_with_event_loop(hub)
        if self._flushing is not None:
            self._flushing.cancel()
        self._flushing = hub.call_repeatedly(EVENTS_S, self._flush_events)  # type: ignore[attr-defined]  # not in the stubs

    def on_send_event_buffered(self) -> None:  # type: ignore[override]  # a property in the stubs only
        """Leave it to the beat."""

    def stop(self) -> None:
        """Tell what was not told yet, then stop."""
        self._flush_events()  # type: ignore[attr-defined]  # not in the stubs
        super().stop()


class TagRenewal(bootsteps.StartStopStep):
    """Keeps messages of running bodies invisible: kombu counts from delivery and never renews."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, worker: Any) -> None:
        """Renew until stopped."""
        redis = ledger_client(worker.app.conf.broker_url, connections=2)
        self._thread = threading.Thread(
            target=self._renew, args=(redis,), name="tag-renewal", daemon=True
        )
        self._thread.start()

    def stop(self, worker: Any) -> None:  # noqa: ARG002  # celery's signature
        """Stop renewing; what is still unacknowledged is redelivered elsewhere."""
        self._closing.set()

    def _renew(self, redis: Redis) -> None:
        """Move the tags of reserved messages to now."""
        index = f"{CELERY_PREFIX}unacked_index"
        while not self._closing.wait(timings.TAG_RENEW_S):
            tags = {request._message.delivery_tag: time.time() for request in _reserved()}  # noqa: SLF001  # celery shows the tag nowhere else
            try:
                if tags:
                    redis.zadd(index, tags, xx=True)
            except RedisError as error:
                log.warning("message tags not renewed", extra={"reason": str(error)})


def _reserved() -> list[Any]:
    """Return what this worker has reserved; the set changes while it is read."""
    while True:
        try:
            return list(state.reserved_requests)
        except RuntimeError:
            continue
