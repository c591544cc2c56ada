"""The schemas of what is answered; later versions may say more."""

from typing import Final

from access.grants import SCOPES
from intake.fields import Json
from intake.lookup.jobs import KINDS, ROW_STATES, STATES
from rag.answers.reasons import REASONS
from web.openapi.pieces import answered, list_of, page_of, ref

_TEXT: Final[Json] = {"type": "string"}
_WHOLE: Final[Json] = {"type": "integer"}
_FLAG: Final[Json] = {"type": "boolean"}
_OBJECT: Final[Json] = {"type": "object"}
_OBJECT_OR_NULL: Final[Json] = {"type": ["object", "null"]}
_NAMES: Final[Json] = {"type": "array", "items": _TEXT}
_NAMES_OR_NULL: Final[Json] = {"type": ["array", "null"], "items": _TEXT}
_TEXT_OR_NULL: Final[Json] = {"type": ["string", "null"]}
_WHOLE_OR_NULL: Final[Json] = {"type": ["integer", "null"]}
_TIMES: Final[Json] = {"type": "object", "additionalProperties": {"type": "number"}}
_LINKS: Final[Json] = {"type": "object", "additionalProperties": _TEXT}


def answers() -> Json:
    """Return the schemas of what is answered by name."""
    return (
        _jobs() | _rows() | _results() | _passages() | _collections() | _documents() | _webhooks()
        | _problems()
    )  # fmt: skip


def _meaning(schema: Json, meaning: str) -> Json:
    """Say what a field means."""
    return schema | {"description": meaning}


def _jobs() -> Json:
    """Jobs of every kind."""
    job = {
        "id": _TEXT,
        "kind": {"enum": [*KINDS, "search", "embedding"]},
        "state": _meaning(
            {"enum": list(STATES)}, "`queued` and `running` change; the others are final."
        ),
        "stage": _meaning(_TEXT_OR_NULL, "Which step it waits for, or is in."),
        "collection": _TEXT_OR_NULL,
        "created_at": _TEXT,
        "started_at": _TEXT_OR_NULL,
        "finished_at": _TEXT_OR_NULL,
        "deadline_at": _meaning(_TEXT, "When it ends as `expired`."),
        "attempts": _meaning(_WHOLE, "How often it was begun."),
        "queue": _meaning(_OBJECT, "While it waits: its `position`, and `eta_s` or null."),
        "progress": _meaning(ref("Progress"), "Of a job that counts."),
        "timings_ms": _meaning(_TIMES, "Where the time went, by stage."),
        "links": _meaning(_LINKS, "Paths of this job: `self`, `events`, `documents`."),
        "request": _meaning(_OBJECT, "What was asked."),
        "result": _meaning(
            {"anyOf": [ref("Answer"), _OBJECT]},
            "Of a question its answer; of others what was done.",
        ),
        "error": _meaning(ref("JobError"), "Why it failed."),
        "retry_of": _meaning(_TEXT, "The job that it repeats."),
        "retried_as": _meaning(_TEXT, "The newest job that repeats it."),
        "open": _meaning(_FLAG, "Whether an ingest takes more documents."),
        "filling": _meaning(_FLAG, "Whether its documents or questions still join it."),
        "filled": _meaning(_OBJECT, "Of a list that joins: `done` of `total` have."),
        "sources": _meaning(list_of("Source"), "Of a question that is being answered."),
        "note": _meaning(_TEXT, "What became of a record that cannot be read."),
        "conversation": _meaning(
            _OBJECT, "In a list, of a follow-up: which `turn` it is, and what that `began_with`."
        ),
    }
    progress = {
        "done": _meaning(_WHOLE, "How many have ended, however they did."),
        "total": _WHOLE,
        "unit": _meaning(_TEXT, "What is counted."),
        "failed": _WHOLE,
        "cancelled": _WHOLE,
        "given_up": _meaning(_WHOLE, "Of those that failed: workers died over them."),
    }
    error = {
        "type": _TEXT, "title": _TEXT, "detail": _meaning(_TEXT, "What happened, and what to do."),
    }  # fmt: skip
    return {
        "Job": answered(job, optional=[
            "queue", "progress", "request", "result", "error", "retry_of", "retried_as", "open",
            "filling", "filled", "sources", "note", "conversation",
        ]),
        "Jobs": page_of("jobs", "Job"),
        "Progress": answered(progress, optional=["failed", "cancelled", "given_up"]),
        "Usage": answered({"keys": list_of("KeyUsage")}),
        "KeyUsage": _key_usage(),
        "JobError": answered(error, optional=["type", "title", "detail"]),
        "Purged": answered(
            {"jobs": _WHOLE, "documents": _WHOLE, "next_cursor": _TEXT_OR_NULL}
        ),
    }  # fmt: skip


