"""Leases: how one process claims units, stays alive on them, and learns that it must stop."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import orjson
from redis import Redis
from redis.client import PubSub
from redis.exceptions import RedisError

from jobs import measuring
from jobs.deltas import Deltas
from jobs.ledger import Fate, Fields, Ledger
from jobs.pulse import Pulse
from jobs.units import Piece, Unit
from protocol import timings
from protocol.ids import new_id
from protocol.keys import CANCEL
from protocol.messages import Stage
from rag.errors import (
    Broken,
    Cancelled,
    DeadlineExceeded,
    EngineDead,
    InvalidRequest,
    LeaseLost,
    NoText,
    Retryable,
    Unreadable,
)
from runtime.logging.correlation import bound
from runtime.logging.log_words import words
from runtime.logging.logs import event as tell
from runtime.tracing import traces

log = logging.getLogger(__name__)

#: How soon a flip is tried again that a reindex holds up for its last moment.
HELD_S = 0.02
#: Faster than people read, and slow enough to be cheap.
DELTA_S = 0.05


class Lease:
    """
    One claimed unit inside the body that runs it.

    Every write is fenced by the unit's epoch. A body that works for long calls `check` between
    its steps; a body that waits for something else registers a callback with `on_stop`.
    """

    def __init__(self, ledger: Ledger, unit: Unit, deltas: Deltas, pulse: Pulse) -> None:
        self.ledger = ledger
        self.unit = unit
        self.begun_at = time.monotonic()
        self._deltas = deltas
        self._pulse = pulse
        self.ended = False
        self._moving = False
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
        self._pulse.moved()
        if self._stop is not None:
            raise self._stop(self.unit.id)
        if time.time() > self.unit.deadline_s:
            raise DeadlineExceeded(self.unit.id)

    @property
    def stopped(self) -> bool:
        """Whether the body should end soon; asked between two steps, see `jobs.pulse`."""
        self._pulse.moved()
        return self._stop is not None or time.time() > self.unit.deadline_s

    def on_stop(self, callback: Callable[[], None]) -> None:
        """Call *callback*, from another thread and perhaps twice, once the body should end."""
        self._callbacks.append(callback)
        if self._stop is not None:
            callback()

    def stop(self, reason: type[LeaseLost | Cancelled]) -> None:
        """Tell the body to end; called by the thread that renews."""
        if self._stop is None:
            self._stop = reason
            for callback in self._callbacks:
                callback()

    @property
    def moving(self) -> bool:
        """Whether its epoch changes at this moment: what is heard of the old one means nothing."""
        return self._moving

    def tell(self, text: str) -> None:
        """Pass a piece of the answer on, soon; never waits, and may be called by any thread."""
        self._pulse.moved()
        self._deltas.add(self.unit, text)

    def move(self, *, begins: bool) -> None:
        """Note that the unit's epoch is about to change, or has."""
        self._moving = begins

    def progress(self, *, done: int, total: int, what: str) -> None:
        """Say how far the body is, and go on only if there is still a reason to; see `check`."""
        self.check()
        self.ledger.progress(self.unit, done=done, total=total, what=what)

    def hand_over(
        self, *, stage: Stage, fields: Fields, event: str = "", data: object = None
    ) -> None:
        """Write this stage's output and give the unit to the next."""
        self.ledger.hand_over(self.unit, stage=stage, fields=fields, event=event, data=data)
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

        *text* is an answer of which nothing was told by `tell`.
        """
        rest = self._deltas.take(self.unit)
        if text:
            rest = [Piece(self.unit, 1, text)]
        outcome = self.ledger.finish(
            self.unit, state=state, fields=fields, events=events, rest=rest
        )
        why = {"error": orjson.loads(str(fields["error"]))["type"]} if "error" in fields else {}
        self.conclude("finished", state=state if outcome == "ok" else outcome, **why)

    def flip(self, *, entry: str, document: Mapping[str, Any], fields: Fields) -> str:
        """End a document row by making its generation the current one; returns the outcome."""
        while True:
            outcome = self.ledger.flip(self.unit, entry=entry, document=document, fields=fields)
            if outcome != "held":
                break
            self.check()
            time.sleep(HELD_S)
        self.conclude("finished", outcome=outcome)
        return outcome

    def conclude(self, event: str, **told: object) -> None:
        """Note that this body's last word on the unit is written."""
        self.ended = True
        ran_ms = round((time.monotonic() - self.begun_at) * 1000, 1)
        tell(event, **self.unit.ids, **(told | {"stage": self.unit.stage, "ms": ran_ms}))


