"""`/api/queries`: a question becomes a job."""

from flask import Blueprint, Response

from intake.requests import read_query
from web.front_end import front_end
from web.guards.authorization import needs
from web.http.request_parts import idempotency, json_body, parameters, preference
from web.http.waiting import submitted

bp = Blueprint("queries", __name__, url_prefix="/api/queries")


@bp.post("")
@needs("ask")
def submit() -> Response:
    """Accept a question and return the job that will answer it."""
    parameters()
    parts = front_end()
    asked = read_query(json_body(), parts.settings)
    preferred = preference()
    key = idempotency("query", asked.as_json())
    taken = parts.intake.queries.submit_query(asked, idempotency=key)
    return submitted(taken.id, wait_s=preferred.wait_s, applied=preferred.applied, seen=taken.sight)
