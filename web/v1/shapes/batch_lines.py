"""
Lines of a batch's files: what each request would have been answered by itself.

A request that was answered with a failure tells it twice: in `response`, as OpenAI does, and in
`error`, for who looks only there. Source: openai-openapi 2.3.0, `BatchRequestOutput`.
"""

from collections.abc import Mapping
from typing import Any, Final

from intake.v1.batches.outputs import EndedLine
from intake.v1.embeddings import embedded
from web.v1.shapes.chat import completion
from web.v1.shapes.embeddings import embeddings_object
from web.v1.shapes.responses import response_object

Json = dict[str, Any]
#: Tokens that were asked with, and written.
Cost = tuple[int, int]

_NOTHING: Final = (0, 0)
_OK, _BAD_REQUEST, _SERVER_ERROR = 200, 400, 500
#: Errors of a question that are its caller's to change.
_THEIRS: Final = ("invalid", "no_vector", "dimensions")
_LATE: Final = {
    "code": "batch_expired",
    "message": "This request could not be answered before the completion window ended.",
}
_STOPPED: Final = {
    "code": "batch_cancelled",
    "message": "The batch was cancelled before this request was answered.",
}


def output_line(line: EndedLine) -> tuple[bool, Json, Cost]:
    """Return whether a line was answered, how that is shown, and what it cost."""
    state = line.outcome["state"]
    if state in ("expired", "cancelled"):
        return False, _head(line) | {"error": _LATE if state == "expired" else _STOPPED}, _NOTHING
    result = line.outcome.get("result")
    if state != "succeeded" or result is None:
        return False, _failed(line, line.outcome.get("error") or {}), _NOTHING
    match line.endpoint:
        case "/v1/chat/completions":
            told = {
                "id": f"chatcmpl-{line.name}", "created": line.ended_at,
                "model": line.kept["model"],
            }  # fmt: skip
            return True, _answered(line, completion(told, result)), _cost(result)
        case "/v1/responses":
            return True, _answered(line, _response(line)), _cost(result)
    return _vectors(line, result)


def _response(line: EndedLine) -> Json:
    """Show a response; it is in the batch's file alone, and cannot be asked for by its id."""
    told = {
        "id": f"resp_{line.name}",
        "created_at": line.ended_at,
        "ended_at": line.ended_at,
        "question": line.request["question"],
        "grounded": line.request["top_k"] > 0,
        "request": line.kept["echo"],
    }
    return response_object(told, line.outcome, include=line.kept["include"])


def _vectors(line: EndedLine, result: Mapping[str, Any]) -> tuple[bool, Json, Cost]:
    """Show the vectors of texts."""
    shown = embeddings_object(
        embedded(line.kept["model"], result), as_base64=line.kept["as_base64"]
    )
    return True, _answered(line, shown), (int(result["tokens"]), 0)


def _head(line: EndedLine) -> Json:
    """Return what every line has."""
    return {
        "id": f"batch_req_{line.name}", "custom_id": line.custom_id, "response": None,
        "error": None,
    }  # fmt: skip


def _answered(line: EndedLine, body: Json, *, status: int = _OK) -> Json:
    """Return a line with the answer to its request."""
    response = {"status_code": status, "request_id": f"req_{line.name}", "body": body}
    return _head(line) | {"response": response}


def _failed(line: EndedLine, error: Mapping[str, Any]) -> Json:
    """Return a line with the failure that its request was answered with."""
    kind = error.get("type")
    status = line.kept.get("status") or (_BAD_REQUEST if kind in _THEIRS else _SERVER_ERROR)
    code = line.kept.get("code") or (None if kind == "invalid" else kind)
    message = str(error.get("detail") or error.get("title") or "No answer was made.")
    told = {
        "message": message,
        "type": "server_error" if status >= _SERVER_ERROR else "invalid_request_error",
        "param": "dimensions" if kind == "dimensions" else line.kept.get("param"),
        "code": code,
    }
    short = {"code": code or "invalid_request", "message": message}
    return _answered(line, {"error": told}, status=status) | {"error": short}


def _cost(result: Mapping[str, Any]) -> Cost:
    """Return what an answer cost; without a language model that is nothing."""
    cost = result.get("usage") or {}
    return int(cost.get("prompt_tokens") or 0), int(cost.get("completion_tokens") or 0)
