"""The schemas of the API's description: what is sent and answered."""

from intake import requests as asked
from intake.lookup.jobs import KINDS, ROW_STATES, STATES
from rag.answers.reasons import REASONS
from rag.metadata import filters
from rag.metadata.scalars import MAX_TEXT
from runtime.settings import Settings
from web.openapi.pieces import (
    Json,
    answered,
    list_of,
    page_of,
    ref,
    sent,
)


def schemas(settings: Settings) -> Json:
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
                sent({"role": role, "text": said}, required=["role", "text"]),
                sent({"role": role, "content": said}, required=["role", "content"]),
            ]
        },
    }  # fmt: skip
    top_k = {"type": "integer", "maximum": settings.max_top_k, "default": settings.top_k}
    wanted = {
        "anyOf": [ref("Filter"), {"type": "null"}],
        "description": "Only documents that match are searched.",
    }
    documents = {
        "type": "array", "maxItems": settings.max_files,
        "items": sent(
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
        "Query": sent(
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
        "Search": sent(
            {
                "query": question, "collection": name, "top_k": top_k | {"minimum": 1},
                "filters": wanted,
                "mode": {"type": "string", "enum": list(asked.MODES), "default": "hybrid"},
                "trace": flag,
            },
            required=["query"],
        ),
        "Filter": _filter(),
        "Reindex": sent(
            {"collection": {k: v for k, v in name.items() if k != "default"}},
            required=["collection"],
        ),
        "Check": sent({"collection": {"type": ["string", "null"]}, "repair": flag}),
        "Ingest": sent(settled | {"documents": documents, "metadata": metadata}),
        "IngestForm": sent(
            settled | {"files": files, "metadata": in_text, "file_metadata": in_text}
        ),
        "MoreDocuments": sent({"documents": documents}, required=["documents"]),
        "MoreDocumentsForm": sent(
            {"files": files, "file_metadata": in_text}, required=["files"]
        ),
        "NewCollection": sent({"name": name}, required=["name"]),
        "Listing": {
            "type": "array",
            "items": sent(
                {"id": document_id, "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"}},
                required=["id", "sha256"],
            ),
        },
        "Job": answered(job, optional=[
            "queue", "progress", "request", "result", "error", "retry_of", "open", "sources",
        ]),
        "Jobs": page_of("jobs", "Job"),
        "Rows": page_of("documents", "Row"),
        "Row": answered(row, optional=["error", "note"]),
        "Collection": answered(collection),
        "Collections": answered({"collections": list_of("Collection")}),
        "Documents": page_of("documents", "Document"),
        "Document": answered(
            {
                "document_id": text, "generation": whole, "title": text, "chars": whole,
                "chunks": whole, "bytes": whole, "sha256": text, "language": text,
                "metadata": anything, "links": anything, "encoding": text,
                "notes": {"type": "array", "items": text},
            },
            optional=["language", "notes", "encoding"],
        ),
        "Text": answered(
            {
                "document_id": text, "generation": whole, "start": whole, "end": whole,
                "chars": whole, "text": text,
            }
        ),
        "Chunks": answered(
            {
                "document_id": text, "generation": whole, "total": whole,
                "chunks": list_of("Chunk"), "next_cursor": {"type": ["string", "null"]},
            }
        ),
        "Chunk": answered(
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
        "Difference": answered(
            {
                "send": names, "new": names, "changed": names, "failed": names, "gone": names,
                "unchanged": whole,
            }
        ),
        "SearchResult": answered(
            {
                "results": {"type": "array"}, "degraded": {"type": "array"},
                "timings_ms": anything, "trace": {}, "documents": whole, "waiting": whole,
                "why": {"enum": [*REASONS, None]}, "filter_hints": names,
            },
            optional=["trace", "documents", "waiting", "why", "filter_hints"],
        ),
        "Problem": answered(
            {
                "type": text, "title": text, "status": whole, "detail": text, "instance": text,
                "errors": {
                    "type": "array", "items": answered({"field": text, "message": text}),
                },
                "job_id": text, "limit": whole, "depth": whole,
            },
            optional=["errors", "job_id", "limit", "depth"],
        ),
    }  # fmt: skip


def _filter() -> Json:
    """Describe a filter: fields with what is asked of them, and how they combine."""
    text: Json = {"type": "string", "maxLength": MAX_TEXT}
    number: Json = {"type": "number", "minimum": -(2**53), "maximum": 2**53}
    value: Json = {"anyOf": [text, number, {"type": "boolean"}]}
    ordered: Json = {"anyOf": [text, number]}
    several: Json = {"type": "array", "maxItems": filters.MAX_VALUES, "items": value}
    condition = sent(
        {
            "eq": value, "ne": value, "in": several, "not_in": several, "gt": ordered,
            "gte": ordered, "lt": ordered, "lte": ordered, "exists": {"type": "boolean"},
        }
    )  # fmt: skip
    parts: Json = {"type": "array", "minItems": 1, "items": ref("Filter")}
    return {
        "type": "object",
        "description": (
            "Fields that must all hold: `document_id`, `title`, `language`, names of metadata "
            "(`metadata.NAME` for one that is called like a word of this language). At most "
            f"{filters.MAX_DEPTH} deep and {filters.MAX_CONDITIONS} conditions."
        ),
        "properties": {"and": parts, "or": parts, "not": ref("Filter")},
        "propertyNames": {"pattern": r"^[^$\ud800-\udfff]"},
        "additionalProperties": {"anyOf": [value, condition]},
        "example": {"author": "Knuth", "year": {"gte": 1968, "lt": 1974}},
    }
