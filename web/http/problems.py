"""Refusals and errors as problem details (RFC 9457), in plain words, without stack traces."""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from flask import Flask, Response, request
from werkzeug.exceptions import (
    ClientDisconnected,
    HTTPException,
    MethodNotAllowed,
    RequestEntityTooLarge,
)

from intake.errors import (
    AlreadyRunning,
    CollectionGone,
    DiskFull,
    Full,
    Gone,
    IdempotencyConflict,
    InvalidQuestions,
    InvalidRequest,
    KeyRefused,
    MemoryFull,
    NotFound,
    NotRetryable,
    Overspent,
    QueueError,
    ScopeMissing,
    Sealed,
    StoreUnavailable,
    TooManyQuestions,
    TooManyWebhooks,
    refusal_of,
)
from web.http.behind_proxy import link
from web.http.http_metrics import rejected
from web.slots import NoSlot

MEDIA_TYPE = "application/problem+json"

#: Seconds after which a refused caller may come back; the API promises at most 120.
FULL_RETRY_S = 10
AWAY_RETRY_S = 5
SLOT_RETRY_S = 1
DISK_RETRY_S = 60

#: The stable types of the problems that have no error class of ours.
_TYPES = {
    400: "bad-request",
    401: "key-needed",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    408: "too-slow",
    409: "conflict",
    410: "gone",
    413: "too-large",
    415: "wrong-media-type",
    421: "misdirected",
    422: "invalid",
    429: "too-many",
    500: "internal",
    503: "unavailable",
    504: "timeout",
}


