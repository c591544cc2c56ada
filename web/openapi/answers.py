"""The schemas of what is answered; later versions may say more."""

from typing import Final

from intake.fields import Json
from intake.lookup.jobs import KINDS, ROW_STATES, STATES
from rag.answers.reasons import REASONS
from web.openapi.pieces import answered, list_of, page_of

_TEXT: Final[Json] = {"type": "string"}
_WHOLE: Final[Json] = {"type": "integer"}
_FLAG: Final[Json] = {"type": "boolean"}
_OBJECT: Final[Json] = {"type": "object"}
_LIST: Final[Json] = {"type": "array"}
_NAMES: Final[Json] = {"type": "array", "items": _TEXT}
_NAMES_OR_NULL: Final[Json] = {"type": ["array", "null"], "items": _TEXT}
_TEXT_OR_NULL: Final[Json] = {"type": ["string", "null"]}


def answers() -> Json:
    """Return the schemas of what is answered by name."""
    return _jobs() | _collections() | _documents() | _searches() | _webhooks() | _problems()


def _jobs() -> Json:
    """Jobs, and the rows of those that have many documents or questions."""
    job = {
        "id": _TEXT, "kind": {"enum": [*KINDS, "search"]}, "state": {"enum": list(STATES)},
        "stage": _TEXT_OR_NULL, "collection": _TEXT_OR_NULL, "created_at": _TEXT,
        "started_at": _TEXT_OR_NULL, "finished_at": _TEXT_OR_NULL, "deadline_at": _TEXT,
        "attempts": _WHOLE, "queue": _OBJECT, "progress": _OBJECT, "timings_ms": _OBJECT,
        "links": _OBJECT, "request": _OBJECT, "result": _OBJECT, "error": _OBJECT,
        "retry_of": _TEXT, "open": _FLAG, "filling": _FLAG, "filled": _OBJECT,
        "sources": _LIST, "note": _TEXT,
    }  # fmt: skip
    row = {
        "document_id": _TEXT, "file": _TEXT_OR_NULL, "stage": _TEXT,
        "state": {"enum": list(ROW_STATES)}, "outcome": _TEXT_OR_NULL, "chunks": _WHOLE,
        "attempts": _WHOLE, "error": _OBJECT, "note": _TEXT,
    }  # fmt: skip
    question = {
        "n": _WHOLE | {"description": "Its number in the list, from 1."}, "id": _TEXT,
        "question": _TEXT, "state": {"enum": list(ROW_STATES)}, "answer": _TEXT_OR_NULL,
        "answered": {"type": ["boolean", "null"]}, "confidence": {"type": ["number", "null"]},
        "why": {"enum": [*REASONS, None]}, "citations": _LIST, "missing": _NAMES,
        "deleted": _NAMES, "degraded": _LIST, "error": _OBJECT, "note": _TEXT,
    }  # fmt: skip
    return {
        "Job": answered(job, optional=[
            "queue", "progress", "request", "result", "error", "retry_of", "open", "filling",
            "filled", "sources", "note",
        ]),
        "Jobs": page_of("jobs", "Job"),
        "Purged": answered(
            {"jobs": _WHOLE, "documents": _WHOLE, "next_cursor": _TEXT_OR_NULL}
        ),
        "AskedQuestions": page_of("questions", "AskedQuestion"),
        "AskedQuestion": answered(
            question, optional=["missing", "deleted", "degraded", "error", "note"]
        ),
        "Rows": page_of("documents", "Row"),
        "Row": answered(row, optional=["error", "note"]),
    }  # fmt: skip


def _collections() -> Json:
    """Collections, and what a folder has that one lacks."""
    collection = {
        "name": _TEXT, "documents": _WHOLE, "created_at": _TEXT,
        "embedder": {"type": ["object", "null"]}, "hnsw": {"type": ["object", "null"]},
        "links": _OBJECT,
    }  # fmt: skip
    difference = {
        "send": _NAMES, "new": _NAMES, "changed": _NAMES, "failed": _NAMES, "gone": _NAMES_OR_NULL,
        "unchanged": _WHOLE,
    }  # fmt: skip
    return {
        "Collection": answered(collection),
        "Collections": answered({"collections": list_of("Collection")}),
        "Difference": answered(difference),
        "Hashes": page_of("documents", "Hash"),
        "Hash": answered({"id": _TEXT, "sha256": _TEXT}),
    }


