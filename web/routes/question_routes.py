"""`/api/questions`: many questions become one job; their answers in pages, and as a file."""

from functools import partial

from flask import Blueprint, Response, jsonify

from intake.lookup.exports import FORMATS, export
from intake.lookup.jobs import ROW_STATES
from runtime.turns import aside
from web.front_end import front_end
from web.guards.authorization import needs
from web.http import cursors
from web.http.behind_proxy import client
from web.http.question_bodies import read_questions
from web.http.request_parts import idempotency, one_of, page, parameters
from web.http.waiting import submitted

bp = Blueprint("questions", __name__, url_prefix="/api")


@bp.post("/questions")
@needs("ask")
def submit() -> Response:
    """Keep a list of questions and return the job that will answer them."""
    parts = front_end()
    asked = read_questions()
    key = idempotency("questions", asked.as_json())
    with aside():  # the disk is waited for
        job_id = parts.intake.question_lists.submit(asked, idempotency=key)
    return submitted(job_id, wait_s=0, applied="")


@bp.get("/jobs/<job_id>/questions")
@needs()
def questions(job_id: str) -> Response:
    """List the questions of a list with their answers, in its order."""
    given = parameters("state", "cursor", "limit")
    state, part = one_of(given, "state", ROW_STATES), page(given)
    intake = front_end().intake
    start = cursors.decode_number(part.cursor) if part.cursor else 0
    found, following = intake.question_table.page(
        job_id, intake.jobs.row(job_id), state=state, start=start, limit=part.limit
    )
    cursor = None if following is None else cursors.encode(str(following))
    return jsonify({"questions": found, "next_cursor": cursor})


@bp.get("/jobs/<job_id>/export")
@needs()
def export_answers(job_id: str) -> Response:
    """Return the questions of a list with their answers as a file, whether it has ended or not."""
    form = one_of(parameters("format"), "format", FORMATS) or "csv"
    parts = front_end()
    rows = parts.intake.question_table.all(job_id, parts.intake.jobs.row(job_id))
    who = client()
    # A caller who reads slowly keeps a thread, as one who reads events.
    parts.places.streams.take(who)
    pieces = parts.places.in_export_turns(export(rows, form))
    answer = Response(pieces, content_type=FORMATS[form])
    answer.call_on_close(partial(parts.places.streams.give_back, who))
    answer.headers["Content-Disposition"] = f'attachment; filename="answers-{job_id}.{form}"'
    return answer
