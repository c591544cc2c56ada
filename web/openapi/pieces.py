"""Pieces of the API's description: operations, parameters, objects and refusals."""

from typing import Final

from intake.fields import Json
from web.http.request_parts import IDEMPOTENCY_KEY, LIMIT, PAGE

_PROBLEMS: Final = {
    400: "The body, or the `Host` header, cannot be read.",
    403: "Sent by another site's page, or by a stranger.",
    404: "There is no such thing.",
    409: "Not possible in this state.",
    410: "It was there, and is gone for good.",
    413: "Too large.",
    415: "Another media type is needed.",
    421: "Asked for a host that this server is not; see `QUERN_ALLOWED_HOSTS`.",
    422: "A field or parameter cannot be accepted; `errors` names it.",
    429: "A bound is reached; come back after `Retry-After`.",
    500: "A fault of Quern.",
    503: "Redis or a disk is away; come back after `Retry-After`.",
    504: "Not answered in time.",
}
#: What may go wrong wherever something is read, is changed, or has a body.
READS: Final = (422, 500, 503)
WRITES: Final = (403, 422, 429, 500, 503)
BODY: Final = (413, 415)
#: Looked at before anything else, on every path.
HOST: Final = (400, 421)


def operation(
    summary: str,
    tag: str,
    *,
    name: str,
    answers: dict[int, tuple[str, str | None]],
    problems: tuple[int, ...],
    parameters: list[Json] | None = None,
    body: Json | None = None,
    location: bool = False,
) -> Json:
    """Describe one method of a path; an answer names a schema or a media type."""
    operation: Json = {"summary": summary, "tags": [tag], "operationId": name}
    if parameters:
        operation["parameters"] = parameters
    if body:
        operation["requestBody"] = body
    responses: Json = {}
    for status, (description, what) in answers.items():
        responses[str(status)] = {"description": description}
        if what and "/" in what:
            responses[str(status)]["content"] = {what: {"schema": {}}}
        elif what:
            responses[str(status)]["content"] = {"application/json": {"schema": ref(what)}}
        if location:
            told = {"schema": {"type": "string"}, "description": "Where it is."}
            responses[str(status)]["headers"] = {"Location": told}
    operation["responses"] = responses | refusals(*HOST, *problems)
    return operation


def refusals(*statuses: int) -> Json:
    """Describe refusals."""
    content = {"application/problem+json": {"schema": ref("Problem")}}
    return {
        str(status): {"description": _PROBLEMS[status], "content": content}
        for status in sorted(set(statuses))
    }


def ref(name: str) -> Json:
    """Point at a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def list_of(name: str) -> Json:
    """Describe a list of a schema."""
    return {"type": "array", "items": ref(name)}


def answered(properties: Json, *, optional: list[str] | None = None) -> Json:
    """Describe what is answered: later versions may say more."""
    required = [name for name in properties if name not in (optional or [])]
    return {"type": "object", "properties": properties, "required": required}


def page_of(name: str, schema: str) -> Json:
    """Describe a page of a list."""
    return answered({name: list_of(schema), "next_cursor": {"type": ["string", "null"]}})


def json_body(schema: str) -> Json:
    """Describe a JSON body."""
    return {"required": True, "content": {"application/json": {"schema": ref(schema)}}}


def query(name: str, schema: Json) -> Json:
    """Describe a query parameter."""
    return {"name": name, "in": "query", "schema": schema}


def choice(name: str, words: tuple[str, ...]) -> Json:
    """Describe a query parameter that is one of some words."""
    return query(name, {"type": "string", "enum": list(words)})


def paging(limit: Json = LIMIT.schema) -> list[Json]:
    """Describe `cursor` and `limit`."""
    return [query("cursor", {"type": "string"}), query("limit", limit | {"default": PAGE})]


def header(name: str, example: str) -> Json:
    """Describe a request header."""
    return {"name": name, "in": "header", "schema": {"type": "string"}, "example": example}


def idempotency_key() -> Json:
    """Describe the idempotency key."""
    schema = {"type": "string", "pattern": f"^{IDEMPOTENCY_KEY.pattern}$"}
    return {"name": "Idempotency-Key", "in": "header", "schema": schema}


def _path(name: str, example: str) -> Json:
    """Describe a part of the path."""
    return {
        "name": name, "in": "path", "required": True, "example": example,
        "schema": {"type": "string", "minLength": 1},
    }  # fmt: skip


def job_id() -> Json:
    """Describe a job's id."""
    return _path("job_id", "0190b6d2-8c3a-7f00-8000-000000000000")


def collection_name() -> Json:
    """Describe a collection's name."""
    return _path("name", "default")


def webhook_id() -> Json:
    """Describe a webhook's id; of deliveries also `jobs`, for the URLs of single jobs."""
    return _path("webhook_id", "wh_0190b6d28c3a7f008000000000000000")


def message_id() -> Json:
    """Describe a message's id, as the receiver's header `webhook-id` has it."""
    return _path("message_id", "msg_0190b6d2-8c3a-7f00-8000-000000000000")


def document_id() -> Json:
    """Describe a document's id; its slashes stay as they are."""
    return _path("document_id", "handbook/leave.md")
