"""Pieces of the API's description: operations, parameters and objects."""

from typing import Final

from intake.fields import Json
from web.http.request_parts import IDEMPOTENCY_KEY, LIMIT, PAGE
from web.openapi.refusals import refusals

#: What may go wrong wherever something is read, is changed, or has a body.
READS: Final = (422, 500, 503)
WRITES: Final = (403, 422, 429, 500, 503)
BODY: Final = (413, 415)
#: Looked at before anything else, on every path; and who calls, on all but a few.
HOST: Final = (400, 421)
CALLER: Final = (401, 403)

#: What examples speak of.
JOB_ID: Final = "0190b6d2-8c3a-7f00-8000-000000000000"
DOCUMENT_ID: Final = "handbook/leave.md"
WEBHOOK_ID: Final = "wh_0190b6d28c3a7f008000000000000000"
MESSAGE_ID: Final = f"msg_{JOB_ID}"

#: What the page of the API sends as a parameter where nothing else is written.
USUAL: Final = "x-usual"


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
    details: str = "",
    confirm: str = "",
    meanings: dict[int, str] | None = None,
) -> Json:
    """
    Describe one method of a path.

    *answers* have by status what it means, and a schema or a media type; *problems* are the
    statuses that refuse, beside those of every path, and *meanings* what single ones mean here
    alone. *location* is true where the answer's `Location` names what was made. *details* are what
    the summary has no room for, and *confirm* what is lost or sent by the call, for a page that
    asks before it makes one.
    """
    operation: Json = {"summary": summary, "tags": [tag], "operationId": name}
    if details:
        operation["description"] = details
    if confirm:
        operation["x-confirm"] = confirm
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
    operation["responses"] = responses | refusals(*HOST, *CALLER, *problems, meanings=meanings)
    return operation


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


def query(name: str, schema: Json, description: str = "", *, example: object = None) -> Json:
    """Describe a query parameter."""
    told = {"description": description} if description else {}
    shown = {} if example is None else {"example": example}
    return {"name": name, "in": "query", "schema": schema} | told | shown


def choice(name: str, words: tuple[str, ...], description: str = "") -> Json:
    """Describe a query parameter that is one of some words."""
    return query(name, {"type": "string", "enum": list(words)}, description)


def paging(limit: Json = LIMIT.schema) -> list[Json]:
    """Describe `cursor` and `limit`."""
    return [
        query("cursor", {"type": "string"}, "Where to go on: `next_cursor` of the page before."),
        query("limit", limit | {"default": PAGE}, "How many a page may have."),
    ]


def header(name: str, example: str, description: str) -> Json:
    """Describe a request header."""
    return {
        "name": name, "in": "header", "schema": {"type": "string"}, "example": example,
        "description": description,
    }  # fmt: skip


def prefer(usual: str = "") -> Json:
    """
    Describe the header by which a caller waits for a job's end.

    The page of the API sends *usual* where nothing else is written.
    """
    told = "Wait in this call for the job's end, up to 30 seconds; `200` if it comes."
    described = header("Prefer", "respond-async, wait=10", told)
    return described | {USUAL: usual} if usual else described


def idempotency_key() -> Json:
    """Describe the idempotency key."""
    return {
        "name": "Idempotency-Key", "in": "header", "example": "leave-2026-01",
        "schema": {"type": "string", "pattern": f"^{IDEMPOTENCY_KEY.pattern}$"},
        "description": (
            "The same key with the same content within 24 hours is the same job; with other "
            "content it is refused."
        ),
    }  # fmt: skip


def _path(name: str, example: str, description: str) -> Json:
    """Describe a part of the path."""
    return {
        "name": name, "in": "path", "required": True, "example": example,
        "schema": {"type": "string", "minLength": 1}, "description": description,
    }  # fmt: skip


def job_id() -> Json:
    """Describe a job's id."""
    return _path("job_id", JOB_ID, "The `id` of a job.")


def collection_name() -> Json:
    """Describe a collection's name."""
    return _path("name", "default", "The collection.")


def webhook_id() -> Json:
    """Describe a webhook's id; of deliveries also `jobs`, for the URLs of single jobs."""
    return _path("webhook_id", WEBHOOK_ID, "The `id` of a webhook.")


def message_id() -> Json:
    """Describe a message's id, as the receiver's header `webhook-id` has it."""
    return _path("message_id", MESSAGE_ID, "The id of a message, as its `webhook-id` has it.")


def document_id() -> Json:
    """Describe a document's id; its slashes stay as they are."""
    told = "The document's id; its slashes stay as they are, other characters are percent-encoded."
    return _path("document_id", DOCUMENT_ID, told)
