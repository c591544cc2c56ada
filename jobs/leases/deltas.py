"""Deltas: the texts of answers, written to their event streams while they are generated."""

import logging
import threading
import time
from collections.abc import Callable

from redis.exceptions import RedisError

from jobs.ledger.work import ClaimStatus, Work
from jobs.units import Delta, Unit
from runtime.background import BackgroundThread

log = logging.getLogger(__name__)

#: First texts often come several at once, of one step of the engine: the first waits this long for
#: the others.
TOGETHER_S = 0.002
#: After a failed write the next one waits this long.
AGAIN_S = 0.5


class Deltas:
    """
    Write the text of all answers together, one script at a time.

    A write for each answer and delta would cost more than the deltas are worth: with 64 answers at
    once, an eighth of two cores. The first text of an answer is written at once, the rest every
    *every_s*. What cannot be written is kept, and written in order once Redis is back.

    An engine paces its texts by the same setting, and both are needed. It rests for each answer by
    itself, which spares it work for each token; the texts of its answers come at any moment all the
    same. Only here do they meet: of 64 answers that each get a text every 50 ms, this runs 20
    scripts a second once all have begun, and some 150 if it does not collect.

    Args:
        work: Where to write.

        every_s: How long text is collected.

        on_status: Called by the writing thread with each unit written for and the status of its
            claim.
    """

    def __init__(
        self, work: Work, *, every_s: float, on_status: Callable[[Unit, ClaimStatus], None]
    ) -> None:
        self._work = work
        self._every_s = every_s
        self._on_status = on_status
        self._lock = threading.Lock()
        self._held: dict[str, _Answer] = {}
        self._urgent = False
        # Held during a write, so that an end is never written before what goes before it.
        self._writing = threading.Lock()
        self._due = 0.0
        #: Started and stopped by the owner; what nobody took by then is dropped.
        self.thread = BackgroundThread("deltas", self._turn)

    def add(self, unit: Unit, text: str) -> None:
        """Take a delta of a unit's answer; never waits, and may be called from any thread."""
        with self._lock:
            answer = self._held.get(unit.id)
            if answer is None or int(answer.unit.epoch) < int(unit.epoch):
                answer = self._held[unit.id] = _Answer(unit)
            elif answer.unit.epoch != unit.epoch:
                return  # the last words of an attempt that is over
            answer.text += text
            if answer.number == 0:
                # Each time: who was woken last may have found that answer taken, and sleep again.
                self._urgent = True
                self.thread.wake()

    def take(self, unit: Unit) -> list[Delta]:
        """Take back what was not written for sure, for the caller to write with the end."""
        if unit.id not in self._held:
            return []
        with self._writing, self._lock:
            answer = self._held.get(unit.id)
            if answer is None or answer.unit.epoch != unit.epoch:
                return []
            del self._held[unit.id]
            return answer.rest()

    def _turn(self) -> float | None:
        """Write what is due; returns for how long nothing will be."""
        if self._urgent:
            time.sleep(TOGETHER_S)
        with self._lock:
            self._urgent = False
            if not self._held:
                return None
        everything = time.monotonic() >= self._due
        if everything:
            self._due = time.monotonic() + self._every_s
        if not self._write(everything=everything):
            # First texts do not end this wait: Redis would be asked once for each of them.
            self.thread.pause(AGAIN_S)
            return 0
        return max(0.0, self._due - time.monotonic())

    def _write(self, *, everything: bool) -> bool:
        """Write first texts, or all; returns True if Redis took them."""
        with self._writing:
            with self._lock:
                answers = [
                    answer
                    for answer in self._held.values()
                    if (answer.text or answer.sent) and (everything or answer.number == 0)
                ]
                deltas = [answer.next() for answer in answers]
            if not deltas:
                return True
            try:
                statuses = self._work.append_deltas(deltas)
            except RedisError as error:
                log.warning("answers not passed on", extra={"reason": str(error)})
                return False
            with self._lock:
                for answer, status in zip(answers, statuses, strict=True):
                    answer.sent = None
                    # Also what came after its body's end, for which nobody will ask.
                    if status == "lost" and self._held.get(answer.unit.id) is answer:
                        del self._held[answer.unit.id]
        for delta, status in zip(deltas, statuses, strict=True):
            try:
                self._on_status(delta.unit, status)
            except Exception:
                # A body's callback failed; the answers of all the others go on.
                log.exception("a body could not be stopped in order")
        return True


class _Answer:
    """The text of one claim's answer on its way: being written, and come since."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.text = ""
        self.number = 0
        # Sent, and perhaps written: it must come again unchanged for the ledger to know it.
        self.sent: Delta | None = None

    def next(self) -> Delta:
        """Return the delta to be written now."""
        if self.sent is None:
            self.number += 1
            self.sent = Delta(self.unit, self.number, self.text)
            self.text = ""
        return self.sent

    def rest(self) -> list[Delta]:
        """Return all that is not known to be written."""
        first = [self.sent] if self.sent else []
        return [*first, Delta(self.unit, self.number + 1, self.text)] if self.text else first