class Problem(Exception):
    """
    Raised to answer with problem details.

    Args:
        status: The HTTP status.

        detail: One plain sentence: what is wrong and what to do.

        kind: The last part of the problem's stable `type`; the status' own by default.

        errors: (field, message) pairs.

        headers: Further headers, for example `Retry-After`.

        more: Further members of the body.

        reason: What `quern_http_rejected_total` calls it, where status and kind do not tell.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        kind: str | None = None,
        errors: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
        reason: str = "",
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.kind = kind or _TYPES.get(status, "error")
        self.errors = errors
        self.headers = dict(headers or {})
        self.more = dict(more or {})
        self.reason = reason

    def response(self) -> Response:
        """Build the answer, in the form that the clients of this path read."""
        rejected(self.status, self.reason or self.kind)
        for prefix, form in _FORMS.items():
            if request.path.startswith(prefix):
                return form(self)
        body: dict[str, Any] = {
            "type": f"/problems/{self.kind}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "instance": link(request.path),
        }
        if self.errors:
            body["errors"] = [{"field": name, "message": text} for name, text in self.errors]
        answer = Response(orjson.dumps(body | self.more), self.status, mimetype=MEDIA_TYPE)
        answer.headers.update(self.headers)
        return answer


#: Paths below which problems have another form than RFC 9457's.
_FORMS: dict[str, Callable[[Problem], Response]] = {}


def answer_below(prefix: str, form: Callable[[Problem], Response]) -> None:
    """Let *form* answer with the problems of paths that begin with *prefix*."""
    _FORMS[prefix] = form


def invalid(error: InvalidRequest) -> Problem:
    """Return the problem of a field that cannot be accepted, and why."""
    return Problem(422, str(error), errors=[(error.field, error.message)])


def too_many(detail: str, *, limit: int, depth: int, retry_s: int, reason: str = "") -> Problem:
    """Return the problem of a bound that is reached: which, and when to come back."""
    return Problem(
        429,
        detail,
        headers={"Retry-After": str(retry_s)},
        more={"limit": limit, "depth": depth},
        reason=reason,
    )


def register(app: Flask) -> None:
    """Answer every error of *app* with problem details."""
    app.register_error_handler(Problem, Problem.response)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(InvalidRequest, lambda error: invalid(error).response())
    app.register_error_handler(InvalidQuestions, _questions)
    app.register_error_handler(TooManyQuestions, _too_many_questions)
    app.register_error_handler(KeyRefused, _key)
    app.register_error_handler(
        ScopeMissing, lambda error: Problem(403, str(error), kind="scope-missing").response()
    )
    app.register_error_handler(Overspent, _overspent)
    app.register_error_handler(NotFound, lambda error: Problem(404, str(error)).response())
    app.register_error_handler(Gone, lambda error: Problem(410, str(error)).response())
    for conflict in (NotRetryable, Sealed, CollectionGone, TooManyWebhooks):
        app.register_error_handler(conflict, lambda error: Problem(409, str(error)).response())
    app.register_error_handler(AlreadyRunning, _already)
    app.register_error_handler(IdempotencyConflict, _idempotency)
    app.register_error_handler(Full, _full)
    app.register_error_handler(NoSlot, _no_slot)
    app.register_error_handler(MemoryFull, _memory_full)
    app.register_error_handler(DiskFull, _disk_full)
    app.register_error_handler(StoreUnavailable, _store)
    app.register_error_handler(QueueError, _queue)


def _http(error: HTTPException) -> Response | HTTPException:
    """Turn what Flask and Werkzeug raise into problem details; redirects pass."""
    status = error.code or 500
    if status < HTTPStatus.BAD_REQUEST:
        return error
    headers: dict[str, str] = {}
    detail = error.description or HTTPStatus(status).phrase
    match error:
        case MethodNotAllowed():
            headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
            detail = f"{request.method} is not possible here; allowed: {headers['Allow']}."
        case RequestEntityTooLarge():
            # The rest of the body is not read: the connection cannot be used again.
            headers["Connection"] = "close"
            limit = request.max_content_length
            detail = f"The request is too large; it may have {limit} bytes."
        case ClientDisconnected():
            # Who is there to read this was only too slow, see `web.server`.
            status = HTTPStatus.REQUEST_TIMEOUT
            detail = "The request's body came too slowly, or not to its end; send it again."
        case _ if status == HTTPStatus.NOT_FOUND:
            detail = f"There is nothing at {request.path}."
        case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            detail = "This is a fault of Quern, not of the request; the web log has the details."
    return Problem(status, detail, headers=headers).response()


def _already(error: AlreadyRunning) -> Response:
    """Another job does it."""
    return Problem(409, str(error), more={"job_id": error.job_id}).response()


def _idempotency(error: IdempotencyConflict) -> Response:
    """An idempotency key came with another body."""
    return Problem(
        422, str(error), kind="idempotency-conflict", errors=[("Idempotency-Key", str(error))]
    ).response()


def _questions(error: InvalidQuestions) -> Response:
    """Questions of a list cannot be accepted: which, and why."""
    return Problem(422, str(error), errors=error.errors).response()


def _too_many_questions(error: TooManyQuestions) -> Response:
    """A list is too long."""
    return Problem(413, str(error), more={"limit": error.limit}).response()


def _key(error: KeyRefused) -> Response:
    """A key is needed, and none that is good was sent (RFC 6750, section 3)."""
    sent = {"error": "invalid_token"} if "Authorization" in request.headers else {}
    told = ", ".join(f'{name}="{value}"' for name, value in ({"realm": "quern"} | sent).items())
    headers = {"WWW-Authenticate": f"Bearer {told}"}
    return Problem(401, str(error), kind="key-needed", headers=headers).response()


def _overspent(error: Overspent) -> Response:
    """A key has spent what it may."""
    return Problem(
        429,
        str(error),
        kind="overspent",
        headers={"Retry-After": str(error.retry_s)},
        more={"limit": error.limit, "what": error.what},
    ).response()


def _full(error: Full) -> Response:
    """A lane is at its bound."""
    detail = f"The queue is full: {error}. Try again in {FULL_RETRY_S} seconds."
    return too_many(
        detail, limit=error.limit, depth=error.depth, retry_s=FULL_RETRY_S, reason="queue-full"
    ).response()


def _no_slot(error: NoSlot) -> Response:
    """As many callers do the same as may."""
    return too_many(
        str(error), limit=error.limit, depth=error.depth, retry_s=SLOT_RETRY_S
    ).response()


def _memory_full(error: MemoryFull) -> Response:
    """Redis has no room for another job."""
    headers = {"Retry-After": str(error.retry_s)}
    return Problem(429, str(error), kind="memory-full", headers=headers).response()


def _disk_full(error: DiskFull) -> Response:
    """The disk has no room for what comes."""
    headers = {"Retry-After": str(DISK_RETRY_S)}
    return Problem(503, str(error), kind="disk-full", headers=headers).response()


def _store(error: StoreUnavailable) -> Response:
    """A disk or store is away."""
    headers = {"Retry-After": str(AWAY_RETRY_S)}
    return Problem(503, f"{error}; try again shortly", headers=headers).response()


def _queue(error: QueueError) -> Response:
    """The queue is away, or full; anything else that it says is a fault of ours."""
    refusal = refusal_of(error)
    if isinstance(refusal, MemoryFull):
        return _memory_full(refusal)
    headers = {"Retry-After": str(AWAY_RETRY_S)}
    return Problem(503, str(refusal), headers=headers).response()
