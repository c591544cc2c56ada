"""`/api/search`: passages, while the caller waits."""

from flask import Blueprint, Response, jsonify

from intake.requests import read_search
from web.front_end import front_end
from web.guards.authorization import needs
from web.http.request_parts import json_body, parameters
from web.http.searching import searched

bp = Blueprint("search", __name__, url_prefix="/api/search")


@bp.post("")
@needs("ask")
def search() -> Response:
    """Search a collection and return the passages, best first."""
    parameters()
    return jsonify(searched(read_search(json_body(), front_end().settings)))
