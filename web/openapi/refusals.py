"""Why a request may be refused: each status with its meaning, what to do, and an example."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from intake.fields import Json
from web.guards.authorization import NEEDED


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """
    A status that refuses, or tells of a fault.

    Args:
        name: What the response is called in the description.

        meaning: Why it is answered.

        remedy: What the caller may do.

        kinds: The last parts of the problem's `type`; the first is that of the example.

        detail, instance: Those of the example.

        more: Further members of the example.
    """

    name: str
    meaning: str
    remedy: str
    kinds: tuple[str, ...]
    detail: str
    instance: str
    more: Mapping[str, Any] = field(default_factory=dict)


_TOP_K: Final = "must be a whole number from 0 to 50"

REFUSALS: Final[dict[int, Refusal]] = {
    400: Refusal(
        name="BadRequest",
        meaning="The body, or the `Host` header, cannot be read.",
        remedy="Send JSON that can be read, and a `Host` that is one.",
        kinds=("not-json", "bad-request"),
        detail="The body is not JSON: unexpected end of data: line 1 column 2 (char 1).",
        instance="/api/queries",
    ),
    401: Refusal(
        name="KeyNeeded",
        meaning="This server asks for a key, and none that is good was sent.",
        remedy="Send `Authorization: Bearer qk_…`; the operator makes keys.",
        kinds=("key-needed",),
        detail=NEEDED,
        instance="/api/queries",
    ),
    403: Refusal(
        name="Forbidden",
        meaning="Sent by another site's page or by a stranger, or with a key that may not do that.",
        remedy="Call from a program or a page of this server; use a key with the scope it names.",
        kinds=("cross-site", "forbidden", "scope-missing"),
        detail="Another site's page may not send this request.",
        instance="/api/queries",
    ),
    404: Refusal(
        name="NotFound",
        meaning="There is no such thing.",
        remedy="Look at the id or the name; lists tell which there are.",
        kinds=("not-found",),
        detail="there is no job 'none'",
        instance="/api/jobs/none",
    ),
    409: Refusal(
        name="Conflict",
        meaning="Not possible in this state.",
        remedy="Look at the job, or wait for the one that `job_id` names.",
        kinds=("conflict",),
        detail="this job is succeeded; only failed, cancelled, expired, partial can retry",
        instance="/api/jobs/0190b6d2-8c3a-7f00-8000-000000000000/retry",
    ),
    410: Refusal(
        name="Gone",
        meaning="It was there, and is gone for good.",
        remedy="Ask for what is current; jobs are forgotten after `QUERN_RETENTION_S`.",
        kinds=("gone",),
        detail="generation 1767225600000000 of 'handbook/leave.md' was replaced or deleted",
        instance="/api/collections/default/documents/handbook/leave.md/text",
    ),
    413: Refusal(
        name="TooLarge",
        meaning="Too large.",
        remedy="Send less at a time; `detail` tells the bound.",
        kinds=("too-large",),
        detail="1001 documents are too many for one request; it may have 1000.",
        instance="/api/ingests",
        more={"limit": 1000, "depth": 1001},
    ),
    415: Refusal(
        name="WrongMediaType",
        meaning="Another media type is needed.",
        remedy="Name the body's type in `Content-Type`.",
        kinds=("wrong-media-type",),
        detail="Send JSON with the header `Content-Type: application/json`.",
        instance="/api/queries",
    ),
    421: Refusal(
        name="Misdirected",
        meaning="Asked for a host that this server is not; see `QUERN_ALLOWED_HOSTS`.",
        remedy="Call the server by a name of its own, or have the operator list yours.",
        kinds=("misdirected",),
        detail=(
            "This server does not answer to docs.example.org; if it should, add that to "
            "QUERN_ALLOWED_HOSTS."
        ),
        instance="/api/jobs",
    ),
    422: Refusal(
        name="Invalid",
        meaning="A field or parameter cannot be accepted; `errors` names it.",
        remedy="Correct the field that `errors` names; unknown fields are refused too.",
        kinds=("invalid", "idempotency-conflict"),
        detail=f"top_k: {_TOP_K}",
        instance="/api/queries",
        more={"errors": [{"field": "top_k", "message": _TOP_K}]},
    ),
    429: Refusal(
        name="TooMany",
        meaning="A bound is reached; come back after `Retry-After`.",
        remedy="Send the same again after `Retry-After` seconds; nothing was accepted.",
        kinds=("too-many", "memory-full", "overspent"),
        detail="Too many callers wait for searches. Try again in 1 seconds.",
        instance="/api/search",
        more={"limit": 64, "depth": 64},
    ),
    500: Refusal(
        name="Fault",
        meaning="A fault of Quern.",
        remedy="Tell the operator the answer's `X-Request-ID`; the web log has it.",
        kinds=("internal", "search-failed"),
        detail="This is a fault of Quern, not of the request; the web log has the details.",
        instance="/api/jobs",
    ),
    503: Refusal(
        name="Unavailable",
        meaning="Redis or a disk is away; come back after `Retry-After`.",
        remedy="Send the same again after `Retry-After` seconds, with its `Idempotency-Key`.",
        kinds=("unavailable", "disk-full"),
        detail="The queue does not answer; try again shortly.",
        instance="/api/queries",
    ),
    504: Refusal(
        name="Timeout",
        meaning="Not answered in time.",
        remedy="Try again after `Retry-After` seconds.",
        kinds=("timeout",),
        detail="The search was not answered within 10 seconds; try again.",
        instance="/api/search",
        more={"job_id": "0190b6d2-8c3a-7f00-8000-000000000000"},
    ),
}


def refusals(*statuses: int, meanings: Mapping[int, str] | None = None) -> Json:
    """
    Describe refusals by status.

    A call that means something of its own by a status says so in *meanings*; the others point at
    what all calls share, see `shared_refusals`.
    """
    own = meanings or {}
    return {
        str(status): _described(status, own[status])
        if status in own
        else {"$ref": f"#/components/responses/{REFUSALS[status].name}"}
        for status in sorted({*statuses, *own})
    }


def shared_refusals() -> Json:
    """Describe each refusal by its name, as `components.responses` has it."""
    return {
        refusal.name: _described(status, refusal.meaning) for status, refusal in REFUSALS.items()
    }


def example_problem(status: int) -> Json:
    """Return problem details (RFC 9457) as a request may get them with *status*."""
    refusal = REFUSALS[status]
    return {
        "type": f"/problems/{refusal.kinds[0]}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": refusal.detail,
        "instance": refusal.instance,
    } | dict(refusal.more)


def _described(status: int, meaning: str) -> Json:
    """Describe one refusal."""
    content = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        "description": meaning,
        "content": {"application/problem+json": content | {"example": example_problem(status)}},
    }
