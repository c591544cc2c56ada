"""`/api/search`: a search is a job like any other, which this call awaits."""

import orjson
from flask import Blueprint, Response, jsonify

from intake.lookup.views import has_ended, timings_ms
from intake.queries import SEARCH_DEADLINE_S
from intake.requests import read_search
from web.front_end import front_end
from web.guards.authorization import needs
from web.http.behind_proxy import client
from web.http.problems import Problem
from web.http.request_parts import json_body, parameters
from web.http.waiting import awaited

bp = Blueprint("search", __name__, url_prefix="/api/search")


@bp.post("")
@needs("ask")
def search() -> Response:
    """Search a collection and return the passages, best first."""
    parameters()
    parts = front_end()
    asked = read_search(json_body(), parts.settings)
    with parts.places.searches.held(client()):
        job_id = parts.intake.queries.submit_search(asked)
        row = awaited(job_id, SEARCH_DEADLINE_S).row
    if row["state"] == "succeeded" and "result" in row:
        return jsonify(orjson.loads(row["result"]) | {"timings_ms": timings_ms(row)})
    if row["state"] == "failed":
        error = orjson.loads(row.get("error", "{}"))
        detail = error.get("detail", "The search failed.")
        raise Problem(
            500 if error.get("type") in (None, "internal") else 422,
            detail, kind="search-failed", more={"job_id": job_id, "error": error},
        )  # fmt: skip
    if not has_ended(row):
        parts.intake.control.cancel(job_id)
    raise Problem(
        504,
        f"The search was not answered within {SEARCH_DEADLINE_S} seconds; try again.",
        headers={"Retry-After": "5"},
        more={"job_id": job_id},
    )
