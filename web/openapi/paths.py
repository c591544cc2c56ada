"""The API's description (OpenAPI 3.1): what a client may rely on, held to the routes by a test."""

from typing import Final

from intake.fields import Json
from intake.lookup.jobs import KINDS, ROW_STATES, STATES
from runtime.settings import Settings
from web.http.request_parts import OFFSET, WAIT
from web.openapi.answers import answers
from web.openapi.bodies import bodies
from web.openapi.pieces import (
    HOST,
    choice,
    collection_name,
    document_id,
    header,
    idempotency_key,
    job_id,
    json_body,
    operation,
    paging,
    query,
    ref,
    refusals,
)

_READS: Final = (422, 500, 503)
_WRITES: Final = (403, 422, 429, 500, 503)
_BODY: Final = (413, 415)


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
        "components": {"schemas": bodies(settings) | answers()},
    }


def _queries() -> Json:
    """Questions and searches."""
    return {
        "/api/queries": {
            "post": operation(
                "Ask a question", "Questions", name="ask",
                parameters=[header("Prefer", "respond-async, wait=10"), idempotency_key()],
                body=json_body("Query"),
                answers={200: ("The job, ended while you waited", "Job"), 202: ("The job", "Job")},
                problems=(*_WRITES, *_BODY, 404),
                location=True,
            )
        },
        "/api/search": {
            "post": operation(
                "Search, and wait for the passages", "Questions", name="search",
                body=json_body("Search"),
                answers={200: ("The passages, best first", "SearchResult")},
                problems=(*_WRITES, *_BODY, 404, 504),
            )
        },
    }  # fmt: skip


def _ingests() -> Json:
    """Documents on their way in."""
    bodies = {
        "content": {
            "application/json": {"schema": ref("Ingest")},
            "multipart/form-data": {"schema": ref("IngestForm")},
        },
        "required": True,
    }
    more = {
        "content": {
            "application/json": {"schema": ref("MoreDocuments")},
            "multipart/form-data": {"schema": ref("MoreDocumentsForm")},
        },
        "required": True,
    }
    return {
        "/api/ingests": {
            "post": operation(
                "Hand over documents", "Documents", name="ingest",
                parameters=[header("Prefer", "respond-async, wait=10"), idempotency_key()],
                body=bodies,
                answers={200: ("The job, ended while you waited", "Job"), 202: ("The job", "Job")},
                problems=(*_WRITES, *_BODY, 409),
                location=True,
            )
        },
        "/api/jobs/{job_id}/documents": {
            "get": operation(
                "List the documents of an ingest", "Documents", name="listRows",
                parameters=[job_id(), choice("state", ROW_STATES), *paging()],
                answers={200: ("Rows, in the order in which they came", "Rows")},
                problems=(*_READS, 404, 410),
            ),
            "post": operation(
                "Add documents to an open ingest", "Documents", name="addDocuments",
                parameters=[job_id()],
                body=more,
                answers={202: ("The job", "Job")},
                problems=(*_WRITES, *_BODY, 404, 409, 410),
            ),
        },
        "/api/jobs/{job_id}/close": {
            "post": operation(
                "Say that no more documents come", "Documents", name="closeIngest",
                parameters=[job_id()],
                answers={200: ("The job", "Job")},
                problems=(*_WRITES, 404, 410),
            )
        },
    }  # fmt: skip


