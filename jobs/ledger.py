"""The ledger: the record of every unit, changed by one Lua script at a time."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson
from redis import Redis
from redis.exceptions import RedisError

from jobs.units import FINAL_STATES, Piece, Unit, unit_from_flat
from protocol import timings
from protocol.keys import key
from protocol.messages import ROLE_OF, Message, Stage
from protocol.scripts import Scripts
from rag.errors import LeaseLost, QuernError, ReindexUnderWay
from runtime.logging import correlation
from runtime.tracing import traces

log = logging.getLogger(__name__)

#: Rows of a job that one call cancels: Redis is busy with them for some 20 ms.
CANCELLED_TOGETHER: Final = 200
MOVED: Final = "the collection was reindexed meanwhile; the document is written once more"

Fields = Mapping[str, str | int | float]

#: What is to become of a claimed unit: go on, stop because that was asked, or it is another's now.
Fate = Literal["ok", "stop", "lost"]


class IdempotencyConflict(QuernError):
    """Raised when an idempotency key comes again with another body."""


class Full(QuernError):
    """Raised when a lane is at its bound; the caller may come back later."""

    def __init__(self, *, limit: int, depth: int) -> None:
        """Remember bound and depth: the answer names both."""
        super().__init__(f"{depth} of {limit} places are taken")
        self.limit = limit
        self.depth = depth


class Sealed(QuernError):
    """Raised when documents are added to a job that takes no more."""


class AlreadyRunning(QuernError):
    """Raised when something is asked for that another job is doing, and only one may."""

    def __init__(self, job_id: str) -> None:
        """Remember which job does it."""
        super().__init__(f"job {job_id} is doing this already; wait for it or cancel it")
        self.job_id = job_id


class CollectionGone(QuernError):
    """Raised when a collection was deleted meanwhile."""


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A caller's key and the hash of the body it came with."""

    key: str
    body: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a claim was refused: the message is to be forgotten, or the unit must run alone."""

    reason: str


class Ledger:
    """
    Record, hand out and end units. Every method is one script: whole, or not at all.

    Args:
        redis: A client that decodes responses.

        scripts: The ledger's scripts on the same Redis.

        send: Sends one Celery message. A message that cannot be sent is no error: the unit is
            in the ledger, and the sweeper sends it again.
    """

    def __init__(
        self,
        redis: Redis,
        *,
        scripts: Scripts,
        send: Callable[[Message], None],
    ) -> None:
        self.redis = redis
        self.scripts = self._run = scripts
        self._send = send

    # What the front end asks ---------------------------------------------------------------

    def submit(
        self,
        unit_id: str,
        *,
        stage: Stage,
        fields: Fields,
        limit: int,
        deadline_s: float,
        idempotency: Idempotency | None = None,
    ) -> str:
        """
        Record a question or search and send it if there is room; return its id.

        *fields* names at least `kind`, `class`, `owner`, `priority`. With a known idempotency key
        the id returned is the first one's.

        Raises:
            Full: The class is at its bound.

            IdempotencyConflict: The key came with another body.

            AlreadyRunning: Another open unit does what *fields* name as `alone`.
        """
        whole = dict(fields) | {
            "stage": stage,
            "role": ROLE_OF[stage],
            "deadline_ms": int(deadline_s * 1000),
            **_asked_by(),
        }
        answer = self._run(
            "submit", unit_id, _data(_fields(whole)), limit, *_idempotency(idempotency),
            timings.IDEMPOTENCY_S,
        )  # fmt: skip
        return self._accepted(answer, limit, kind=whole.get("kind"))

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
    ) -> str:
        """
        Record document rows, creating their job unless it is there; return the job's id.

        Each row names `id, document, kind, stage, role, owner, priority` and, for an ingest,
        `sha256, fingerprint`. A row whose id is known is left as it is.

        Raises:
            Full, IdempotencyConflict, Sealed, CollectionGone: As their names say.
        """
        asked_by = _asked_by()
        whole = dict(job) | {"deadline_ms": int(deadline_s * 1000)} | asked_by
        told = [_fields(row) | asked_by for row in rows]
        answer = self._run(
            "accept", job_id, _data(_fields(whole)), _data(told), limit,
            *_idempotency(idempotency), timings.IDEMPOTENCY_S, int(keep_open),
        )  # fmt: skip
        return self._accepted(answer, limit, kind=job.get("kind"), documents=len(rows))

    def seal(self, job_id: str) -> None:
        """Say that no more documents will come; a job without open rows ends."""
        self._run("seal", job_id)

    def cancel(self, unit_id: str) -> str | None:
        """
        Ask a unit to stop: at once if it waits, else its worker is told.

        Returns its state after the call, None where there is no such unit.
        """
        answer = self._run("cancel", unit_id)
        if answer[0] == "none":
            return None
        self.send(answer[1:])
        return str(answer[0])

    def cancel_job(self, job_id: str) -> None:
        """Ask every open row of a job to stop, and the job to take no more."""
        # Sealed first: a row that came after the scan would not be cancelled.
        self._run("cancel_job", job_id)
        cursor = "0"
        while True:
            cursor, *messages = self._run("cancel_rows", job_id, cursor, CANCELLED_TOGETHER)
            self.send(messages)
            if cursor == "0":
                return

    # What a worker asks --------------------------------------------------------------------

    def claim(
        self, unit_id: str, *, stage: str, holder: str, bodies: int, solo_running: bool
    ) -> Unit | Refusal:
        """
        Take a unit for *stage*, or learn why not.

        *bodies* is how many task bodies this process runs at this moment, fenced or not.
        """
        answer = self._run("claim", unit_id, stage, holder, bodies, int(solo_running))
        if answer[0] == "ok":
            return unit_from_flat(unit_id, answer[1:])
        if answer[0] == "closed":
            _tell_ends(answer[1])
            self.send(answer[2])
        return Refusal(str(answer[0]))

    def renew(self, units: Sequence[Unit]) -> list[Fate]:
        """Say that claims are alive; returns what is to become of each."""
        claims = [word for unit in units for word in (unit.id, unit.epoch)]
        return self._run("renew", *claims) if units else []

    def tell(self, pieces: Sequence[Piece]) -> list[Fate]:
        """Write pieces of answers onto their event streams; returns what is to become of each."""
        told: list[str | int] = []
        for piece in pieces:
            told += (piece.unit.id, piece.unit.epoch, piece.number, _data(piece.data))
        return self._run("tell", *told) if pieces else []

    def hand_over(
        self,
        unit: Unit,
        *,
        stage: Stage,
        fields: Fields,
        event: str = "",
        data: object = None,
    ) -> str:
        """
        Write a stage's output and give the unit to the next stage; `ok` or `cancelled`.

        Raises:
            LeaseLost: The unit is no longer this claim's.
        """
        answer = self._run(
            "hand_over", unit.id, unit.epoch, stage, ROLE_OF[stage], _data(_fields(fields)), event,
            _data(data),
        )  # fmt: skip
        return self._ended(unit, answer)

    def finish(
        self,
        unit: Unit,
        *,
        state: str,
        fields: Fields,
        events: Sequence[tuple[str, object]] = (),
        rest: Sequence[Piece] = (),
    ) -> str:
        """
        End a unit, once: `ok`, or `cancelled` when that was asked meanwhile.

        *events*, (type, data) of each, and *rest* of its answer are told together with the end.

        Raises:
            LeaseLost: The unit is no longer this claim's.
        """
        told = [word for kind, data in events for word in (kind, _data(data))]
        pieces = [word for piece in rest for word in (piece.number, _data(piece.data))]
        answer = self._run(
            "finish", unit.id, unit.epoch, state, _data(_fields(fields)), len(events),
            *told, *pieces,
        )  # fmt: skip
        return self._ended(unit, answer)

    def release(self, unit: Unit, *, at_once: bool) -> None:
        """Give a unit back unharmed; no death is counted. A lost lease is no error here."""
        answer = self._run("release", unit.id, unit.epoch, int(at_once))
        self.send(answer[1:])

    def progress(self, unit: Unit, *, done: int, total: int, what: str) -> None:
        """
        Say how far a body is: *done* of *total*, counted in *what*.

        Raises:
            LeaseLost: The unit is no longer this claim's.
        """
        said = _data({"done": done, "total": total, "unit": what})
        self._fenced(unit, self._run("progress", unit.id, unit.epoch, said))

    def log_add(self, unit: Unit, *, edition: str = "") -> str:
        """
        Tell the followers that a generation's chunks are in the vector store; its log entry.

        *edition* says in which of the collection's vectors; empty means the incarnation's own.

        Raises:
            LeaseLost: The unit is no longer this claim's.

            CollectionGone: The collection was deleted meanwhile.
        """
        answer = self._run("log_add", unit.id, unit.epoch, edition)
        if answer[0] == "gone":
            raise CollectionGone("the collection was deleted")
        return str(self._fenced(unit, answer)[1])

    def flip(self, unit: Unit, *, entry: str, document: Mapping[str, Any], fields: Fields) -> str:
        """
        Make a row's generation the current one, unless a newer one is; returns the outcome.

        `held` means that nothing happened: ask again in a moment.

        Raises:
            LeaseLost: The unit is no longer this claim's.

            ReindexUnderWay: Its chunks are in vectors that a reindex has replaced.
        """
        answer = self._run(
            "flip", unit.id, unit.epoch, entry, _data(document), _data(_fields(fields))
        )
        if answer[0] == "moved":
            raise ReindexUnderWay(MOVED)
        return self._ended(unit, answer)

    # What a body asks that runs several units together ----------------------------------------
    #
    # An answer for each, in order: what the call for one unit returns, or the error it raises.

    def join(
        self, role: str, *, stage: Stage, holder: str, most: int, most_bytes: int, owner: str = ""
    ) -> list[Unit]:
        """Take up to *most* small units that wait for *stage*: those of *owner*, then by turns."""
        rows = self._run("join", role, stage, holder, most, most_bytes, owner)
        return [unit_from_flat(row[0], row[1:]) for row in rows]

    def hand_over_many(
        self,
        work: Sequence[tuple[Unit, Fields]],
        *,
        stage: Stage,
    ) -> list[Unit | Exception | None]:
        """
        Write outputs of a stage; answers with the unit where its body goes on with the next.

        None where it does not: the unit waits for another body, or was cancelled.
        """
        calls = [
            (unit.id, unit.epoch, stage, ROLE_OF[stage], _data(_fields(fields)), "", "", 1)
            for unit, fields in work
        ]
        answers = self._each("hand_over", [unit for unit, _ in work], calls)
        results: list[Unit | Exception | None] = []
        for (unit, fields), answer in zip(work, answers, strict=True):
            if isinstance(answer, Exception):
                results.append(answer)
            elif answer[0] == "on":
                moved = {"stage": stage, "role": ROLE_OF[stage], "epoch": answer[1]}
                results.append(Unit(unit.id, {**unit.fields, **_fields(fields), **moved}))
                self.send(answer[2:])
            else:
                results.append(None)
                self.send(answer[1:])
        return results

    def log_add_many(self, work: Sequence[tuple[Unit, str]]) -> list[str | Exception]:
        """Tell the followers of several generations, each with its edition; the log entries."""
        calls = [(unit.id, unit.epoch, edition) for unit, edition in work]
        answers = self._each("log_add", [unit for unit, _ in work], calls)
        return [
            answer
            if isinstance(answer, Exception)
            else CollectionGone("the collection was deleted")
            if answer[0] == "gone"
            else str(answer[1])
            for answer in answers
        ]

    def flip_many(self, work: Sequence[tuple[Unit, str, object, Fields]]) -> list[str | Exception]:
        """Make generations current, each given with its entry, record and fields; see `flip`."""
        calls = [
            (unit.id, unit.epoch, entry, _data(document), _data(_fields(fields)))
            for unit, entry, document, fields in work
        ]
        answers = self._each("flip", [unit for unit, *_ in work], calls)
        for answer in answers:
            if not isinstance(answer, Exception):
                self.send(answer[1:])
        return [
            answer
            if isinstance(answer, Exception)
            else ReindexUnderWay(MOVED)
            if answer[0] == "moved"
            else str(answer[0])
            for answer in answers
        ]

    def _each(
        self, name: str, units: Sequence[Unit], calls: Sequence[Sequence[str | float]]
    ) -> list[list[Any] | Exception]:
        """Run a fenced script for several units; a lost lease is that unit's answer."""
        if not calls:
            return []
        return [
            answer
            if isinstance(answer, Exception)
            else LeaseLost(f"unit {unit.id} is no longer ours")
            if answer[0] == "lost"
            else answer
            for unit, answer in zip(units, self._run.many(name, calls), strict=True)
        ]

    # What housekeeping asks ----------------------------------------------------------------

    def dispatch(
        self,
        role: str,
        *,
        window: int | None = None,
        batch_window: int | None = None,
        long_window: int | None = None,
    ) -> int:
        """
        Fill the window of *role*, whose size may be set; returns how many were sent.

        Once *batch_window* units are dispatched, only interactive ones still are; None: no matter.
        Of all that are dispatched, whatever their role, *long_window* may be long ones.
        """
        sizes = ("" if size is None else size for size in (window, batch_window, long_window))
        return self.send(self._run("dispatch", role, *sizes))

    def sweep(
        self, role: str, *, consumed: bool, run_id: str, away: bool = False, most: int = 100
    ) -> int:
        """
        Look after dispatched units that nobody is alive on; returns how many were sent.

        *away* says that this sweeper could not reach Redis a moment ago: then claims lapsed that
        nobody could renew, and no deaths are counted for a while.
        """
        ended, messages = self._run("sweep", role, most, int(consumed), run_id, int(away))
        _tell_ends(ended)
        return self.send(messages)

    def expire(self, unit_class: str, *, most: int = 200) -> int:
        """End what is past its deadline; returns how many."""
        count, ended, messages = self._run("expire", unit_class, most)
        _tell_ends(ended)
        self.send(messages)
        return int(count)

    # Reading -------------------------------------------------------------------------------

    def unit(self, unit_id: str) -> dict[str, str] | None:
        """Return a unit's row, None where there is none."""
        return self.redis.hgetall(key("unit", unit_id)) or None

    def job(self, job_id: str) -> dict[str, str] | None:
        """Return the row of a job: a question's own, or an ingest's."""
        pipe = self.redis.pipeline(transaction=False)
        pipe.hgetall(key("unit", job_id))
        pipe.hgetall(key("job", job_id))
        unit, parent = pipe.execute()
        return unit or parent or None

    def is_final(self, job_id: str) -> bool | None:
        """Tell whether a job has ended; None where there is no such job."""
        pipe = self.redis.pipeline(transaction=False)
        pipe.hget(key("unit", job_id), "state")
        pipe.hget(key("job", job_id), "state")
        state = next((state for state in pipe.execute() if state), None)
        return None if state is None else state in FINAL_STATES

    # Inside --------------------------------------------------------------------------------

    def send(self, flat: Sequence[str]) -> int:
        """Send the messages a script answered with: id, stage, priority, traceparent, and so on."""
        messages = [
            Message(flat[i], flat[i + 1], int(flat[i + 2]), flat[i + 3])  # type: ignore[arg-type]  # written by submit and accept from Stage
            for i in range(0, len(flat), 4)
        ]
        for message in messages:
            try:
                self._send(message)
            except (RedisError, OSError) as error:
                # The unit is in the window: the sweeper sends it once Redis is back.
                log.warning(
                    "message not sent", extra={"unit_id": message.unit_id, "reason": str(error)}
                )
        return len(messages)

    def _accepted(self, answer: list[Any], limit: int, **told: object) -> str:
        """Read the answer of submit and accept; *told* is for the log."""
        match answer[0]:
            case "ok":
                log.info("accepted", extra={"job_id": answer[1], **_known(told)})
                self.send(answer[2:])
            case "same":
                pass
            case "full":
                raise Full(limit=limit, depth=int(answer[1]))
            case "conflict":
                raise IdempotencyConflict("this Idempotency-Key was used with another body")
            case "busy":
                raise AlreadyRunning(str(answer[1]))
            case "sealed":
                raise Sealed("this job takes no more documents")
            case _:
                raise CollectionGone("the collection was deleted")
        return str(answer[1])

    def _fenced(self, unit: Unit, answer: list[Any]) -> list[Any]:
        """Refuse to go on once the lease is lost."""
        if answer[0] == "lost":
            raise LeaseLost(f"unit {unit.id} is no longer ours")
        return answer

    def _ended(self, unit: Unit, answer: list[Any]) -> str:
        """Send what an ended or handed-over unit made room for; return the script's word."""
        self._fenced(unit, answer)
        self.send(answer[1:])
        return str(answer[0])