def _key_usage() -> Json:
    """What a key may do, may spend and has spent."""
    counts = {"type": "object", "additionalProperties": _WHOLE}
    most = {"type": "object", "additionalProperties": {"type": ["integer", "null"]}}
    return answered(
        {
            "id": _TEXT,
            "name": _TEXT,
            "tenant": _meaning(_TEXT, "Whose collections, jobs and webhooks it sees."),
            "scopes": {"type": "array", "items": {"enum": list(SCOPES)}},
            "collections": _meaning(
                {"type": ["array", "null"], "items": _TEXT}, "The only ones it may use, or null."
            ),
            "limits": _meaning(most, "What it may spend; null where there is no bound."),
            "created_at": _TEXT,
            "expires_at": _TEXT_OR_NULL,
            "used_at": _meaning(_TEXT_OR_NULL, "When it was used last, to the minute."),
            "today": _meaning(counts, "What it spent since midnight, UTC."),
            "all": _meaning(counts, "What it ever spent."),
        }
    )


def _rows() -> Json:
    """The documents or questions of a job."""
    row = {
        "document_id": _TEXT,
        "file": _meaning(_TEXT_OR_NULL, "The name of the file it came as."),
        "stage": _TEXT,
        "state": {"enum": list(ROW_STATES)},
        "outcome": _meaning(_TEXT_OR_NULL, "Such as `created`, `updated`, `unchanged`."),
        "chunks": _WHOLE,
        "attempts": _WHOLE,
        "error": _meaning(ref("JobError"), "Why it failed."),
        "note": _meaning(_TEXT, "What its parser had to say."),
        "duplicate_of": _meaning(_TEXT, "The document with the same bytes."),
        "sparse": _meaning(_TEXT, "`pending` while a replica's word index lacks it."),
    }
    question = {
        "n": _meaning(_WHOLE, "Its number in the list, from 1."),
        "id": _meaning(_TEXT, "What the list calls it, or its number."),
        "question": _TEXT,
        "state": {"enum": list(ROW_STATES)},
        "answer": _TEXT_OR_NULL,
        "answered": _meaning({"type": ["boolean", "null"]}, "Whether the documents tell."),
        "confidence": {"type": ["number", "null"]},
        "why": _meaning({"enum": [*REASONS, None]}, "Why there is no answer, or null."),
        "citations": list_of("Citation"),
        "missing": _NAMES,
        "deleted": _meaning(_NAMES, "Deleted documents, whose words are withheld."),
        "degraded": _NAMES,
        "error": _meaning(ref("JobError"), "Why it failed."),
        "note": _TEXT,
    }
    return {
        "AskedQuestions": page_of("questions", "AskedQuestion"),
        "AskedQuestion": answered(
            question, optional=["missing", "deleted", "degraded", "error", "note"]
        ),
        "Rows": page_of("documents", "Row"),
        "Row": answered(row, optional=["error", "note", "duplicate_of", "sparse"]),
    }