class Leases:
    """
    The leases of one process: claims, renewal, and the rule that a suspect runs alone.

    A unit in flight at two deaths runs while nothing else does here, so that it buries no
    innocent one. *Bodies* are what runs in this process, fenced or not: claims in Redis are not
    enough to tell, because a stalled process holds bodies that Redis has written off.

    Args:
        ledger: Where claims are made.

        redis: A client whose connections may be used by the renewing thread.

        name: Who holds the leases, for people.

        delta_s: For how long pieces of an answer are collected before they are passed on.
    """

    def __init__(
        self, ledger: Ledger, redis: Redis, *, name: str, delta_s: float = DELTA_S
    ) -> None:
        self._ledger = ledger
        self._redis = redis
        self._name = name
        self._lock = threading.Condition()
        self._held: dict[str, Lease] = {}
        self._bodies = 0
        self.pulse = Pulse()
        self._setback = (0.0, "")
        self._solo: str | None = None  # who runs alone, or waits to: a claim's holder
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._renew_for_ever, name="leases", daemon=True)
        self._deltas = Deltas(ledger, every_s=delta_s, on_fate=self._told)

    def __enter__(self) -> Self:
        """Start renewing."""
        self._thread.start()
        self._deltas.start()
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
    def trouble(self) -> str:
        """Why a unit was given back to wait; empty once a body has ended well, or time passed."""
        since, reason = self._setback
        return reason if time.monotonic() - since < timings.TROUBLE_S else ""

    def close(self) -> None:
        """Release what is still held, and stop renewing. Harmless when repeated."""
        self._closing.set()
        with self._lock:  # a claim under way either is in this list, or is not made any more
            held = list(self._held.values())
        for lease in held:
            lease.stop(LeaseLost)
            self._release(lease, at_once=True)
        self._deltas.stop()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    @contextmanager
    def claim(self, unit_id: str, stage: Stage) -> Iterator[Lease | None]:
        """
        Run a body under a lease; yields None where the message is to be forgotten.

        What the body raises decides what becomes of the unit: see `rag.errors`. Anything it does
        not raise on purpose ends the unit as failed, and is raised again.
        """
        lease = self.take(unit_id, stage)
        if lease is None:
            yield None
            return
        with bound(**lease.unit.ids):
            try:
                yield lease
                self._setback = (0.0, "")
            except LeaseLost:
                log.info("lease lost", extra={"unit_id": unit_id})
            except Exception as error:
                self._end(lease, error)
                if isinstance(error, Broken) or not isinstance(error, EXPECTED):
                    raise
            finally:
                self._drop(lease)

    def join(self, leader: Lease, *, most: int, most_bytes: int) -> list[Lease]:
        """
        Claim small units that wait for the leader's stage, for its body to take along.

        None for a unit that a worker died under: what it has may not be had by others.
        """
        fields = leader.unit.fields
        stage: Stage = fields["stage"]  # type: ignore[assignment]  # written by accept from Stage
        if int(fields.get("deaths", "0")) or most < 1:
            return []
        if stage == "publish" and int(fields.get("chunks", "0")) > timings.LONG_CHUNKS:
            return []  # who came along would wait for it
        with self._lock:
            if self._solo is not None or self._closing.is_set():
                return []
            holder = f"{self._name}/{new_id()}"
            units = self._ledger.join(
                fields["role"], stage=stage, holder=holder, most=most, most_bytes=most_bytes,
                owner=fields["owner"],
            )  # fmt: skip
            return [self._hold(holder, unit) for unit in units]

    def hand_on(
        self,
        work: Sequence[tuple[Lease, Fields]],
        *,
        stage: Stage,
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
                lease.move(begins=True)
            try:
                answers = self._ledger.hand_over_many(
                    [(lease.unit, fields) for lease, fields in work], stage=stage
                )
                for (lease, _), answer in zip(work, answers, strict=True):
                    if isinstance(answer, Unit):
                        lease.unit = answer
                        measuring.went_on(answer)
                    elif answer is None:
                        lease.ended = True
            finally:
                for lease, _ in work:
                    lease.move(begins=False)
        return [
            answer if isinstance(answer, Exception) else answer is not None for answer in answers
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
        self._release(lease, at_once=True)
        self.let_go(lease)

    def let_go(self, lease: Lease, *, well: bool = False) -> None:
        """A unit that ran beside others has ended, perhaps *well*: make room."""
        if well:
            self._setback = (0.0, "")
        self._drop(lease)

    def take(self, unit_id: str, stage: Stage) -> Lease | None:
        """
        Claim a unit, waiting for the process to be empty where it must run alone.

        None where its message is to be forgotten. The caller ends it, and lets it go: see `claim`
        and `jobs.companies.company`.
        """
        deadline = time.monotonic() + timings.SOLO_WAIT_S
        holder = f"{self._name}/{new_id()}"
        with self._lock:
            while not self._closing.is_set():
                if self._solo not in (None, holder) and time.monotonic() < deadline:
                    self._lock.wait(timeout=1.0)
                    continue
                # Claimed under the lock: two claims at once would each miss the other's body.
                try:
                    answer = self._ledger.claim(
                        unit_id, stage=stage, holder=holder, bodies=self.bodies,
                        solo_running=self._solo not in (None, holder),
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
                self._solo = holder
                self._lock.wait(timeout=0.2)
            self._let_others(holder)
        return None

    def _hold(self, holder: str, unit: Unit) -> Lease:
        """Count a body and renew its claim from now on; a suspect's keeps all others waiting."""
        self.pulse.moved()
        lease = Lease(self._ledger, unit, self._deltas, self.pulse)
        tell("started", **unit.ids, stage=unit.stage, attempt=unit.attempt)
        self._bodies += 1
        if int(unit.fields.get("deaths", "0")) >= timings.SOLO_DEATHS:
            self._solo = holder
        else:
            self._let_others(holder)
        if (stalled := self._held.get(unit.id)) is not None:
            # A body that slept through its own lapse: nobody else would tell it.
            stalled.stop(LeaseLost)
        self._held[unit.id] = lease
        measuring.claimed(unit)
        return lease

    def _let_others(self, holder: str) -> None:
        """End a wait to run alone."""
        if self._solo == holder:
            self._solo = None
            self._lock.notify_all()

    def _drop(self, lease: Lease) -> None:
        """A body has ended: make room, and let others claim."""
        self.pulse.moved()
        self._deltas.take(lease.unit)
        with self._lock:
            if self._held.get(lease.unit.id) is lease:
                del self._held[lease.unit.id]
            self._bodies -= 1
            self._let_others(lease.unit.fields["holder"])
            self._lock.notify_all()

    def _end(self, lease: Lease, error: Exception) -> None:
        """Write what an error means for the unit."""
        told = lease.unit.ids | {"unit_id": lease.unit.id, "reason": words(error)}
        try:
            if lease.ended:
                log.error("error after the unit's end", exc_info=error, extra=told)
            elif isinstance(error, Retryable | RedisError):
                log.warning("a store is away; the unit waits", extra=told)
                self._setback = (time.monotonic(), words(error))
                measuring.put_back(lease.unit)
                self._release(lease, at_once=False)
            elif isinstance(error, EngineDead):
                log.error("the engine died; the claim lapses", extra=told)
                lease.ended = True  # not renewed any more, and not released when the process ends
            elif isinstance(error, Broken):
                self._release(lease, at_once=True)
            else:
                if not isinstance(error, EXPECTED):
                    log.error("the body failed", exc_info=error, extra=told)
                state, fields = _verdict(error)
                lease.finish(state=state, fields=fields)
                measuring.refused(lease.unit, error)
        except LeaseLost:
            log.info("lease lost", extra=told)
        except RedisError as away:
            # Not even that could be written: the claim lapses and the sweeper sees to it.
            log.warning("end not written", extra=told | {"reason": words(away)})

    def _release(self, lease: Lease, *, at_once: bool) -> None:
        """Give a unit back; one that cannot be given back lapses by itself."""
        try:
            self._ledger.release(lease.unit, at_once=at_once)
        except RedisError as error:
            log.warning("not released", extra=lease.unit.ids | {"reason": words(error)})
        lease.ended = True

    def _renew_for_ever(self) -> None:
        """Renew every lease each two seconds, and hear cancellations between."""
        ears: PubSub | None = None
        due = time.monotonic()
        while not self._closing.is_set():
            try:
                if ears is None:
                    ears = self._redis.pubsub(ignore_subscribe_messages=True)
                    ears.subscribe(CANCEL)
                self._hear(ears, timeout=max(0.0, min(0.5, due - time.monotonic())))
                if time.monotonic() >= due:
                    due = time.monotonic() + timings.RENEW_S
                    self._renew()
            except RedisError as error:
                log.warning("leases not renewed", extra={"reason": str(error)})
                if ears is not None:
                    ears.close()
                    ears = None
                self._closing.wait(0.5)
            except Exception:
                # A body's callback failed; the claims of all the others must not lapse for it.
                log.exception("a lease could not be stopped in order")
        if ears is not None:
            ears.close()

    def _hear(self, ears: PubSub, *, timeout: float) -> None:
        """Stop the unit that a cancellation names."""
        message = ears.get_message(timeout=timeout)
        if message and (lease := self._held.get(message["data"])):
            lease.stop(Cancelled)

    def _renew(self) -> None:
        """Say that every held unit is alive; stop the ones that are no longer ours."""
        units = [
            lease.unit for lease in list(self._held.values()) if not (lease.ended or lease.moving)
        ]
        for unit, fate in zip(units, self._ledger.renew(units), strict=True):
            self._told(unit, fate)

    def _told(self, unit: Unit, fate: Fate) -> None:
        """Stop a body whose unit is to stop, or is no longer ours."""
        lease = self._held.get(unit.id)
        if fate == "ok" or lease is None or lease.ended or lease.moving:
            return
        if lease.unit.epoch != unit.epoch:
            return
        lease.stop(Cancelled if fate == "stop" else LeaseLost)


#: What a body raises on purpose; the unit's end says all there is to say.
EXPECTED = (
    Cancelled,
    DeadlineExceeded,
    Unreadable,
    InvalidRequest,
    Retryable,
    RedisError,
)

LATE = "It was not finished in time; submit it again, perhaps with a longer deadline_s."
INTERNAL = "This is a fault of Quern, not of the input; the worker log has the details."


def _verdict(error: Exception) -> tuple[str, dict[str, str]]:
    """Return the state and fields that an error of a body means."""
    match error:
        case Cancelled():
            return "cancelled", {}
        case DeadlineExceeded():
            return "expired", {"error": problem("deadline", "Past its deadline", LATE)}
        case NoText():
            return "succeeded", {"outcome": "empty", "note": error.detail}
        case Unreadable():
            return "failed", {"error": problem(error.reason, "Could not be read", error.detail)}
        case InvalidRequest():
            return "failed", {"error": problem("invalid", "Cannot be done as asked", str(error))}
        case _:
            return "failed", {"error": problem("internal", "Quern failed", INTERNAL)}


def problem(kind: str, title: str, detail: str) -> str:
    """Return an error as the ledger keeps it: JSON of type, title, detail."""
    return orjson.dumps({"type": kind, "title": title, "detail": detail}).decode()
