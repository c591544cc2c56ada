"""
Responses: questions that are known by an id of OpenAI's kind, with what is echoed of them.

A response is a question of the ledger. What OpenAI's object has beside it lies in its row, in the
field `response`: so it is there as long as the question is, and in every process.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson
from redis import Redis

from intake.control import JobControl
from intake.errors import Gone, NotFound
from intake.idempotency import Idempotency
from intake.lookup.deleted_quotes import EARLIER
from intake.lookup.jobs import JobLookup, Sight
from intake.lookup.views import JobView, has_ended
from intake.purge import Purge
from intake.queries import Queries
from intake.requests import MAX_TURNS
from intake.v1.asking import Asked, Asking
from intake.v1.errors import Missing, Refused
from intake.v1.response_request import ResponseRequest
from jobs.ledger.submissions import Submissions, Submitted
from jobs.requests import QueryRequest
from protocol.keys import key
from rag.answers.conversation import Turn

Json = dict[str, Any]

_PREFIX: Final = "resp_"
_FIELD: Final = "response"


def response_id(job_id: str) -> str:
    """Return the id of the response that a job is."""
    return _PREFIX + job_id.replace("-", "")


def _job_id(given: str) -> str | None:
    """Return which job a response's id names, None where it is no such id."""
    try:
        return str(uuid.UUID(given.removeprefix(_PREFIX))) if given.startswith(_PREFIX) else None
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Response:
    """
    A response that is there.

    Attributes:
        told: What was asked: `id`, `created_at`, `ended_at`, `question`, `grounded` (whether
            documents were searched) and `request`, which is echoed.

        include: What its caller wanted to be shown beside the usual.

        row: The job's.
    """

    job_id: str
    told: Json
    include: tuple[str, ...]
    row: Mapping[str, str]

    @property
    def state(self) -> str:
        """What became of the job; one that was asked to stop comes to nothing else."""
        is_stopping = self.row.get("cancel") == "1"
        return "cancelled" if is_stopping else self.row["state"]

    @property
    def previous(self) -> str | None:
        """The id of the response that it continues."""
        given: str | None = self.told["request"].get("previous_response_id")
        return given

    @property
    def collections(self) -> tuple[str, ...]:
        """Collections that it may have words from, those of the responses before it included."""
        return (self.row["collection"], *self.row.get("also", "").split())

    @property
    def is_background(self) -> bool:
        """Whether nobody waits for it."""
        return bool(self.told["request"]["background"])


