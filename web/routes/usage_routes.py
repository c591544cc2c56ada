"""`/api/usage`: what keys may spend, and have spent."""

from flask import Blueprint, Response, jsonify

from access.grants import current
from access.usage import usage
from web.front_end import front_end
from web.guards.authorization import needs
from web.http.request_parts import parameters

bp = Blueprint("usage", __name__, url_prefix="/api/usage")


@bp.get("")
@needs()
def show() -> Response:
    """List the caller's key, or all keys to who runs the installation, with what each spent."""
    parameters()
    return jsonify({"keys": usage(front_end().intake.redis, current())})
