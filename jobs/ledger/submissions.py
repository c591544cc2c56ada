"""Submissions: units are taken in, written before they are sent, and cancelled."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from access.errors import Overspent
from access.grants import current
from jobs.errors import (
    AlreadyRunning,
    CollectionGone,
    Full,
    IdempotencyConflict,
    NoCollection,
    NoMemory,
    Sealed,
)
from jobs.ledger.sights import Place, Sight
from jobs.ledger.wire import Fields, Outbox, json_of, text_of
from protocol import timings
from protocol.messages import ROLE_OF, Stage
from protocol.scripts import Scripts
from runtime.logging import correlation
from runtime.tracing import traces

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A caller's key and the hash of the body it came with."""

    key: str
    body: str


@dataclass(frozen=True, slots=True)
class Submitted:
    """
    A unit that was taken in.

    Attributes:
        id: Of the unit; of the one that came before, where the request came again.

        sight: What is shown of a unit that is new; None of one that came before.
    """

    id: str
    sight: Sight | None = None


class Submissions:
    """Take units in, and ask them to stop. Every method is one script: whole, or not at all."""

    def __init__(self, scripts: Scripts, outbox: Outbox) -> None:
        self._run = scripts
        self._outbox = outbox

    def submit(
        self,
        unit_id: str,
        *,
        stage: Stage,
        fields: Fields,
        limit: int,
        deadline_s: float,
        idempotency: Idempotency | None = None,
        memory_bound: int | None = None,
    ) -> str:
        """
        Record a unit and send it if there is room; return its id.

        It is `take_in`, for callers who show nothing of the unit.
        """
        return self.take_in(
            unit_id,
            stage=stage,
            fields=fields,
            limit=limit,
            deadline_s=deadline_s,
            idempotency=idempotency,
            memory_bound=memory_bound,
        ).id

    def take_in(
        self,
        unit_id: str,
        *,
        stage: Stage,
        fields: Fields,
        limit: int,
        deadline_s: float,
        idempotency: Idempotency | None = None,
        memory_bound: int | None = None,
    ) -> Submitted:
        """
        Record a question or search and send it if there is room; return what is shown of it.

        *fields* names at least `kind`, `class`, `owner`, `priority`; the id of a `collection` is
        looked up where they do not name it as `incarnation`. With a known idempotency key the id
        returned is the first one's. *memory_bound* is that of `intake.admission`, bytes; None
        where Redis has none.

        Raises:
            NoCollection: There is no such collection.

            Full: The class is at its bound.

            NoMemory: What has been admitted needs the memory that is left.

            IdempotencyConflict: The key came with another body.

            AlreadyRunning: Another open unit does what *fields* name as `alone`.
        """
        whole = dict(fields) | {
            "stage": stage,
            "role": ROLE_OF[stage],
            "deadline_ms": int(deadline_s * 1000),
            **asked_by(),
        }
        row = text_of(whole)
        answer = self._run(
            "submit", unit_id, json_of(row), limit, *idempotency_words(idempotency),
            timings.IDEMPOTENCY_S, bound_word(memory_bound),
        )  # fmt: skip
        check_taken(answer, limit=limit)
        if answer[0] != "ok":
            return Submitted(str(answer[1]))
        _, name, created, deadline, place, *messages = answer
        log.info("accepted", extra={"job_id": name} | _known({"kind": whole.get("kind")}))
        self._outbox.send(messages)
        row |= {"state": "queued", "created": created, "deadline": deadline}
        return Submitted(name, Sight(row, Place.of(place)))

    def accept(
        self,
        job_id: str,
        *,
        job: Fields,
        rows: Sequence[Fields],
        limit: int,
        deadline_s: float,
        keep_open: bool = False,
        idempotency: Idempotency | None = None,
        memory_bound: int | None = None,
    ) -> str:
        """
        Record document rows, creating their job unless it is there; return the job's id.

        Each row names `id, document, kind, stage, role, owner, priority` and, for an ingest,
        `sha256, fingerprint`. A row whose id is known is left as it is.

        Raises:
            Full, NoMemory, IdempotencyConflict, Sealed, CollectionGone: As their names say.
        """
        by = asked_by()
        whole = dict(job) | {"deadline_ms": int(deadline_s * 1000)} | by
        by.pop("key", None)  # the job has it
        told = [text_of(row) | by for row in rows]
        answer = self._run(
            "accept", job_id, json_of(text_of(whole)), json_of(told), limit,
            *idempotency_words(idempotency), timings.IDEMPOTENCY_S, int(keep_open),
            bound_word(memory_bound), "", "",
        )  # fmt: skip
        return self._accepted(answer, limit, kind=job.get("kind"), documents=len(rows))

    def seal(self, job_id: str, *, idempotency: Idempotency | None = None) -> None:
        """
        Seal a job: no more documents will come. A job without open rows ends.

        Raises:
            IdempotencyConflict: The key came with another request.
        """
        check_taken(
            self._run("seal", job_id, *idempotency_words(idempotency), timings.IDEMPOTENCY_S)
        )

    def listen(self, job_id: str) -> None:
        """Have the events of a job written down; said again every `timings.LISTEN_S`."""
        self._run("listen", job_id)

    def cancel(self, unit_id: str) -> str | None:
        """
        Ask a unit to stop: at once if it waits, else its worker is told.

        Returns its state after the call, None where there is no such unit.
        """
        answer = self._run("cancel", unit_id)
        if answer[0] == "none":
            return None
        self._outbox.send(answer[1:])
        return str(answer[0])

    def discard(self, unit_id: str) -> str | None:
        """
        Ask a unit to stop, and keep nothing of it, whatever it comes to.

        Returns its state after the call, None where there is no such unit; one that has ended is
        left as it is.
        """
        answer = self._run("discard", unit_id)
        if answer[0] == "none":
            return None
        self._outbox.send(answer[1:])
        return str(answer[0])

    def cancel_job(self, job_id: str) -> None:
        """
        Ask every open row of a job to stop, and the job to take no more.

        No waiting row begins from here on; each ends with a slice, see `Slices.cancel_rows`.
        """
        self._run("cancel_job", job_id)

    def _accepted(self, answer: list[Any], limit: int, **told: object) -> str:
        """Read the answer of accept; *told* is for the log."""
        check_taken(answer, limit=limit)
        if answer[0] == "ok":
            log.info("accepted", extra={"job_id": answer[1], **_known(told)})
            self._outbox.send(answer[2:])
        return str(answer[1])


