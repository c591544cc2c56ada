"""`/api/admin`: jobs that operators ask for."""

from flask import Blueprint, Response

from jobs.requests import ReindexRequest
from web.front_end import front_end
from web.request_parts import json_body, parameters
from web.waiting import submitted

bp = Blueprint("admin", __name__, url_prefix="/api/admin")


@bp.post("/reindex")
def reindex() -> Response:
    """Return the job that makes a collection's vectors anew; 409 while another one does."""
    parameters()
    asked = ReindexRequest.from_json(json_body())
    return submitted(front_end().desk.reindex(asked.collection), wait_s=0, applied="")
