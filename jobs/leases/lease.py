"""A lease: one claimed unit inside the body that runs it."""

import logging
import time
from collections.abc import Callable, Sequence

import orjson
from redis.exceptions import RedisError

from jobs.leases.deltas import Deltas
from jobs.leases.stall_detector import StallDetector
from jobs.ledger.wire import Fields
from jobs.ledger.work import Output, Work
from jobs.units import Delta, Unit
from protocol import timings
from protocol.messages import Stage
from rag.errors import Cancelled, DeadlineExceeded, LeaseLost
from runtime.logging.log_words import words
from runtime.logging.logs import event as log_event

log = logging.getLogger(__name__)


class Lease:
    """
    One claimed unit inside the body that runs it.

    Every write is fenced by the unit's epoch. A body that works for long calls `check` between
    its steps; a body that waits for something else registers a callback with `on_stop`.
    """

    def __init__(
        self, work: Work, unit: Unit, deltas: Deltas, stall_detector: StallDetector
    ) -> None:
        self._work = work
        self.unit = unit
        self.begun_at = time.monotonic()
        #: When it is too late, by the monotonic clock: this machine's date may be any.
        self.give_up_at = self.begun_at + unit.time_left_s
        self._deltas = deltas
        self._stall_detector = stall_detector
        self.ended = False
        #: It could not be given back, because Redis was away: see `jobs.leases.renewal`.
        self.unreleased = False
        # Its epoch changes at this moment: what is heard of the old one means nothing.
        self.moving = False
        self._stop: type[LeaseLost | Cancelled] | None = None
        self._callbacks: list[Callable[[], None]] = []

    def check(self) -> None:
        """
        Go on only if there is still a reason to.

        Raises:
            LeaseLost: Another worker has the unit; write nothing more.

            Cancelled: Its owner asked it to stop.

            DeadlineExceeded: It is too late.
        """
        self._stall_detector.progressed()
        if self._stop is not None:
            raise self._stop(self.unit.id)
        if time.monotonic() > self.give_up_at:
            raise DeadlineExceeded(self.unit.id)

    @property
    def stopped(self) -> bool:
        """
        Whether the body should end soon.

        Asked between two steps, see `jobs.leases.stall_detector`.
        """
        self._stall_detector.progressed()
        return self._stop is not None or time.monotonic() > self.give_up_at

    def on_stop(self, callback: Callable[[], None]) -> None:
        """Call *callback*, from another thread and perhaps twice, once the body should end."""
        self._callbacks.append(callback)
        if self._stop is not None:
            callback()

    def stop(self, reason: type[LeaseLost | Cancelled]) -> None:
        """Ask the body to end; called by the thread that renews."""
        if self._stop is None:
            self._stop = reason
            for callback in self._callbacks:
                callback()

    def append_text(self, text: str) -> None:
        """Pass a delta of the answer on, soon; never waits, and may be called by any thread."""
        self._stall_detector.progressed()
        self._deltas.add(self.unit, text)

    def progress(self, *, done: int, total: int, what: str, at: str = "") -> None:
        """Record the body's progress, and where a later body goes on, after a `check`."""
        self.check()
        self._work.progress(self.unit, done=done, total=total, what=what, at=at)

    def hand_over(
        self, *, stage: Stage, fields: Fields, event: str = "", data: object = None
    ) -> None:
        """Write this stage's output and give the unit to the next."""
        output = Output(self.unit, fields, event, data)
        (answer,) = self._work.hand_over([output], stage=stage)
        if isinstance(answer, Exception):
            raise answer
        self.conclude("handed over", to=stage)

    def finish(
        self,
        *,
        state: str,
        fields: Fields,
        events: Sequence[tuple[str, object]] = (),
        text: str = "",
    ) -> None:
        """
        End the unit; *events*, (type, data) of each, and the rest of its answer are told first.

        *text* is an answer of which nothing was passed to `append_text`.
        """
        rest = self._deltas.take(self.unit)
        if text:
            rest = [Delta(self.unit, 1, text)]
        outcome = self._work.finish(self.unit, state=state, fields=fields, events=events, rest=rest)
        why = {"error": orjson.loads(str(fields["error"]))["type"]} if "error" in fields else {}
        self.conclude("finished", state=state if outcome == "ok" else outcome, **why)

    def release(
        self,
        *,
        at_once: bool,
        longest_pause_ms: int = timings.SERVER_PAUSE_MS,
        broken: str = "",
    ) -> None:
        """Give the unit back, see `Work.release`, or note that it is to be given back later."""
        try:
            self._work.release(
                self.unit, at_once=at_once, longest_pause_ms=longest_pause_ms, broken=broken
            )
        except RedisError as error:
            log.warning("not released", extra=self.unit.ids | {"reason": words(error)})
            self.unreleased = True
        self.ended = True

    def conclude(self, event: str, **told: object) -> None:
        """Note that this body's last word on the unit is written."""
        self.ended = True
        ran_ms = round((time.monotonic() - self.begun_at) * 1000, 1)
        log_event(event, **self.unit.ids, **(told | {"stage": self.unit.stage, "ms": ran_ms}))
