"""The API's description (OpenAPI 3.1): what a client may rely on, held to the routes by a test."""

from typing import Any, Final

from jobs import requests as asked
from rag import filters
from rag.reasons import REASONS
from rag.scalars import MAX_TEXT
from runtime.settings import Settings
from web.job_list import KINDS, ROW_STATES, STATES
from web.request_parts import MAX_PAGE, MAX_WAIT_S, PAGE

Json = dict[str, Any]

_PROBLEMS: Final = {
    400: "The body, or the `Host` header, cannot be read.",
    403: "Sent by another site's page.",
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
_READS: Final = (422, 500, 503)
_WRITES: Final = (403, 422, 429, 500, 503)
_BODY: Final = (413, 415)
#: Looked at before anything else, on every path.
_HOST: Final = (400, 421)


def openapi_document(*, version: str, settings: Settings, root: str = "") -> Json:
    """
    Return the document; bounds are those of *settings*.

    *root* is the path that a proxy serves the API below, as `/quern`; empty where there is none.
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Quern",
            "version": version,
            "description": (
                "Ask questions about documents, asynchronously: everything slow is a job. "
                "Errors are problem details (RFC 9457); unknown fields are refused."
            ),
        },
        "servers": [{"url": root or "/"}],
        "paths": (
            _queries()
            | _ingests()
            | _jobs()
            | _collections()
            | _documents()
            | _admin()
            | _operations()
        ),
        "components": {"schemas": _schemas(settings)},
    }


# Paths ----------------------------------------------------------------------------------------


def _queries() -> Json:
    """Questions and searches."""
    return {
        "/api/queries": {
            "post": _operation(
                "Ask a question", "Questions", name="ask",
                parameters=[_header("Prefer", "respond-async, wait=10"), _idempotency()],
                body=_json_body("Query"),
                answers={200: ("The job, ended while you waited", "Job"), 202: ("The job", "Job")},
                problems=(*_WRITES, *_BODY, 404),
                location=True,
            )
        },
        "/api/search": {
            "post": _operation(
                "Search, and wait for the passages", "Questions", name="search",
                body=_json_body("Search"),
                answers={200: ("The passages, best first", "SearchResult")},
                problems=(*_WRITES, *_BODY, 404, 504),
            )
        },
    }  # fmt: skip


def _ingests() -> Json:
    """Documents on their way in."""
    bodies = {
        "content": {
            "application/json": {"schema": _ref("Ingest")},
            "multipart/form-data": {"schema": _ref("IngestForm")},
        },
        "required": True,
    }
    more = {
        "content": {
            "application/json": {"schema": _ref("MoreDocuments")},
            "multipart/form-data": {"schema": _ref("MoreDocumentsForm")},
        },
        "required": True,
    }
    return {
        "/api/ingests": {
            "post": _operation(
                "Hand over documents", "Documents", name="ingest",
                parameters=[_header("Prefer", "respond-async, wait=10"), _idempotency()],
                body=bodies,
                answers={200: ("The job, ended while you waited", "Job"), 202: ("The job", "Job")},
                problems=(*_WRITES, *_BODY, 409),
                location=True,
            )
        },
        "/api/jobs/{job_id}/documents": {
            "get": _operation(
                "List the documents of an ingest", "Documents", name="listRows",
                parameters=[_job_id(), _choice("state", ROW_STATES), *_paging()],
                answers={200: ("Rows, in the order in which they came", "Rows")},
                problems=(*_READS, 404, 410),
            ),
            "post": _operation(
                "Add documents to an open ingest", "Documents", name="addDocuments",
                parameters=[_job_id()],
                body=more,
                answers={202: ("The job", "Job")},
                problems=(*_WRITES, *_BODY, 404, 409, 410),
            ),
        },
        "/api/jobs/{job_id}/close": {
            "post": _operation(
                "Say that no more documents come", "Documents", name="closeIngest",
                parameters=[_job_id()],
                answers={200: ("The job", "Job")},
                problems=(*_WRITES, 404, 410),
            )
        },
    }  # fmt: skip


def _jobs() -> Json:
    """Jobs of every kind."""
    wait = _query("wait", {"type": "integer", "minimum": 0, "maximum": MAX_WAIT_S})
    return {
        "/api/jobs": {
            "get": _operation(
                "List jobs, newest first", "Jobs", name="listJobs",
                parameters=[
                    _choice("state", STATES), _choice("kind", KINDS),
                    _query("collection", {"type": "string"}), *_paging(),
                ],
                answers={200: ("A page; it may be short and still have a cursor", "Jobs")},
                problems=_READS,
            )
        },
        "/api/jobs/{job_id}": {
            "get": _operation(
                "Look at a job, or wait for its end", "Jobs", name="getJob",
                parameters=[_job_id(), wait, _header("Prefer", "wait=10")],
                answers={200: ("The job", "Job")},
                problems=(*_READS, 404, 410),
            ),
            "delete": _operation(
                "Cancel a job", "Jobs", name="cancelJob",
                parameters=[_job_id()],
                answers={200: ("It had already ended", "Job"), 202: ("It will stop", "Job")},
                problems=(*_WRITES, 404, 410),
            ),
        },
        "/api/jobs/{job_id}/retry": {
            "post": _operation(
                "Make a new job of one that failed", "Jobs", name="retryJob",
                parameters=[_job_id()],
                answers={202: ("The new job", "Job")},
                problems=(*_WRITES, 404, 409, 410),
                location=True,
            )
        },
        "/api/jobs/{job_id}/events": {
            "get": _operation(
                "Stream a job's events", "Jobs", name="streamEvents",
                parameters=[_job_id(), _header("Last-Event-ID", "1700000000000-0")],
                answers={
                    200: (
                        "state, stage, progress, sources, verdict, token, reset, done",
                        "text/event-stream",
                    ),
                    204: ("Over, and all seen", None),
                },
                problems=(*_READS, 404, 410, 429),
            )
        },
    }  # fmt: skip


def _collections() -> Json:
    """Collections."""
    return {
        "/api/collections": {
            "get": _operation(
                "List collections", "Collections", name="listCollections",
                answers={200: ("All collections by name", "Collections")},
                problems=_READS,
            ),
            "post": _operation(
                "Make a collection", "Collections", name="createCollection",
                body=_json_body("NewCollection"),
                answers={200: ("It exists", "Collection"), 201: ("Made", "Collection")},
                problems=(*_WRITES, *_BODY),
                location=True,
            ),
        },
        "/api/collections/{name}": {
            "get": _operation(
                "Look at a collection", "Collections", name="getCollection",
                parameters=[_name()],
                answers={200: ("The collection", "Collection")},
                problems=(*_READS, 404),
            ),
            "delete": _operation(
                "Delete a collection; its name is free at once", "Collections",
                name="deleteCollection",
                parameters=[_name()],
                answers={202: ("The job that removes the rest", "Job")},
                problems=(*_WRITES, 404),
                location=True,
            ),
        },
        "/api/collections/{name}/diff": {
            "post": _operation(
                "Compare a folder with a collection", "Collections", name="diff",
                parameters=[_name()],
                body=_json_body("Listing"),
                answers={200: ("What to send, and what is listed no more", "Difference")},
                problems=(*_WRITES, *_BODY),
            )
        },
    }  # fmt: skip


def _documents() -> Json:
    """Documents that are there."""
    which = [_name(), _document_id()]
    number = {"type": "integer", "minimum": 0}
    base = "/api/collections/{name}/documents"
    return {
        base: {
            "get": _operation(
                "List documents in the order of their ids", "Collections", name="listDocuments",
                parameters=[_name(), _query("prefix", {"type": "string"}), *_paging()],
                answers={200: ("A page", "Documents")},
                problems=(*_READS, 404),
            )
        },
        f"{base}/{{document_id}}": {
            "get": _operation(
                "Look at a document", "Collections", name="getDocument",
                parameters=which,
                answers={200: ("The document", "Document")},
                problems=(*_READS, 404),
            ),
            "delete": _operation(
                "Delete a document", "Collections", name="deleteDocument",
                parameters=which,
                answers={202: ("The job; once it has ended no search finds the text", "Job")},
                problems=(*_WRITES, 404, 409),
                location=True,
            ),
        },
        f"{base}/{{document_id}}/text": {
            "get": _operation(
                "Read the parsed text, or a span of it", "Collections", name="getText",
                parameters=[
                    *which, _query("generation", number), _query("start", number),
                    _query("end", number),
                ],
                answers={200: ("The text; offsets count Unicode code points", "Text")},
                problems=(*_READS, 404, 410),
            )
        },
        f"{base}/{{document_id}}/chunks": {
            "get": _operation(
                "List the chunks", "Collections", name="listChunks",
                parameters=[*which, _query("generation", number), *_paging()],
                answers={200: ("A page", "Chunks")},
                problems=(*_READS, 404, 410),
            )
        },
        f"{base}/{{document_id}}/file": {
            "get": _operation(
                "Download the original", "Collections", name="getFile",
                parameters=which,
                answers={200: ("The bytes as they came", "application/octet-stream")},
                problems=(*_READS, 404, 410),
            )
        },
    }  # fmt: skip


def _admin() -> Json:
    """Jobs for those who run Quern."""
    return {
        "/api/admin/check": {
            "post": _operation(
                "Compare catalogue, Chroma and sparse indexes, and repair", "Operations",
                name="check",
                parameters=[_header("Prefer", "respond-async, wait=10")],
                body=_json_body("Check"),
                answers={200: ("The job, ended while you waited", "Job"), 202: ("The job", "Job")},
                problems=(*_WRITES, *_BODY, 404),
                location=True,
            )
        },
        "/api/admin/reindex": {
            "post": _operation(
                "Make a collection's vectors anew, under today's settings and embedder",
                "Operations", name="reindex",
                body=_json_body("Reindex"),
                answers={202: ("The job", "Job")},
                problems=(*_WRITES, *_BODY, 404, 409),
                location=True,
            )
        }
    }  # fmt: skip


def _operations() -> Json:
    """What operators look at."""

    def look(summary: str, name: str, media: str, *, may_fail: bool = False) -> Json:
        answer = {"description": summary, "content": {media: {"schema": {}}}}
        answers: Json = {"200": answer} | _problems(*_HOST)
        if may_fail:
            answers["503"] = answer | {"description": "It cannot"}
        return {
            "get": {
                "summary": summary, "tags": ["Operations"], "operationId": name,
                "responses": answers,
            }
        }  # fmt: skip

    return {
        "/livez": look("Does the process answer?", "livez", "application/json"),
        "/readyz": look("Can jobs be accepted?", "readyz", "application/json", may_fail=True),
        "/health": look("How is everything?", "health", "application/health+json", may_fail=True),
        "/metrics": look("Numbers for Prometheus", "metrics", "text/plain"),
        "/prometheus/sd": look("Where the workers' numbers are", "targets", "application/json"),
        "/api/openapi.json": look("This description", "openapi", "application/json"),
        "/api/docs": look("This description as a page", "docs", "text/html"),
        "/api/docs.css": look("The page's style sheet", "docsStyle", "text/css"),
    }


# Schemas --------------------------------------------------------------------------------------


def _schemas(settings: Settings) -> Json:
    """What is sent and answered."""
    text, whole, flag = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
    anything: Json = {"type": "object"}
    name = {"type": "string", "pattern": f"^{asked.COLLECTION.pattern}$", "default": "default"}
    document_id = {
        "type": "string", "minLength": 1, "maxLength": asked.MAX_DOCUMENT_ID,
        "pattern": r"^[^\u0000-\u001f\u007f\ud800-\udfff]*[^\s\u0000-\u001f\u007f\ud800-\udfff]"
        r"[^\u0000-\u001f\u007f\ud800-\udfff]*$",
    }  # fmt: skip
    priority = {"type": "string", "enum": list(asked.PRIORITIES)}
    bound = (
        f"At most {asked.MAX_METADATA_BYTES} bytes as JSON in UTF-8, a document's own together "
        "with what the request says of all."
    )
    one = [
        {"type": "string", "maxLength": MAX_TEXT},
        {"type": "number", "minimum": -(2**53), "maximum": 2**53}, flag,
    ]  # fmt: skip
    several = {"type": "array", "maxItems": asked.MAX_METADATA_VALUES, "items": {"anyOf": one}}
    metadata = {
        "type": "object", "maxProperties": asked.MAX_METADATA, "description": bound,
        "additionalProperties": {"anyOf": [*one, several]},
    }  # fmt: skip
    deadline = {"type": "integer", "minimum": 1, "maximum": asked.MAX_DEADLINE_S}
    question = {
        "type": "string", "minLength": 1, "maxLength": settings.max_question_bytes,
        "pattern": r"\S", "description": f"At most {settings.max_question_bytes} bytes of UTF-8.",
    }  # fmt: skip
    role = {"type": "string", "enum": list(asked.ROLES)}
    said = {
        "type": "string",
        "minLength": 1,
        "maxLength": asked.MAX_HISTORY_BYTES,
        "pattern": r"\S",
    }
    turns = {
        "type": ["array", "null"], "maxItems": asked.MAX_TURNS,
        "description": (
            "Earlier turns, oldest first; `content` is another name for `text`. "
            f"At most {asked.MAX_HISTORY_BYTES} bytes of text together."
        ),
        "items": {
            "oneOf": [
                _object({"role": role, "text": said}, required=["role", "text"]),
                _object({"role": role, "content": said}, required=["role", "content"]),
            ]
        },
    }  # fmt: skip
    top_k = {"type": "integer", "maximum": settings.max_top_k, "default": settings.top_k}
    wanted = {
        "anyOf": [_ref("Filter"), {"type": "null"}],
        "description": "Only documents that match are searched.",
    }
    documents = {
        "type": "array", "maxItems": settings.max_files,
        "items": _object(
            {
                "id": document_id, "text": text, "metadata": metadata,
                "title": {"type": ["string", "null"], "maxLength": asked.MAX_TITLE},
            },
            required=["id", "text"],
        ),
    }  # fmt: skip
    settled = {
        "collection": name, "priority": priority | {"default": "batch"}, "open": flag,
        "on_duplicate": {"type": "string", "enum": list(asked.DUPLICATES), "default": "index"},
        "deadline_s": deadline,
    }  # fmt: skip
    files = {"type": "array", "items": {"type": "string", "format": "binary"}}
    in_text = {"type": "string", "description": "A JSON object."}
    job = {
        "id": text, "kind": {"enum": [*KINDS, "search"]}, "state": {"enum": list(STATES)},
        "stage": {"type": ["string", "null"]}, "collection": {"type": ["string", "null"]},
        "created_at": text, "started_at": {"type": ["string", "null"]},
        "finished_at": {"type": ["string", "null"]}, "deadline_at": text, "attempts": whole,
        "queue": anything, "progress": anything, "timings_ms": anything, "links": anything,
        "request": anything, "result": anything, "error": anything, "retry_of": text,
        "open": flag, "sources": {"type": "array"},
    }  # fmt: skip
    collection = {
        "name": text, "documents": whole, "created_at": text,
        "embedder": {"type": ["object", "null"]}, "hnsw": {"type": ["object", "null"]},
        "links": anything,
    }  # fmt: skip
    names = {"type": "array", "items": text}
    row = {
        "document_id": text, "file": {"type": ["string", "null"]}, "stage": text,
        "state": {"enum": list(ROW_STATES)}, "outcome": {"type": ["string", "null"]},
        "chunks": whole, "attempts": whole, "error": anything, "note": text,
    }  # fmt: skip
    return {
        "Query": _object(
            {
                "question": question, "history": turns, "collection": name,
                "top_k": top_k | {"minimum": 0}, "filters": wanted,
                "priority": priority | {"default": "interactive"}, "trace": flag,
                "max_tokens": {
                    "type": ["integer", "null"], "minimum": 1, "maximum": asked.MAX_ANSWER_TOKENS,
                },
                "temperature": {
                    "type": ["number", "null"], "minimum": 0, "maximum": asked.MAX_TEMPERATURE,
                },
                "deadline_s": deadline, "cancel_on_disconnect": flag,
            },
            required=["question"],
        ),
        "Search": _object(
            {
                "query": question, "collection": name, "top_k": top_k | {"minimum": 1},
                "filters": wanted,
                "mode": {"type": "string", "enum": list(asked.MODES), "default": "hybrid"},
                "trace": flag,
            },
            required=["query"],
        ),
        "Filter": _filter(),
        "Reindex": _object(
            {"collection": {k: v for k, v in name.items() if k != "default"}},
            required=["collection"],
        ),
        "Check": _object({"collection": {"type": ["string", "null"]}, "repair": flag}),
        "Ingest": _object(settled | {"documents": documents, "metadata": metadata}),
        "IngestForm": _object(
            settled | {"files": files, "metadata": in_text, "file_metadata": in_text}
        ),
        "MoreDocuments": _object({"documents": documents}, required=["documents"]),
        "MoreDocumentsForm": _object(
            {"files": files, "file_metadata": in_text}, required=["files"]
        ),
        "NewCollection": _object({"name": name}, required=["name"]),
        "Listing": {
            "type": "array",
            "items": _object(
                {"id": document_id, "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"}},
                required=["id", "sha256"],
            ),
        },
        "Job": _answer(job, optional=[
            "queue", "progress", "request", "result", "error", "retry_of", "open", "sources",
        ]),
        "Jobs": _paged("jobs", "Job"),
        "Rows": _paged("documents", "Row"),
        "Row": _answer(row, optional=["error", "note"]),
        "Collection": _answer(collection),
        "Collections": _answer({"collections": _list("Collection")}),
        "Documents": _paged("documents", "Document"),
        "Document": _answer(
            {
                "document_id": text, "generation": whole, "title": text, "chars": whole,
                "chunks": whole, "bytes": whole, "sha256": text, "language": text,
                "metadata": anything, "links": anything, "encoding": text,
                "notes": {"type": "array", "items": text},
            },
            optional=["language", "notes", "encoding"],
        ),
        "Text": _answer(
            {
                "document_id": text, "generation": whole, "start": whole, "end": whole,
                "chars": whole, "text": text,
            }
        ),
        "Chunks": _answer(
            {
                "document_id": text, "generation": whole, "total": whole,
                "chunks": _list("Chunk"), "next_cursor": {"type": ["string", "null"]},
            }
        ),
        "Chunk": _answer(
            {
                "chunk_id": text, "n": whole, "start": whole, "end": whole, "text": text,
                "page": {"type": ["integer", "null"]},
                "page_label": {
                    "type": ["string", "null"],
                    "description": "What the document calls the page, where not by its number.",
                },
                "page_kind": {
                    "enum": ["sheet", "slide", None],
                    "description": "What the page is, where it is no page.",
                },
                "context": {
                    "type": "string",
                    "description": "Read with the text, no part of it: the header of its table.",
                },
            }
        ),
        "Difference": _answer(
            {
                "send": names, "new": names, "changed": names, "failed": names, "gone": names,
                "unchanged": whole,
            }
        ),
        "SearchResult": _answer(
            {
                "results": {"type": "array"}, "degraded": {"type": "array"},
                "timings_ms": anything, "trace": {}, "documents": whole, "waiting": whole,
                "why": {"enum": [*REASONS, None]}, "filter_hints": names,
            },
            optional=["trace", "documents", "waiting", "why", "filter_hints"],
        ),
        "Problem": _answer(
            {
                "type": text, "title": text, "status": whole, "detail": text, "instance": text,
                "errors": {
                    "type": "array", "items": _answer({"field": text, "message": text}),
                },
                "job_id": text, "limit": whole, "depth": whole,
            },
            optional=["errors", "job_id", "limit", "depth"],
        ),
    }  # fmt: skip


# Pieces ---------------------------------------------------------------------------------------


def _operation(
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
            responses[str(status)]["content"] = {"application/json": {"schema": _ref(what)}}
        if location:
            told = {"schema": {"type": "string"}, "description": "Where it is."}
            responses[str(status)]["headers"] = {"Location": told}
    operation["responses"] = responses | _problems(*_HOST, *problems)
    return operation


def _problems(*statuses: int) -> Json:
    """Describe refusals."""
    content = {"application/problem+json": {"schema": _ref("Problem")}}
    return {
        str(status): {"description": _PROBLEMS[status], "content": content}
        for status in sorted(set(statuses))
    }


def _ref(name: str) -> Json:
    """Point at a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def _list(name: str) -> Json:
    """Describe a list of a schema."""
    return {"type": "array", "items": _ref(name)}


def _filter() -> Json:
    """Describe a filter: fields with what is asked of them, and how they combine."""
    text: Json = {"type": "string", "maxLength": MAX_TEXT}
    number: Json = {"type": "number", "minimum": -(2**53), "maximum": 2**53}
    value: Json = {"anyOf": [text, number, {"type": "boolean"}]}
    ordered: Json = {"anyOf": [text, number]}
    several: Json = {"type": "array", "maxItems": filters.MAX_VALUES, "items": value}
    condition = _object(
        {
            "eq": value, "ne": value, "in": several, "not_in": several, "gt": ordered,
            "gte": ordered, "lt": ordered, "lte": ordered, "exists": {"type": "boolean"},
        }
    )  # fmt: skip
    parts: Json = {"type": "array", "minItems": 1, "items": _ref("Filter")}
    return {
        "type": "object",
        "description": (
            "Fields that must all hold: `document_id`, `title`, `language`, names of metadata "
            "(`metadata.NAME` for one that is called like a word of this language). At most "
            f"{filters.MAX_DEPTH} deep and {filters.MAX_CONDITIONS} conditions."
        ),
        "properties": {"and": parts, "or": parts, "not": _ref("Filter")},
        "propertyNames": {"pattern": r"^[^$\ud800-\udfff]"},
        "additionalProperties": {"anyOf": [value, condition]},
        "example": {"author": "Knuth", "year": {"gte": 1968, "lt": 1974}},
    }


def _object(properties: Json, *, required: list[str] | None = None) -> Json:
    """Describe what is sent: nothing but these fields."""
    described = {"type": "object", "properties": properties, "additionalProperties": False}
    return described | ({"required": required} if required else {})


def _answer(properties: Json, *, optional: list[str] | None = None) -> Json:
    """Describe what is answered: later versions may say more."""
    required = [name for name in properties if name not in (optional or [])]
    return {"type": "object", "properties": properties, "required": required}


def _paged(name: str, schema: str) -> Json:
    """Describe a page of a list."""
    return _answer({name: _list(schema), "next_cursor": {"type": ["string", "null"]}})


def _json_body(schema: str) -> Json:
    """Describe a JSON body."""
    return {"required": True, "content": {"application/json": {"schema": _ref(schema)}}}


def _query(name: str, schema: Json) -> Json:
    """Describe a query parameter."""
    return {"name": name, "in": "query", "schema": schema}


def _choice(name: str, words: tuple[str, ...]) -> Json:
    """Describe a query parameter that is one of some words."""
    return _query(name, {"type": "string", "enum": list(words)})


def _paging() -> list[Json]:
    """Describe `cursor` and `limit`."""
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": PAGE}
    return [_query("cursor", {"type": "string"}), _query("limit", limit)]


def _header(name: str, example: str) -> Json:
    """Describe a request header."""
    return {"name": name, "in": "header", "schema": {"type": "string"}, "example": example}


def _idempotency() -> Json:
    """Describe the idempotency key."""
    schema = {"type": "string", "pattern": "^[!-~]{1,255}$"}
    return {"name": "Idempotency-Key", "in": "header", "schema": schema}


def _path(name: str, example: str) -> Json:
    """Describe a part of the path."""
    return {
        "name": name, "in": "path", "required": True, "example": example,
        "schema": {"type": "string", "minLength": 1},
    }  # fmt: skip


def _job_id() -> Json:
    """Describe a job's id."""
    return _path("job_id", "0190b6d2-8c3a-7f00-8000-000000000000")


def _name() -> Json:
    """Describe a collection's name."""
    return _path("name", "default")


def _document_id() -> Json:
    """Describe a document's id; its slashes stay as they are."""
    return _path("document_id", "handbook/leave.md")