def _results() -> Json:
    """What a question or a search comes to."""
    shared = {
        "degraded": _meaning(_NAMES, "Parts of the search that did not contribute."),
        "documents": _meaning(_WHOLE, "How many the collection had."),
        "waiting": _meaning(_WHOLE, "How many were still on their way."),
        "why": _meaning({"enum": [*REASONS, None]}, "Why nothing was found, or null."),
        "filter_hints": _meaning(_NAMES, "What ails the filter."),
        "deleted": _meaning(_NAMES, "Deleted documents, whose words are withheld."),
        "trace": {"description": "How the ranking came about, where `trace` was asked for."},
    }
    answer = {
        "answer": _meaning(_TEXT, "With markers as `[1]`."),
        "answer_html": _meaning(_TEXT, "A language model's answer as HTML, with `html=true`."),
        "answered": _meaning(_FLAG, "Whether the documents tell."),
        "confidence": _meaning(
            {"type": ["number", "null"]}, "How likely they do, 0 to 1; null of a language model."
        ),
        "citations": list_of("Citation"),
        "attributions": _meaning(
            list_of("Citation"),
            "Where a language model wrote no markers: what each sentence that ends `at` rests on.",
        ),
        "sources": _meaning(list_of("Source"), "In rank order."),
        "missing": _meaning(_NAMES, "What the question names with figures, and no passage holds."),
        "generator": _meaning(_TEXT, "What wrote it."),
        "usage": _meaning(_OBJECT, "What it cost."),
        "finish_reason": _meaning(_TEXT_OR_NULL, "`stop` or `length` of a language model."),
    }
    result = {"results": _meaning(list_of("Source"), "Best first."), "timings_ms": _TIMES}
    optional = ["trace", "documents", "waiting", "why", "filter_hints", "deleted"]
    return {
        "Answer": answered(
            answer | shared,
            optional=[
                "answer_html",
                "attributions",
                "missing",
                "finish_reason",
                "sources",
                *optional,
            ],
        ),
        "SearchResult": answered(result | shared, optional=optional),
    }


def _passages() -> Json:
    """What answers are made from, and where they quote."""
    pages = {
        "page": _meaning(_WHOLE_OR_NULL, "Where it begins, from 1; null without pages."),
        "page_label": _meaning(_TEXT_OR_NULL, "What the document calls that page."),
        "page_kind": _meaning(_TEXT_OR_NULL, "`sheet` or `slide` where it is no page."),
    }
    gone = _meaning(_FLAG, "True if its document was deleted: its words are withheld.")
    source = {
        "chunk_id": _TEXT,
        "document_id": _TEXT,
        "generation": _meaning(_WHOLE, "The version of the document."),
        "n": _meaning(_WHOLE, "Which chunk of the document."),
        "title": _TEXT,
        "text": _meaning(_TEXT, "The parsed text from `start` to `end`."),
        "start": _meaning(_WHOLE, "In Unicode code points."),
        "end": _WHOLE,
        "score": {"type": "number"},
        "metadata": _OBJECT,
        "parts": _meaning({"type": "array"}, "The chunks that were joined, if several."),
        "language": _meaning(_TEXT, "ISO 639-1, as detected."),
        "context": _meaning(_TEXT, "Read with the text, no part of it."),
        "deleted": gone,
    } | pages
    citation = {
        "marker": _meaning(_WHOLE, "The number in the answer."),
        "source": _meaning(_WHOLE, "Which of `sources`, from 0."),
        "start": _meaning(_WHOLE, "In Unicode code points of the document's text."),
        "end": _WHOLE,
        "quote": _meaning(_TEXT, "The document's own words."),
        "shown": _meaning(_TEXT, "The quote as the answer has it."),
        "heading": _meaning(_TEXT, "What it stands under."),
        "document_id": _TEXT,
        "chunk_id": _TEXT,
        "deleted": gone,
    } | pages
    return {
        "Source": answered(
            source,
            optional=["metadata", "parts", "language", "context", "deleted", *pages],
        ),
        "Citation": answered(
            citation,
            optional=["shown", "heading", "document_id", "chunk_id", "deleted", *pages],
        ),
    }  # fmt: skip


def _collections() -> Json:
    """Collections, and what a folder has that one lacks."""
    collection = {
        "name": _TEXT,
        "documents": _WHOLE,
        "created_at": _TEXT,
        "embedder": _meaning(_OBJECT_OR_NULL, "What made its vectors."),
        "hnsw": _meaning(_OBJECT_OR_NULL, "The settings of its vector index."),
        "links": _LINKS,
    }
    difference = {
        "send": _meaning(_NAMES, "What to hand over: new and changed."),
        "new": _NAMES,
        "changed": _NAMES,
        "failed": _meaning(_NAMES, "Nothing could be made of these very bytes before."),
        "gone": _meaning(_NAMES_OR_NULL, "Documents that are not listed; null where not asked."),
        "unchanged": _WHOLE,
    }
    return {
        "Collection": answered(collection),
        "Collections": answered({"collections": list_of("Collection")}),
        "Difference": answered(difference),
        "Hashes": page_of("documents", "Hash"),
        "Hash": answered(
            {"id": _TEXT, "sha256": _meaning(_TEXT, "Of its bytes; empty while it changes.")}
        ),
    }


