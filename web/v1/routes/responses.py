"""`/v1/responses`: a response is a question, and known by its id for as long as that is."""

from collections.abc import Iterator
from itertools import dropwhile, islice
from typing import Any, Final

import orjson
from flask import Blueprint, jsonify, request
from flask import Response as Answer

from intake.idempotency import Idempotency
from intake.lookup.events import Event
from intake.v1.response_request import ResponseRequest
from intake.v1.responses import Response
from rag.errors import InvalidRequest
from web.front_end import front_end
from web.guards.authorization import needs
from web.http.request_parts import idempotency
from web.v1 import reading
from web.v1.errors import V1Error, answer_refusals
from web.v1.response_requests import read_response
from web.v1.shapes.input_items import input_items
from web.v1.shapes.lists import list_object
from web.v1.shapes.response_events import ResponseEvents
from web.v1.shapes.responses import response_object
from web.v1.streams import Told, streamed
from web.v1.waiting import ended

bp = Blueprint("v1_responses", __name__, url_prefix="/v1/responses")
answer_refusals(bp)

#: Input items of a page, where none is asked for and at most.
_ITEMS, _MOST_ITEMS = 20, 100
_TRIMMED: Final = (
    "The events before and after this one are no longer known to be of one text; read the stream "
    "from its beginning, or the response itself."
)


@bp.post("")
@needs("ask")
def create() -> Answer:
    """Make a response: at once, in the background, or as a stream."""
    sent = reading.body()
    asked = read_response(sent)
    key = idempotency("response", sent)
    if asked.stream:
        return streamed(lambda: _begun(asked, key))
    responses = front_end().intake.responses
    if asked.background:
        taken = responses.submit(asked, idempotency=key)
        found = _there(responses.taken(taken.id))
        if taken.sight is None:  # the request came before
            return jsonify(_shown(found, asked.include))
        # Also where a worker has it by now: nobody who asks in the background expects an answer.
        return jsonify(response_object(found.told, {"state": "queued"}, include=asked.include))
    job_id, seen = ended(
        lambda: responses.submit(asked, idempotency=key).id,
        front_end().settings.interactive_deadline_s,
    )
    return jsonify(_shown(_there(responses.taken(job_id, seen)), asked.include))


@bp.get("/<response_id>")
@needs()
def show(response_id: str) -> Answer:
    """Show a response, or stream what happened from any event on and what still will."""
    responses = front_end().intake.responses
    found = responses.find(response_id)
    include = tuple(dict.fromkeys([*found.include, *reading.arguments("include")]))
    if not reading.flag("stream"):
        return jsonify(_shown(found, include))
    after = _starting_after()
    if after >= 0 and not responses.may_be_resumed(found):
        raise V1Error(400, _TRIMMED, param="starting_after", code="events_not_available")
    return streamed(lambda: (found.job_id, _told(found, include, after=after)))


@bp.delete("/<response_id>")
@needs("ask")
def delete(response_id: str) -> Answer:
    """Forget a response; one that has not ended is stopped."""
    front_end().intake.responses.delete(response_id)
    return jsonify({"id": response_id, "object": "response", "deleted": True})


@bp.post("/<response_id>/cancel")
@needs("ask")
def cancel(response_id: str) -> Answer:
    """Stop a response in the background."""
    found = front_end().intake.responses.cancel(response_id)
    return jsonify(_shown(found, found.include))


@bp.get("/<response_id>/input_items")
@needs()
def items(response_id: str) -> Answer:
    """List what a response was asked, the last words first unless asked otherwise."""
    responses = front_end().intake.responses
    found = responses.find(response_id)
    listed = input_items(response_id, responses.input_items(found))
    if reading.one_of("order", ("asc", "desc"), "desc") == "desc":
        listed.reverse()
    after = reading.argument("after")
    if after is not None:
        if all(item["id"] != after for item in listed):
            raise V1Error(404, f"Item with id '{after}' not found.", param="after")
        listed = list(islice(dropwhile(lambda item: item["id"] != after, listed), 1, None))
    return jsonify(list_object(listed, lambda item: item, limit=reading.limit(_ITEMS, _MOST_ITEMS)))


def _begun(asked: ResponseRequest, key: Idempotency | None) -> tuple[str, Told]:
    """Begin a response whose events are told from the first; return its job's id and how."""
    responses = front_end().intake.responses
    job_id = responses.submit(asked, idempotency=key).id
    return job_id, _told(_there(responses.taken(job_id)), asked.include, after=-1)


def _told(found: Response, include: tuple[str, ...], *, after: int) -> Told:
    """Return how the events of a response are told that have a number above *after*."""
    made = ResponseEvents(found.told, include)
    responses = front_end().intake.responses

    def told(event: Event) -> Iterator[str]:
        data = event.data
        if event.kind == "done":
            # What the row says of the end is the same for all who ever read it.
            now = responses.taken(found.job_id)
            data = data if now is None else responses.outcome(now)
        for one in made.take(event.kind, data):
            if one["sequence_number"] > after:
                yield f"event: {one['type']}\ndata: {orjson.dumps(one).decode()}\n\n"

    return told


def _shown(found: Response, include: tuple[str, ...]) -> dict[str, Any]:
    """Show a response as it is now."""
    outcome = front_end().intake.responses.outcome(found)
    return response_object(found.told, outcome, include=include)


def _there(found: Response | None) -> Response:
    """Return a response that was just taken in."""
    if found is None:
        raise V1Error(500, "The response was forgotten before it could be shown.")
    return found


def _starting_after() -> int:
    """Read the number after which events are asked for; -1 for all. Raises InvalidRequest."""
    sent = request.args.get("starting_after")
    if sent is None:
        return -1
    if not (sent.isascii() and sent.isdigit()):
        raise InvalidRequest("starting_after", "must be a whole number, not negative")
    return int(sent[:18])
