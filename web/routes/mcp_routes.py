"""`/mcp`: Model Context Protocol, for models that search and ask by themselves."""

import orjson
from flask import Blueprint, Response, request

from web.guards.authorization import needs
from web.http.request_parts import body_bytes
from web.mcp.protocol import INVALID_REQUEST, PARSE_ERROR, answer
from web.mcp.tools import served

bp = Blueprint("mcp", __name__, url_prefix="/mcp")


@bp.post("")
@needs()
def every() -> Response:
    """Answer a message; the tools name the collection."""
    return _answered(None)


@bp.post("/<name>")
@needs()
def one(name: str) -> Response:
    """Answer a message; the tools are of one collection."""
    return _answered(name)


def _answered(collection: str | None) -> Response:
    """Read a message and answer it."""
    if not request.is_json:
        return _response(415, _error(INVALID_REQUEST, "Send JSON, as `application/json`."))
    try:
        message = orjson.loads(body_bytes())
    except orjson.JSONDecodeError as error:
        return _response(400, _error(PARSE_ERROR, f"The body is not JSON: {error}."))
    status, body = answer(message, request.headers.get, served(collection))
    return _response(status, body)


def _error(code: int, words: str) -> dict[str, object]:
    return {"jsonrpc": "2.0", "error": {"code": code, "message": words}}


def _response(status: int, body: object) -> Response:
    """Answer with JSON, or with nothing."""
    if body is None:
        return Response(status=status)
    return Response(orjson.dumps(body), status, mimetype="application/json")