def _documents() -> Json:
    """Documents with their texts and chunks."""
    document = {
        "document_id": _TEXT,
        "generation": _meaning(_WHOLE, "Which version of it is current."),
        "title": _TEXT,
        "file": _meaning(_TEXT_OR_NULL, "The name of the file it came as."),
        "kind": _meaning(_TEXT, "What it was read as."),
        "chars": _meaning(_WHOLE, "Unicode code points of its text."),
        "chunks": _WHOLE,
        "bytes": _WHOLE,
        "sha256": _meaning(_TEXT, "Of its bytes."),
        "language": _meaning(_TEXT, "ISO 639-1, as detected; empty where nothing was likely."),
        "metadata": _OBJECT,
        "updated_at": _TEXT,
        "links": _LINKS,
        "encoding": _meaning(_TEXT, "What a text file was taken for; not in lists."),
        "notes": _meaning(_NAMES, "What its parser had to say; not in lists."),
    }
    text = {
        "document_id": _TEXT, "generation": _WHOLE, "start": _WHOLE, "end": _WHOLE,
        "chars": _meaning(_WHOLE, "Of the whole text."), "text": _TEXT,
    }  # fmt: skip
    chunks = {
        "document_id": _TEXT, "generation": _WHOLE, "total": _WHOLE, "chunks": list_of("Chunk"),
        "next_cursor": _TEXT_OR_NULL,
    }  # fmt: skip
    chunk = {
        "chunk_id": _TEXT, "n": _WHOLE, "start": _WHOLE, "end": _WHOLE, "text": _TEXT,
        "page": _WHOLE_OR_NULL,
        "page_label": _meaning(
            _TEXT_OR_NULL, "What the document calls the page, where not by its number."
        ),
        "page_kind": _meaning(
            {"enum": ["sheet", "slide", None]}, "What the page is, where it is no page."
        ),
        "context": _meaning(_TEXT, "Read with the text, no part of it: the header of its table."),
    }  # fmt: skip
    later = ["language", "notes", "encoding", "file", "kind", "updated_at"]
    return {
        "Documents": answered(
            {
                "documents": list_of("Document"),
                "next_cursor": _TEXT_OR_NULL,
                "searched": _meaning(_WHOLE, "With `contains`: names looked at so far."),
                "total": _meaning(_WHOLE, "With `contains`: names there are."),
            },
            optional=["searched", "total"],
        ),
        "Document": answered(document, optional=later),
        "Text": answered(text),
        "Chunks": answered(chunks),
        "Chunk": answered(chunk),
    }


def _webhooks() -> Json:
    """Who hears of jobs that end, and what was sent to whom."""
    webhook = {
        "id": _TEXT, "url": _TEXT, "form": {"enum": ["quern", "openai"]},
        "state": {"enum": ["active", "disabled"]},
        "created_at": _TEXT, "links": _LINKS,
        "secret": _meaning(_TEXT, "Verifies signatures; shown when it is added, once."),
    }  # fmt: skip
    delivery = {
        "message_id": _TEXT, "type": _TEXT, "job_id": _TEXT_OR_NULL, "url": _TEXT_OR_NULL,
        "state": {"enum": ["due", "delivered", "given_up"]}, "tries": _WHOLE,
        "tried_at": _TEXT_OR_NULL,
        "status": _meaning(_WHOLE_OR_NULL, "What the receiver answered."),
        "error": _meaning(_TEXT_OR_NULL, "Why there was no answer."), "took_ms": _WHOLE,
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
        "type": _meaning(_TEXT, "The kind of problem; it stays the same."), "title": _TEXT,
        "status": _WHOLE, "detail": _meaning(_TEXT, "What is wrong, and what to do."),
        "instance": _meaning(_TEXT, "The path that was called."),
        "errors": _meaning(errors, "The fields that are wrong."),
        "job_id": _meaning(_TEXT, "The job that stands in the way, or that failed."),
        "limit": _meaning(_WHOLE, "The bound that is reached."),
        "depth": _meaning(_WHOLE, "How much there is."),
    }  # fmt: skip
    return {"Problem": answered(problem, optional=["errors", "job_id", "limit", "depth"])}
