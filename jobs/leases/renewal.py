"""Renewal: one thread says that the claims of a process are alive, and stops what is to stop."""

import logging
import time
from collections import deque
from collections.abc import Mapping

from redis import Redis
from redis.client import PubSub
from redis.exceptions import RedisError

from jobs.leases.lease import Lease
from jobs.ledger.work import ClaimStatus, Work
from jobs.units import Unit
from protocol import timings
from protocol.keys import CANCEL
from rag.errors import Cancelled, LeaseLost
from runtime.background import BackgroundThread

log = logging.getLogger(__name__)

#: So long it waits for a cancellation before it looks around, and after Redis was away.
MESSAGE_WAIT_S = 0.5


class Renewal:
    """
    Renew every lease every two seconds, and read cancellations between.

    A unit that a body could not give back, because Redis was away, is given back here once Redis
    answers: its claim has lapsed meanwhile, and would count as a death though nobody died.

    Args:
        work: Where claims are renewed.

        redis: A client whose connections may be used by the thread.

        held: The leases by their unit's id; changed by others meanwhile.
    """

    def __init__(self, work: Work, redis: Redis, held: Mapping[str, Lease]) -> None:
        self._work = work
        self._redis = redis
        self._held = held
        self._subscription: PubSub | None = None
        self._due = 0.0
        self._unreleased: deque[Unit] = deque()
        self.thread = BackgroundThread("leases", self._turn, at_end=self._close_ears)

    def heed(self, unit: Unit, status: ClaimStatus) -> None:
        """Stop a body whose unit is to stop, or is no longer ours."""
        lease = self._held.get(unit.id)
        if status == "ok" or lease is None or lease.ended or lease.moving:
            return
        if lease.unit.epoch != unit.epoch:
            return
        lease.stop(Cancelled if status == "stop" else LeaseLost)

    def give_back_later(self, unit: Unit) -> None:
        """Give back a unit that no body here runs any more, once Redis answers."""
        self._unreleased.append(unit)

    def _turn(self) -> float:
        """Hear a cancellation, if one comes, and renew if it is time."""
        try:
            if self._subscription is None:
                self._subscription = self._redis.pubsub(ignore_subscribe_messages=True)
                self._subscription.subscribe(CANCEL)
            self._read_cancellation(
                self._subscription,
                timeout=max(0.0, min(MESSAGE_WAIT_S, self._due - time.monotonic())),
            )
            if time.monotonic() >= self._due:
                self._due = time.monotonic() + timings.RENEW_S
                self._renew()  # first: no fault of the other may let a claim lapse
                self._give_back()
        except RedisError as error:
            log.warning("leases not renewed", extra={"reason": str(error)})
            self._close_ears()
            return MESSAGE_WAIT_S
        except Exception:
            # A body's callback failed; the claims of all the others must not lapse for it.
            log.exception("a lease could not be stopped in order")
        return 0

    def _read_cancellation(self, subscription: PubSub, *, timeout: float) -> None:
        """Stop the unit that a cancellation names."""
        message = subscription.get_message(timeout=timeout)
        if message and (lease := self._held.get(message["data"])):
            lease.stop(Cancelled)

    def _renew(self) -> None:
        """Renew the claim of every held unit; stop the bodies of those that are no longer ours."""
        units = [
            lease.unit for lease in list(self._held.values()) if not (lease.ended or lease.moving)
        ]
        for unit, status in zip(units, self._work.renew(units), strict=True):
            self.heed(unit, status)

    def _give_back(self) -> None:
        """Give back what could not be; another worker's unit is refused by its epoch."""
        while self._unreleased:
            self._work.release(self._unreleased[0], at_once=False)
            log.info("released after all", extra=self._unreleased.popleft().ids)

    def _close_ears(self) -> None:
        """Listen no more; the next turn listens anew."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            subscription.close()
