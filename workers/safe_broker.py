"""Two repairs of Celery on Redis: outages are survived, long bodies are not redelivered."""

import logging
import threading
import time
from typing import Any

import kombu.transport.redis
from celery import bootsteps
from celery.worker import state
from kombu.transport.redis import QoS
from redis import Redis
from redis.exceptions import RedisError

from jobs import timings
from jobs.keys import CELERY_PREFIX
from runtime.redis_clients import ledger_client

log = logging.getLogger(__name__)


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


def repair() -> None:
    """Put the repaired acknowledgements in place; before the app connects."""
    kombu.transport.redis.Channel.QoS = SafeQoS


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
