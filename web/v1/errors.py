"""
Errors of `/v1`, as OpenAI's clients read them: one object, `error`.

Source: openai-python 3.57, `_client.py`, `_exceptions.py`: the class follows the status; `message`,
`type`, `param` and `code` are read from the object.
"""

from http import HTTPStatus
from typing import Any, Final

import orjson
from flask import Blueprint, Response

from intake.v1.errors import Missing, Refused
from web.http.problems import Problem

PREFIX: Final = "/v1/"
#: Characters of a type that a refusal says back.
_SHOWN: Final = 100

#: Statuses that these clients do not know, and what is said instead.
_STATUS: Final = {422: 400, 415: 400, 410: 404}
_TYPES: Final = {
    401: "invalid_request_error", 403: "permission_error", 404: "invalid_request_error",
    409: "conflict_error", 429: "rate_limit_error", 503: "server_error",
}  # fmt: skip
_CODES: Final = {
    401: "invalid_api_key", 403: "insufficient_permissions", 404: "not_found",
    429: "rate_limit_exceeded",
}  # fmt: skip


class V1Error(Problem):
    """
    Raised to answer with an error of `/v1`.

    Args:
        param: The field that is wrong, such as `tools[0].type`.

        code: A stable word for programs.
    """

    def __init__(
        self, status: int, message: str, *, param: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(status, message)
        self.param = param
        self.code = code


def unsupported(param: str, message: str) -> V1Error:
    """Return the error of something that changes the answer and that there is not here."""
    return V1Error(400, message, param=param, code="unsupported_value")


def shown_type(given: object) -> str:
    """Return a type as a refusal says it back: of what was sent it may be anything, of any size."""
    if isinstance(given, str):
        return given[:_SHOWN]
    return "null" if given is None else "no text"


def answer_refusals(bp: Blueprint) -> None:
    """Answer what the intake refuses by OpenAI's names to the callers of *bp*'s routes."""
    bp.register_error_handler(Refused, _refused)


def _refused(error: Refused) -> Response:
    """Answer what is not there, or cannot be done as it was named."""
    status = 404 if isinstance(error, Missing) else 400
    return V1Error(status, str(error), param=error.param, code=error.code).response()


def envelope(problem: Problem) -> Response:
    """Answer with an error."""
    status = _STATUS.get(problem.status, problem.status)
    param: str | None = problem.errors[0][0] if problem.errors else None
    code = _CODES.get(status)
    if isinstance(problem, V1Error):
        param, code = problem.param, problem.code or code
    is_ours = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    kind = _TYPES.get(status, "server_error" if is_ours else "invalid_request_error")
    error: dict[str, Any] = {
        "message": problem.detail, "type": kind, "param": param, "code": code,
    }  # fmt: skip
    answer = Response(orjson.dumps({"error": error}), status, mimetype="application/json")
    answer.headers.update(problem.headers)
    # A client that retries 409 would do the same again (openai-python: `_should_retry`).
    if status == HTTPStatus.CONFLICT:
        answer.headers["x-should-retry"] = "false"
    return answer
