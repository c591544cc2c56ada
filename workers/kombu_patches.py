"""Patches of kombu and Celery on Redis: they survive outages, and cost less."""

import logging
from typing import Any, Final

import kombu.transport.redis
from celery.worker.consumer import Consumer
from kombu.transport.virtual import QoS

from tasks.channel import OneClientChannel

log = logging.getLogger(__name__)

#: How long events for Flower are collected.
EVENTS_S: Final = 0.5


class MemoryQoS(QoS):
    """
    Messages that were delivered, remembered in this process alone.

    kombu's own for Redis also writes each into Redis, to deliver it again when its time is up. The
    ledger does that: a unit that nobody claimed, or whose claim lapsed, is sent again, and sooner.
    As of kombu 5.7 a worker with such messages also exits when Redis goes away: giving them back
    needs the connection that was just lost.
    """

    def restore_unacked(self) -> list[Any]:  # type: ignore[override]  # kombu returns what was lost
        """Give messages back if the connection allows it; else the ledger sends them again."""
        lost: Any = super().restore_unacked()
        if lost:
            reasons = sorted({type(error).__name__ for error, _ in lost})
            log.warning("messages not given back", extra={"reason": ", ".join(reasons)})
        return []


class MemoryChannel(OneClientChannel):
    """A channel that acknowledges in memory."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Here, since kombu puts its own in place where `ack_emulation` is off.
        self.QoS = MemoryQoS  # type: ignore[assignment]  # the stubs know one class


def apply_patches() -> None:
    """Put the patched channel in place; call it before the app connects."""
    kombu.transport.redis.Transport.Channel = MemoryChannel


class EventBatchingConsumer(Consumer):
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
        """Send the events collected so far, then stop."""
        self._flush_events()  # type: ignore[attr-defined]  # not in the stubs
        super().stop()
