"""`/api/jobs`: state and result of jobs; cancel, retry, add to an open ingest."""

from functools import partial

from flask import Blueprint, Response, jsonify, request

from intake.lookup.events import BEGINNING, event_id
from intake.lookup.jobs import KINDS, NEWEST, ROW_STATES, STATES, JobPosition
from intake.lookup.questions import check_documents
from rag.errors import InvalidRequest
from runtime.turns import aside
from web.callers import Caller
from web.front_end import front_end
from web.guards.authorization import needs
from web.http import cursors
from web.http.behind_proxy import client, with_links
from web.http.event_stream import EventStream
from web.http.request_parts import (
    WAIT,
    idempotency,
    one_of,
    page,
    parameters,
    preference,
    whole,
)
from web.http.uploads import EMPTY, read_upload
from web.http.waiting import job_response, submitted

bp = Blueprint("jobs", __name__, url_prefix="/api/jobs")


@bp.get("")
@needs()
def index() -> Response:
    """List jobs, newest first."""
    given = parameters("state", "kind", "collection", "given_up", "cursor", "limit")
    state, kind = one_of(given, "state", STATES), one_of(given, "kind", KINDS)
    given_up = one_of(given, "given_up", ("true", "false"))
    part = page(given)
    parts = front_end()
    found, last = parts.intake.jobs.page(
        state=state,
        kind=kind,
        collection=given.get("collection"),
        given_up=given_up == "true",
        after=JobPosition(*cursors.decode_time(part.cursor)) if part.cursor else NEWEST,
        limit=part.limit,
        workers=parts.health.workers,
    )
    cursor = None if last is None else cursors.encode(*last)
    return jsonify({"jobs": [with_links(job) for job in found], "next_cursor": cursor})


@bp.get("/<job_id>")
@needs()
def show(job_id: str) -> Response:
    """Return a job, at once or when it ends within `wait` seconds; its answer also as HTML."""
    given = parameters("wait", "html")
    preferred = preference()
    asked_s = whole(given, "wait", WAIT)
    wait_s = preferred.wait_s if asked_s is None else asked_s
    as_html = one_of(given, "html", ("true", "false")) == "true"
    return job_response(
        job_id, status=200, wait_s=wait_s, applied=preferred.applied, as_html=as_html
    )


@bp.delete("/<job_id>")
@needs()
def cancel(job_id: str) -> Response:
    """Ask a job to stop; harmless when repeated."""
    parameters()
    was_final = front_end().intake.control.cancel(job_id)
    return job_response(job_id, status=200 if was_final else 202)


@bp.post("/<job_id>/retry")
@needs()
def retry(job_id: str) -> Response:
    """Make a new job of one that failed, was cancelled or expired."""
    parameters()
    key = idempotency("retry", job_id)
    retry_id = front_end().intake.control.retry(job_id, idempotency=key)
    return submitted(retry_id, wait_s=0, applied="")


@bp.get("/<job_id>/documents")
@needs()
def documents(job_id: str) -> Response:
    """List an ingest's rows, in the order in which they came."""
    given = parameters("state", "cursor", "limit")
    state, part = one_of(given, "state", ROW_STATES), page(given)
    jobs = front_end().intake.jobs
    check_documents(jobs.row(job_id))
    start = cursors.decode_number(part.cursor) if part.cursor else 0
    found, following = jobs.documents(job_id, state=state, start=start, limit=part.limit)
    cursor = None if following is None else cursors.encode(str(following))
    return jsonify({"documents": found, "next_cursor": cursor})


@bp.post("/<job_id>/documents")
@needs("ingest")
def add(job_id: str) -> Response:
    """Add documents to an open ingest; the same document and bytes count once."""
    parameters()
    ingests = front_end().intake.ingests
    ingests.find(job_id)  # before the files of a form are read
    upload = read_upload()
    for name in upload.fields:
        raise InvalidRequest(name, "was settled when the ingest was opened")
    if not upload.count:
        raise InvalidRequest("documents", EMPTY)
    with aside():  # the disk is waited for
        ingests.add(job_id, upload.documents)
    return job_response(job_id, status=202)


@bp.post("/<job_id>/close")
@needs("ingest")
def close(job_id: str) -> Response:
    """Close an open ingest to more documents; harmless when repeated."""
    parameters()
    front_end().intake.ingests.close(job_id, idempotency=idempotency("close", job_id))
    return job_response(job_id, status=200)


@bp.get("/<job_id>/events")
@needs()
def events(job_id: str) -> Response:
    """Stream a job's events, from the beginning or after `Last-Event-ID`."""
    parameters()
    parts = front_end()
    row = parts.intake.jobs.row(job_id)
    after = request.headers.get("Last-Event-ID", "") or BEGINNING
    if event_id(after) is None:
        raise InvalidRequest("Last-Event-ID", "is not the id of an event")
    if parts.intake.events.is_over(job_id, row, after):
        return Response(status=204)
    who = client()
    parts.places.streams.take(who)
    stream = EventStream(
        parts.intake, job_id, after=after, caller=Caller(request.environ),
        departures=parts.departures, reader=parts.intake.control.reader(job_id, row),
    )  # fmt: skip
    answer = Response(stream.lines(), mimetype="text/event-stream")
    answer.call_on_close(partial(parts.places.streams.give_back, who))
    # A proxy that collects the answer before it passes it on would make a stream pointless.
    answer.headers["X-Accel-Buffering"] = "no"
    return answer