def _jobs() -> Json:
    """Jobs of every kind."""
    wait = query("wait", WAIT.schema)
    return {
        "/api/jobs": {
            "get": operation(
                "List jobs, newest first", "Jobs", name="listJobs",
                parameters=[
                    choice("state", STATES), choice("kind", KINDS),
                    query("collection", {"type": "string"}), *paging(),
                ],
                answers={200: ("A page; it may be short and still have a cursor", "Jobs")},
                problems=_READS,
            )
        },
        "/api/jobs/{job_id}": {
            "get": operation(
                "Look at a job, or wait for its end", "Jobs", name="getJob",
                parameters=[job_id(), wait, header("Prefer", "wait=10")],
                answers={200: ("The job", "Job")},
                problems=(*_READS, 404, 410),
            ),
            "delete": operation(
                "Cancel a job", "Jobs", name="cancelJob",
                parameters=[job_id()],
                answers={200: ("It had already ended", "Job"), 202: ("It will stop", "Job")},
                problems=(*_WRITES, 404, 410),
            ),
        },
        "/api/jobs/{job_id}/retry": {
            "post": operation(
                "Make a new job of one that failed", "Jobs", name="retryJob",
                parameters=[job_id()],
                answers={202: ("The new job", "Job")},
                problems=(*_WRITES, 404, 409, 410),
                location=True,
            )
        },
        "/api/jobs/{job_id}/events": {
            "get": operation(
                "Stream a job's events", "Jobs", name="streamEvents",
                parameters=[job_id(), header("Last-Event-ID", "1700000000000-0")],
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
            "get": operation(
                "List collections", "Collections", name="listCollections",
                answers={200: ("All collections by name", "Collections")},
                problems=_READS,
            ),
            "post": operation(
                "Make a collection", "Collections", name="createCollection",
                body=json_body("NewCollection"),
                answers={200: ("It exists", "Collection"), 201: ("Made", "Collection")},
                problems=(*_WRITES, *_BODY),
                location=True,
            ),
        },
        "/api/collections/{name}": {
            "get": operation(
                "Look at a collection", "Collections", name="getCollection",
                parameters=[collection_name()],
                answers={200: ("The collection", "Collection")},
                problems=(*_READS, 404),
            ),
            "delete": operation(
                "Delete a collection; its name is free at once", "Collections",
                name="deleteCollection",
                parameters=[collection_name()],
                answers={202: ("The job that removes the rest", "Job")},
                problems=(*_WRITES, 404),
                location=True,
            ),
        },
        "/api/collections/{name}/diff": {
            "post": operation(
                "Compare a folder with a collection", "Collections", name="diff",
                parameters=[collection_name()],
                body=json_body("Listing"),
                answers={200: ("What to send, and what is listed no more", "Difference")},
                problems=(*_WRITES, *_BODY),
            )
        },
    }  # fmt: skip


def _documents() -> Json:
    """Documents that are there."""
    which = [collection_name(), document_id()]
    number = OFFSET.schema
    base = "/api/collections/{name}/documents"
    return {
        base: {
            "get": operation(
                "List documents in the order of their ids", "Collections", name="listDocuments",
                parameters=[collection_name(), query("prefix", {"type": "string"}), *paging()],
                answers={200: ("A page", "Documents")},
                problems=(*_READS, 404),
            )
        },
        f"{base}/{{document_id}}": {
            "get": operation(
                "Look at a document", "Collections", name="getDocument",
                parameters=which,
                answers={200: ("The document", "Document")},
                problems=(*_READS, 404),
            ),
            "delete": operation(
                "Delete a document", "Collections", name="deleteDocument",
                parameters=which,
                answers={202: ("The job; once it has ended no search finds the text", "Job")},
                problems=(*_WRITES, 404, 409),
                location=True,
            ),
        },
        f"{base}/{{document_id}}/text": {
            "get": operation(
                "Read the parsed text, or a span of it", "Collections", name="getText",
                parameters=[
                    *which, query("generation", number), query("start", number),
                    query("end", number),
                ],
                answers={200: ("The text; offsets count Unicode code points", "Text")},
                problems=(*_READS, 404, 410),
            )
        },
        f"{base}/{{document_id}}/chunks": {
            "get": operation(
                "List the chunks", "Collections", name="listChunks",
                parameters=[*which, query("generation", number), *paging()],
                answers={200: ("A page", "Chunks")},
                problems=(*_READS, 404, 410),
            )
        },
        f"{base}/{{document_id}}/file": {
            "get": operation(
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
            "post": operation(
                "Compare catalogue, Chroma and sparse indexes, and repair", "Operations",
                name="check",
                parameters=[header("Prefer", "respond-async, wait=10")],
                body=json_body("Check"),
                answers={200: ("The job, ended while you waited", "Job"), 202: ("The job", "Job")},
                problems=(*_WRITES, *_BODY, 404),
                location=True,
            )
        },
        "/api/admin/reindex": {
            "post": operation(
                "Make a collection's vectors anew, under today's settings and embedder",
                "Operations", name="reindex",
                body=json_body("Reindex"),
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
        answers: Json = {"200": answer} | refusals(*HOST)
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