class Responses:
    """Take responses in, find, stop and forget them; each caller sees its own."""

    def __init__(
        self,
        redis: Redis,
        *,
        asking: Asking,
        submissions: Submissions,
        queries: Queries,
        jobs: JobLookup,
        view: JobView,
        control: JobControl,
        purge: Purge,
    ) -> None:
        self._redis = redis
        self._asking = asking
        self._submissions = submissions
        self._queries = queries
        self._jobs = jobs
        self._view = view
        self._control = control
        self._purge = purge

    def submit(
        self, asked: ResponseRequest, *, idempotency: Idempotency | None = None
    ) -> Submitted:
        """
        Record a response; returns its job's id, and what is shown of a job that is new.

        Raises:
            Missing, Refused: As `Asking.read`; the one before it is not there, or has not ended.

            NotFound, InvalidRequest: As `Asking.read`.

            Full, MemoryFull, IdempotencyConflict, Overspent: As their names say.
        """
        before = self._before(asked)
        request, record = self._prepared(asked, self._asking, before)
        return self._queries.submit_query(
            request,
            idempotency=idempotency,
            response=orjson.dumps(record).decode(),
            brief=not asked.store,
            beside=() if before is None else before.collections,
        )

    def prepared(
        self, asked: ResponseRequest, asking: Asking
    ) -> tuple[QueryRequest, Json, tuple[str, ...]]:
        """
        Return the question that a response is, what is kept to show it, and collections beside.

        It has words from the last, of the responses that it continues.

        Raises:
            Missing, Refused, NotFound, InvalidRequest: As `submit`.
        """
        before = self._before(asked)
        return *self._prepared(asked, asking, before), before.collections if before else ()

    def _prepared(
        self, asked: ResponseRequest, asking: Asking, before: Response | None
    ) -> tuple[QueryRequest, Json]:
        """Return the question that a response is, which continues *before*, and what is kept."""
        said = () if before is None else self._conversation(before)
        request, model = asking.read(
            Asked(
                question=asked.question,
                history=(*said, *asked.history),
                instructions=asked.told,
                model=asked.model,
                stores=asked.stores,
                top_k=asked.max_results or None,
                filters=asked.filters,
                least_score=asked.score_threshold,
                tells_scores=True,
                max_tokens=asked.max_output_tokens,
                temperature=asked.temperature,
                stays=asked.background,
                may_wait=asked.may_wait,
            ),
            field="input",
        )
        record = {
            "echo": asked.echoed | {"model": model.name},
            "include": asked.include,
            "own": min(len(asked.history), len(request.history)),
            "system": asked.system,
        }
        return request, record

    def find(self, given: str) -> Response:
        """
        Return a response that was stored, by its id.

        Raises:
            Missing: There is none, it was not stored, or it is not the caller's.
        """
        job_id = _job_id(given)
        found = None if job_id is None else self.taken(job_id)
        if found is None or found.row.get("brief") == "1":
            raise Missing(f"Response with id '{given}' not found.", param="response_id")
        return found

    def taken(self, job_id: str, seen: Sight | None = None) -> Response | None:
        """
        Return the response that a job is, stored or not; None where the caller has none such.

        *seen* is what the caller has of the job already.
        """
        try:
            row = seen.row if seen else self._jobs.row(job_id)
        except (NotFound, Gone):
            return None
        if _FIELD not in row:
            return None
        record, request = orjson.loads(row[_FIELD]), orjson.loads(row["request"])
        told = {
            "id": response_id(job_id),
            "created_at": int(row["created"]) // 1_000_000,
            "ended_at": int(row["finished"]) // 1_000_000 if "finished" in row else None,
            "question": request["question"],
            "grounded": request["top_k"] > 0,
            "request": record["echo"],
        }
        return Response(job_id, told, tuple(record["include"]), row)

    def outcome(self, response: Response) -> Json:
        """Return what became of a response: `state`, and `result` or `error`."""
        told: Json = {"state": response.state, "ended_at": response.told["ended_at"]}
        return told | self._view.outcome(response.row) if has_ended(response.row) else told

    def cancel(self, given: str) -> Response:
        """
        Stop a response in the background; one that was stopped before stays as it is.

        Raises:
            Missing: As `find`.

            Refused: It is no response in the background, or it has ended.

            ScopeMissing: The caller may not ask.
        """
        found = self.find(given)
        if not found.is_background:
            raise Refused("Cannot cancel a synchronous response.", param="response_id")
        if found.state != "cancelled":
            self._control.cancel(found.job_id)
            found = self.find(given)
        if found.state != "cancelled":
            ended = "completed" if found.state == "succeeded" else "failed"
            raise Refused(f"Cannot cancel a {ended} response.", param="response_id")
        return found

    def delete(self, given: str) -> None:
        """
        Forget a response: what has not ended is stopped first.

        Raises:
            Missing: As `find`.
        """
        found = self.find(given)
        state = self._submissions.discard(found.job_id)
        row = self._jobs.row(found.job_id) if state is not None else {}
        if row and has_ended(row) and row.get("brief") != "1":
            self._purge.forget(found.job_id)

    def input_items(self, response: Response) -> list[Json]:
        """Return who said what in a response's own input, in its order: `role` and `text`."""
        record = orjson.loads(response.row[_FIELD])
        request = QueryRequest.from_row(response.row)
        _, own = _parted(request.history, record["own"])
        return [
            *({"role": role, "text": text} for role, text in record["system"]),
            *({"role": turn.role, "text": turn.text} for turn in own),
            {"role": "user", "text": request.question},
        ]

    def may_be_resumed(self, response: Response) -> bool:
        """
        Return True if a reader who has a part of the stream gets the rest of the same.

        Once the job's stream is gone, it is told from the row, which knows one answer alone: not
        what was told before a worker died, nor before words of a deleted document were withheld.
        """
        if not has_ended(response.row):
            return True
        told = self.outcome(response)
        if told.get("result", {}).get("deleted"):
            return False
        is_there = bool(self._redis.exists(key("events", response.job_id)))
        told_once = int(response.row.get("stage_claims", "1")) <= 1
        return is_there or (response.state == "succeeded" and told_once)

    def _before(self, asked: ResponseRequest) -> Response | None:
        """
        Return the response that another one continues, None where it begins a conversation.

        Raises:
            Missing: There is no such response.

            Refused: It has not ended.
        """
        given = asked.previous_response_id
        if given is None:
            return None
        try:
            before = self.find(given)
        except Missing as error:
            raise Missing(
                f"Previous response with id '{given}' not found.",
                param="previous_response_id",
                code="previous_response_not_found",
            ) from error
        if not has_ended(before.row):
            raise Refused(
                f"Previous response with id '{given}' has not ended yet.",
                param="previous_response_id",
            )
        return before

    def _conversation(self, last: Response) -> tuple[Turn, ...]:
        """
        Return what was said up to the end of a response, oldest first, as many turns as are kept.

        Each answer is taken from its own response, as it may be shown now: words of a document that
        was deleted since are in none. What a response said that is gone is withheld.
        """
        said: tuple[Turn, ...] = ()
        while True:
            request = QueryRequest.from_row(last.row)
            earlier, own = _parted(request.history, orjson.loads(last.row[_FIELD])["own"])
            answer = self.outcome(last).get("result", {}).get("answer")
            answered = (Turn("assistant", answer),) if answer else ()
            said = (*own, Turn("user", request.question), *answered, *said)
            if last.previous is None or len(said) >= MAX_TURNS:
                return said
            try:
                last = self.find(last.previous)
            except Missing:
                return (*map(_withheld, earlier), *said)


def _parted(history: Sequence[Turn], own: int) -> tuple[tuple[Turn, ...], tuple[Turn, ...]]:
    """Return the turns of the responses before, and the *own* ones of a response's input."""
    at = len(history) - own
    return tuple(history[:at]), tuple(history[at:])


def _withheld(turn: Turn) -> Turn:
    """Return a turn without an answer of which nobody knows any more what it quotes."""
    return replace(turn, text=EARLIER) if turn.role == "assistant" else turn