def _tell_ends(flat: Sequence[str]) -> None:
    """Log the units that a script ended: id, state, job, document, request, and so on."""
    for at in range(0, len(flat), 5):
        unit_id, state, *ids = flat[at : at + 5]
        names = ("job_id", "document_id", "request_id")
        told = {name: value for name, value in zip(names, ids, strict=True) if value}
        log.info("finished", extra={"job_id": unit_id} | told | {"state": state})


def _data(value: object) -> str:
    """Encode an event's data or a document's record, as it is."""
    return orjson.dumps(value).decode()


def _fields(fields: Fields) -> dict[str, str]:
    """Write every value as text, as a Redis hash will hold it."""
    return {name: value if isinstance(value, str) else str(value) for name, value in fields.items()}


def _idempotency(idempotency: Idempotency | None) -> Iterable[str]:
    """Return key and body hash, empty where none was given."""
    return (idempotency.key, idempotency.body) if idempotency else ("", "")


def _asked_by() -> dict[str, str]:
    """Return the fields that lead from a unit back to the request that asked for it."""
    request_id = correlation.request_id()
    return ({"request_id": request_id} if request_id else {}) | traces.row_fields()


def _known(told: Mapping[str, object]) -> dict[str, object]:
    """Leave out what is not known."""
    return {name: value for name, value in told.items() if value is not None}