def check_taken(answer: Sequence[Any], *, limit: int = 0) -> None:
    """
    Go on only if a script took in what it was given, now or before.

    Raises:
        Full, NoMemory, IdempotencyConflict, AlreadyRunning, Sealed, CollectionGone, NoCollection:
            As their names say; *limit* is what the script was told.
    """
    match answer[0]:
        case "full":
            raise Full(limit=limit, depth=int(answer[1]))
        case "memory":
            raise NoMemory("what has been admitted needs the memory that is left")
        case "conflict":
            raise IdempotencyConflict("this Idempotency-Key was used with another body")
        case "busy":
            raise AlreadyRunning(str(answer[1]))
        case "sealed":
            raise Sealed("this job takes no more documents")
        case "gone":
            raise CollectionGone("the collection was deleted")
        case "overspent":
            _, what, most, left_s = answer
            raise Overspent(str(what), limit=int(most), period="day", retry_s=int(left_s))
        case "nowhere":
            raise NoCollection("there is no such collection")


def bound_word(memory_bound: int | None) -> str | int:
    """Return a bound as the scripts take it."""
    return "" if memory_bound is None else memory_bound


def idempotency_words(idempotency: Idempotency | None) -> tuple[str, str]:
    """Return key and body hash, empty where none was given."""
    return (idempotency.key, idempotency.body) if idempotency else ("", "")


def asked_by() -> dict[str, str]:
    """Return the fields that lead from a unit back to the request and the key that asked for it."""
    request_id, key_id = correlation.request_id(), current().key_id
    named = {"request_id": request_id, "key": key_id}
    return {name: value for name, value in named.items() if value} | traces.row_fields()


def _known(told: Mapping[str, object]) -> dict[str, object]:
    """Leave out what is not known."""
    return {name: value for name, value in told.items() if value is not None}