def _documents() -> Json:
    """Documents with their texts and chunks."""
    document = {
        "document_id": _TEXT, "generation": _WHOLE, "title": _TEXT, "chars": _WHOLE,
        "chunks": _WHOLE, "bytes": _WHOLE, "sha256": _TEXT, "language": _TEXT,
        "metadata": _OBJECT, "links": _OBJECT, "encoding": _TEXT, "notes": _NAMES,
    }  # fmt: skip
    text = {
        "document_id": _TEXT, "generation": _WHOLE, "start": _WHOLE, "end": _WHOLE,
        "chars": _WHOLE, "text": _TEXT,
    }  # fmt: skip
    chunks = {
        "document_id": _TEXT, "generation": _WHOLE, "total": _WHOLE, "chunks": list_of("Chunk"),
        "next_cursor": _TEXT_OR_NULL,
    }  # fmt: skip
    chunk = {
        "chunk_id": _TEXT, "n": _WHOLE, "start": _WHOLE, "end": _WHOLE, "text": _TEXT,
        "page": {"type": ["integer", "null"]},
        "page_label": _TEXT_OR_NULL
        | {"description": "What the document calls the page, where not by its number."},
        "page_kind": {
            "enum": ["sheet", "slide", None],
            "description": "What the page is, where it is no page.",
        },
        "context": _TEXT
        | {"description": "Read with the text, no part of it: the header of its table."},
    }  # fmt: skip
    return {
        "Documents": answered(
            {
                "documents": list_of("Document"),
                "next_cursor": _TEXT_OR_NULL,
                "searched": _WHOLE | {"description": "With `contains`: names looked at so far."},
                "total": _WHOLE,
            },
            optional=["searched", "total"],
        ),
        "Document": answered(document, optional=["language", "notes", "encoding"]),
        "Text": answered(text),
        "Chunks": answered(chunks),
        "Chunk": answered(chunk),
    }


def _searches() -> Json:
    """What a search found."""
    result = {
        "results": _LIST, "degraded": _LIST, "timings_ms": _OBJECT, "trace": {},
        "documents": _WHOLE, "waiting": _WHOLE, "why": {"enum": [*REASONS, None]},
        "filter_hints": _NAMES,
    }  # fmt: skip
    optional = ["trace", "documents", "waiting", "why", "filter_hints"]
    return {"SearchResult": answered(result, optional=optional)}


def _webhooks() -> Json:
    """Who hears of jobs that end, and what was sent to whom."""
    webhook = {
        "id": _TEXT, "url": _TEXT, "state": {"enum": ["active", "disabled"]},
        "created_at": _TEXT, "links": _OBJECT,
        "secret": _TEXT | {"description": "Verifies signatures; shown when it is added, once."},
    }  # fmt: skip
    delivery = {
        "message_id": _TEXT, "type": _TEXT, "job_id": _TEXT_OR_NULL, "url": _TEXT_OR_NULL,
        "state": {"enum": ["due", "delivered", "given_up"]}, "tries": _WHOLE,
        "tried_at": _TEXT_OR_NULL, "status": {"type": ["integer", "null"]},
        "error": _TEXT_OR_NULL, "took_ms": _WHOLE,
    }  # fmt: skip
    return {
        "Webhook": answered(webhook, optional=["secret"]),
        "Webhooks": answered({"webhooks": list_of("Webhook")}),
        "Delivery": answered(delivery),
        "Deliveries": answered({"deliveries": list_of("Delivery")}),
        "Message": answered({"message_id": _TEXT}),
    }


def _problems() -> Json:
    """Why a request was refused (RFC 9457)."""
    errors = {"type": "array", "items": answered({"field": _TEXT, "message": _TEXT})}
    problem = {
        "type": _TEXT, "title": _TEXT, "status": _WHOLE, "detail": _TEXT, "instance": _TEXT,
        "errors": errors, "job_id": _TEXT, "limit": _WHOLE, "depth": _WHOLE,
    }  # fmt: skip
    return {"Problem": answered(problem, optional=["errors", "job_id", "limit", "depth"])}
