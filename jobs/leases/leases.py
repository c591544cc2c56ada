"""Leases: how one process claims units, and the quarantine of units that workers died over."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Self

from redis import Redis
from redis.exceptions import RedisError

from jobs import claim_metrics
from jobs.leases.deltas import Deltas
from jobs.leases.endings import EXPECTED, end
from jobs.leases.lease import Lease
from jobs.leases.renewal import Renewal
from jobs.leases.stall_detector import StallDetector
from jobs.ledger.wire import Fields
from jobs.ledger.work import Output, Work
from jobs.units import Unit
from protocol import timings
from protocol.ids import new_id
from protocol.messages import Stage
from rag.errors import LeaseLost
from runtime.logging.correlation import bound
from runtime.logging.logs import event as log_event
from runtime.tracing import traces

log = logging.getLogger(__name__)

#: Faster than people read, and slow enough to be cheap.
DELTA_S = 0.05

#: Stages of which a body goes through a whole collection.
_HOURS: Final = frozenset({"reindex", "check", "drop"})


class Leases:
    """
    The leases of one process: claims, renewal, and the quarantine of units that workers died over.

    A unit in flight at two deaths runs while nothing else does here, so that it buries no
    innocent one. *Bodies* are what runs in this process, fenced or not: claims in Redis are not
    enough to tell, because a stalled process holds bodies that Redis has written off.

    Args:
        work: Where claims are made.

        redis: A client whose connections may be used by the renewing thread.

        name: Who holds the leases, for people.

        delta_s: For how long deltas of an answer are collected before they are passed on.
    """

    def __init__(self, work: Work, redis: Redis, *, name: str, delta_s: float = DELTA_S) -> None:
        self._work = work
        self._name = name
        self._lock = threading.Condition()
        self._held: dict[str, Lease] = {}
        self._bodies = 0
        self.stall_detector = StallDetector()
        self._last_error = (0.0, "")
        self._quarantined: str | None = None  # who runs alone, or waits to: a claim's holder
        self._closing = threading.Event()
        self._renewal = Renewal(work, redis, self._held)
        self._deltas = Deltas(work, every_s=delta_s, on_status=self._renewal.heed)

    def __enter__(self) -> Self:
        """Start renewing."""
        self._renewal.thread.start()
        self._deltas.thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give back what is still held, and stop renewing."""
        self.close()

    @property
    def bodies(self) -> int:
        """How many task bodies run at this moment."""
        return self._bodies

    @property
    def running(self) -> Counter[str]:
        """How many units run at this moment, by their kind."""
        held = list(self._held.values())
        return Counter(lease.unit.fields["kind"] for lease in held if not lease.ended)

    @property
    def oldest_s(self) -> float:
        """For how long the oldest body has been running, seconds; 0 if none is."""
        begun = [lease.begun_at for lease in list(self._held.values())]
        return time.monotonic() - min(begun) if begun else 0.0

    @property
    def last_error(self) -> str:
        """Why a unit was given back to wait; empty once a body has ended well, or time passed."""
        since, reason = self._last_error
        return reason if time.monotonic() - since < timings.LAST_ERROR_S else ""

    def close(self) -> None:
        """Release what is still held, and stop renewing. Harmless when repeated."""
        self._closing.set()
        with self._lock:  # a claim under way either is in this list, or is not made any more
            held = list(self._held.values())
        for lease in held:
            lease.stop(LeaseLost)
            lease.release(at_once=True)
        self._deltas.thread.stop()
        self._renewal.thread.stop()

    @contextmanager
    def claim(self, unit_id: str, stage: Stage) -> Iterator[Lease | None]:
        """
        Run a body under a lease; yields None where the message is to be forgotten.

        What the body raises decides what becomes of the unit: see `rag.errors`. Anything it does
        not raise on purpose ends the unit as failed, and is raised again.
        """
        units = self.take(unit_id, stage)
        if not units:
            yield None
            return
        (lease,) = units
        with bound(**lease.unit.ids):
            try:
                yield lease
                self._last_error = (0.0, "")
            except LeaseLost:
                log.info("lease lost", extra={"unit_id": unit_id})
            except Exception as error:
                self._end(lease, error)
                if not isinstance(error, EXPECTED):
                    raise
            finally:
                self._drop(lease)

    def hand_over(
        self, work: Sequence[tuple[Lease, Fields]], *, stage: Stage
    ) -> list[bool | Exception]:
        """
        Write the outputs of a stage for several units and go on with the next, if that may be.

        Answers for each: whether its body goes on, or the error. Under the lock, so that a process
        that closes gives back the claim which a unit has, not the one it had.
        """
        with self._lock:
            if self._closing.is_set():
                return [LeaseLost(lease.unit.id) for lease, _ in work]
            for lease, _ in work:
                lease.moving = True
            try:
                outputs = [Output(lease.unit, fields) for lease, fields in work]
                answers = self._work.hand_over(outputs, stage=stage, goes_on=True)
                for (lease, _), answer in zip(work, answers, strict=True):
                    if isinstance(answer, Unit):
                        lease.unit = answer
                        claim_metrics.record_next_stage(answer)
                    elif not isinstance(answer, Exception):
                        lease.ended = True
            finally:
                for lease, _ in work:
                    lease.moving = False
        return [
            answer if isinstance(answer, Exception) else isinstance(answer, Unit)
            for answer in answers
        ]

    def settle(self, lease: Lease, error: Exception) -> None:
        """Write what an error means for a unit that ran beside others, and let it go."""
        if isinstance(error, LeaseLost):
            log.info("lease lost", extra=lease.unit.ids | {"unit_id": lease.unit.id})
        else:
            self._end(lease, error)
        self.let_go(lease)

    def give_back(self, lease: Lease) -> None:
        """Let a unit that ran beside others wait again, unharmed."""
        lease.release(at_once=True)
        self._note_unreleased(lease)
        self.let_go(lease)

    def let_go(self, lease: Lease, *, well: bool = False) -> None:
        """A unit that ran beside others has ended, perhaps *well*: make room."""
        if well:
            self._last_error = (0.0, "")
        self._drop(lease)

    def take(
        self, unit_id: str, stage: Stage, *, most: int = 1, most_bytes: int = 0
    ) -> list[Lease]:
        """
        Claim a unit, and small ones that wait beside it: *most* and *most_bytes* with it together.

        None at all where its message is to be forgotten. The caller ends each, and lets it go: see
        `claim` and `jobs.leases.batch`.
        """
        first = self._take(unit_id, stage)
        if first is None:
            return []
        room = most_bytes - int(first.unit.fields.get("size", "0"))
        if room <= 0:
            return [first]
        try:
            return [first, *self.join(first, most=most - 1, most_bytes=room)]
        except Exception as error:
            self.settle(first, error)
            if not isinstance(error, RedisError):
                raise
            return []

    def join(self, first: Lease, *, most: int, most_bytes: int) -> list[Lease]:
        """
        Claim small units that wait for the stage of *first*, for its body to take along.

        None for a unit that a worker died under: what it has may not be had by others.
        """
        fields = first.unit.fields
        stage: Stage = fields["stage"]  # type: ignore[assignment]  # written by accept from Stage
        if int(fields.get("deaths", "0")) or most < 1:
            return []
        if stage == "publish" and int(fields.get("chunks", "0")) > timings.LONG_CHUNKS:
            return []  # who came along would wait for it
        with self._lock:
            if self._quarantined is not None or self._closing.is_set():
                return []
            holder = f"{self._name}/{new_id()}"
            units = self._work.join(
                fields["role"], stage=stage, holder=holder, most=most, most_bytes=most_bytes,
                owner=fields["owner"],
            )  # fmt: skip
            return [self._hold(holder, unit) for unit in units]

    def _take(self, unit_id: str, stage: Stage) -> Lease | None:
        """Claim a unit, waiting for the process to be empty where it must run alone."""
        deadline = time.monotonic() + timings.QUARANTINE_WAIT_S
        patience = time.monotonic() + timings.BEHIND_S
        holder = f"{self._name}/{new_id()}"
        with self._lock:
            while not self._closing.is_set():
                behind = self._quarantined not in (None, holder)
                if behind and time.monotonic() < patience:
                    self._lock.wait(timeout=1.0)
                    continue
                # Claimed under the lock: two claims at once would each miss the other's body.
                try:
                    answer = self._work.claim(
                        unit_id, stage=stage, holder=holder, bodies=self.bodies,
                        quarantine_running=behind,
                        impatient=behind or self._long_to_go or time.monotonic() > deadline,
                    )  # fmt: skip
                except RedisError:
                    self._let_others(holder)
                    raise
                if isinstance(answer, Unit):
                    traces.take_up(answer.id, answer.fields)
                    return self._hold(holder, answer)
                if answer.reason != "solo" or time.monotonic() > deadline:
                    self._let_others(holder)
                    log.debug("claim refused", extra={"unit_id": unit_id, "reason": answer.reason})
                    return None
                # From here nothing else is claimed until this unit has run: it must not starve.
                self._quarantined = holder
                self._lock.wait(timeout=0.2)
            self._let_others(holder)
        return None

    @property
    def _long_to_go(self) -> bool:
        """Whether a body runs here that may last for hours: no use in waiting for its end."""
        return any(one.unit.stage in _HOURS for one in list(self._held.values()) if not one.ended)

    def _hold(self, holder: str, unit: Unit) -> Lease:
        """
        Count a body and renew its claim from now on.

        A quarantined unit's keeps all others waiting.
        """
        self.stall_detector.progressed()
        lease = Lease(self._work, unit, self._deltas, self.stall_detector)
        log_event("started", **unit.ids, stage=unit.stage, attempt=unit.attempt)
        self._bodies += 1
        if int(unit.fields.get("deaths", "0")) >= timings.QUARANTINE_DEATHS:
            self._quarantined = holder
        else:
            self._let_others(holder)
        if (stalled := self._held.get(unit.id)) is not None:
            # A body that slept through its own lapse: nobody else would tell it.
            stalled.stop(LeaseLost)
        self._held[unit.id] = lease
        claim_metrics.record_claim(unit)
        return lease

    def _let_others(self, holder: str) -> None:
        """End a wait to run alone."""
        if self._quarantined == holder:
            self._quarantined = None
            self._lock.notify_all()

    def _end(self, lease: Lease, error: Exception) -> None:
        """Write what an error means for the unit; why it waits is told with the heartbeat."""
        if reason := end(lease, error):
            self._last_error = (time.monotonic(), reason)
        self._note_unreleased(lease)

    def _note_unreleased(self, lease: Lease) -> None:
        """Leave a unit that could not be given back to the thread that renews."""
        if lease.unreleased:
            self._renewal.give_back_later(lease.unit)

    def _drop(self, lease: Lease) -> None:
        """A body has ended: make room, and let others claim."""
        self.stall_detector.progressed()
        self._deltas.take(lease.unit)
        with self._lock:
            if self._held.get(lease.unit.id) is lease:
                del self._held[lease.unit.id]
            self._bodies -= 1
            self._let_others(lease.unit.fields["holder"])
            self._lock.notify_all()
