"""`/v1/chat/completions`: a conversation's next answer, from a collection where one is named."""

import time
from collections.abc import Iterator
from typing import Any, Final

import orjson
from flask import Blueprint, Response, jsonify

from intake.idempotency import Idempotency
from intake.lookup.events import Event
from web.front_end import front_end
from web.guards.authorization import needs
from web.http.request_parts import idempotency
from web.v1 import reading
from web.v1.chat_requests import ChatRequest, read_chat
from web.v1.errors import V1Error, answer_refusals
from web.v1.shapes.chat import ChatChunks, completion, failure
from web.v1.streams import Told, streamed
from web.v1.waiting import ended

bp = Blueprint("v1_chat", __name__, url_prefix="/v1/chat")
answer_refusals(bp)

_DONE: Final = "data: [DONE]\n\n"


@bp.post("/completions")
@needs("ask")
def create() -> Response:
    """Answer the last message of a conversation: at once, or as a stream."""
    sent = reading.body()
    asked = read_chat(sent)
    key = idempotency("chat", sent)
    if asked.is_streamed:
        return streamed(lambda: _begun(asked, key))
    intake, settings = front_end().intake, front_end().settings
    told: dict[str, Any] = {}

    def begin() -> str:
        job_id, model = _submitted(asked, key)
        told.update(_told(job_id, model))
        return job_id

    job_id, seen = ended(begin, settings.interactive_deadline_s)
    job = intake.jobs.show(job_id, seen=seen)
    if job["state"] == "succeeded" and "result" in job:
        return jsonify(completion(told, job["result"]))
    why = failure(job)
    status = 400 if why["type"] == "invalid_request_error" else 500
    raise V1Error(status, why["message"], code=why["code"])


def _submitted(asked: ChatRequest, key: Idempotency | None) -> tuple[str, str]:
    """Record the question; return its job's id, and what answers."""
    intake = front_end().intake
    question, model = intake.asking.read(asked.asked, field="messages")
    taken = intake.queries.submit_query(question, idempotency=key, brief=asked.is_brief)
    return taken.id, model.name


def _begun(asked: ChatRequest, key: Idempotency | None) -> tuple[str, Told]:
    """Begin a completion that is told while it is written; return its job's id and how."""
    job_id, model = _submitted(asked, key)
    made = ChatChunks(_told(job_id, model), tells_usage=asked.tells_usage)

    def told(event: Event) -> Iterator[str]:
        for chunk in made.take(event.kind, event.data):
            yield f"data: {orjson.dumps(chunk).decode()}\n\n"
        if event.kind == "done":
            yield _DONE

    return job_id, told


def _told(job_id: str, model: str) -> dict[str, Any]:
    """Return what a completion is called, and who answers."""
    return {
        "id": f"chatcmpl-{job_id.replace('-', '')}", "created": int(time.time()), "model": model,
    }  # fmt: skip
