"""The sender: takes what is due and sends it from a few threads; any number of them may run."""

import logging
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from types import TracebackType
from typing import Final, Self

from redis.exceptions import RedisError

from adapters.webhooks.addresses import Allowed
from adapters.webhooks.posting import post
from jobs.webhooks.deliveries import Deliveries, Delivery, Outcome
from jobs.webhooks.signing import headers
from protocol import timings
from runtime.background import BackgroundThread
from runtime.version import version

log = logging.getLogger(__name__)

THREADS: Final = 8
#: Pauses differ by up to this share, so that what failed together does not come back together.
_JITTER: Final = 0.1


class WebhookSender:
    """
    Send what is due, until closed.

    A delivery is taken for a minute. A sender that dies meanwhile leaves it due: a receiver may
    get a message twice, with the same `webhook-id`, and never misses one.

    Args:
        deliveries: What is due, and where what became of it is written down.

        allowed: Where it may be sent.

        job_secret: Signs what goes to the URLs of jobs.
    """

    def __init__(self, deliveries: Deliveries, *, allowed: Allowed, job_secret: str) -> None:
        self._deliveries = deliveries
        self._allowed = allowed
        self._job_secret = job_secret
        self._running: Counter[str] = Counter()
        self._lock = Lock()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="webhook")
        self._thread = BackgroundThread("webhooks", self._turn, first_s=timings.WEBHOOK_POLL_S)

    def __enter__(self) -> Self:
        """Start."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop; what is on its way is waited for no longer than a receiver may take."""
        self._thread.stop()
        self._pool.shutdown(cancel_futures=True)

    def _turn(self) -> float:
        """Hand what is due to threads that have nothing to do."""
        with self._lock:
            running = dict(self._running)
        free = THREADS - sum(running.values())
        try:
            due = self._deliveries.take(free, running=running) if free > 0 else []
        except RedisError as error:
            log.warning("webhooks put off", extra={"reason": str(error)})
            return timings.WEBHOOK_POLL_S
        for delivery in due:
            with self._lock:
                self._running[delivery.group] += 1
            self._pool.submit(self._send, delivery)
        return 0.0 if len(due) == free > 0 else timings.WEBHOOK_POLL_S

    def _send(self, delivery: Delivery) -> None:
        """Send one message and write down what became of it."""
        try:
            self._settle(delivery, self._outcome(delivery))
        except RedisError as error:
            # Its outcome is lost: it will be sent once more.
            log.warning("outcome of a webhook lost", extra={"reason": str(error)})
        finally:
            with self._lock:
                # Groups that nothing is sent to are not kept: jobs name ever new hosts.
                self._running -= Counter([delivery.group])
            self._thread.wake()

    def _outcome(self, delivery: Delivery) -> Outcome:
        """Try once; a fault of ours is a try that failed, so that none goes on for ever."""
        secret = delivery.secret or self._job_secret
        if not secret:
            return Outcome(delivered=False, error="QUERN_WEBHOOK_SECRET is not set any more")
        try:
            payload = delivery.payload()
            signed = headers(secret, delivery.message_id, payload, now_s=int(time.time()))
            return post(
                delivery.url,
                payload,
                signed | {"Content-Type": "application/json", "User-Agent": f"Quern/{version()}"},
                allowed=self._allowed,
                timeout_s=timings.WEBHOOK_TIMEOUT_S,
            )
        except Exception:
            log.exception("webhook failed")
            return Outcome(delivered=False, error="a fault of Quern; see the worker's log")

    def _settle(self, delivery: Delivery, outcome: Outcome) -> None:
        """Write down what became of a try, and when the next one is."""
        pause_s = None if outcome.delivered or outcome.gone else pause_after(delivery.tries)
        self._deliveries.settle(delivery, outcome, again_in_s=pause_s)
        if not outcome.delivered:
            log.warning(
                "webhook not delivered",
                extra={
                    "webhook": delivery.endpoint, "message_id": delivery.message_id,
                    "status": outcome.status, "tries": delivery.tries,
                    "again_in_s": pause_s and round(pause_s),
                },
            )  # fmt: skip


def pause_after(tries: int) -> float | None:
    """Return how long to wait after so many tries that failed; None: there is no other."""
    if tries > len(timings.WEBHOOK_PAUSES_S):
        return None
    return timings.WEBHOOK_PAUSES_S[tries - 1] * random.uniform(1 - _JITTER, 1 + _JITTER)
