"""The paths of questions, searches, ingests and jobs."""

from intake.fields import Json
from intake.lookup.jobs import KINDS, ROW_STATES, STATES
from web.http.request_parts import WAIT
from web.openapi.pieces import (
    BODY,
    READS,
    WRITES,
    choice,
    header,
    idempotency_key,
    job_id,
    json_body,
    operation,
    paging,
    query,
    ref,
)


def job_paths() -> Json:
    """Describe what becomes a job, and jobs."""
    return _queries() | _ingests() | _rows() | _jobs() | _follow_ups()


def _queries() -> Json:
    """Questions and searches."""
    return {
        "/api/queries": {
            "post": operation(
                "Ask a question", "Questions", name="ask",
                parameters=[header("Prefer", "respond-async, wait=10"), idempotency_key()],
                body=json_body("Query"),
                answers={200: ("The job, ended while you waited", "Job"), 202: ("The job", "Job")},
                problems=(*WRITES, *BODY, 404),
                location=True,
            )
        },
        "/api/search": {
            "post": operation(
                "Search, and wait for the passages", "Questions", name="search",
                body=json_body("Search"),
                answers={200: ("The passages, best first", "SearchResult")},
                problems=(*WRITES, *BODY, 404, 504),
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
    return {
        "/api/ingests": {
            "post": operation(
                "Hand over documents", "Documents", name="ingest",
                parameters=[header("Prefer", "respond-async, wait=10"), idempotency_key()],
                body=bodies,
                answers={200: ("The job, ended while you waited", "Job"), 202: ("The job", "Job")},
                problems=(*WRITES, *BODY, 409),
                location=True,
            )
        },
    }  # fmt: skip


def _rows() -> Json:
    """The documents of an ingest."""
    more = {
        "content": {
            "application/json": {"schema": ref("MoreDocuments")},
            "multipart/form-data": {"schema": ref("MoreDocumentsForm")},
        },
        "required": True,
    }
    return {
        "/api/jobs/{job_id}/documents": {
            "get": operation(
                "List the documents of an ingest", "Documents", name="listRows",
                parameters=[job_id(), choice("state", ROW_STATES), *paging()],
                answers={200: ("Rows, in the order in which they came", "Rows")},
                problems=(*READS, 404, 410),
            ),
            "post": operation(
                "Add documents to an open ingest", "Documents", name="addDocuments",
                parameters=[job_id()],
                body=more,
                answers={202: ("The job", "Job")},
                problems=(*WRITES, *BODY, 404, 409, 410),
            ),
        },
        "/api/jobs/{job_id}/close": {
            "post": operation(
                "Say that no more documents come", "Documents", name="closeIngest",
                parameters=[job_id(), idempotency_key()],
                answers={200: ("The job", "Job")},
                problems=(*WRITES, 404, 410),
            )
        },
    }  # fmt: skip


def _jobs() -> Json:
    """Jobs of every kind."""
    wait = query("wait", WAIT.schema)
    html = choice("html", ("true", "false"))
    return {
        "/api/jobs": {
            "get": operation(
                "List jobs, newest first", "Jobs", name="listJobs",
                parameters=[
                    choice("state", STATES), choice("kind", KINDS),
                    query("collection", {"type": "string"}), choice("given_up", ("true", "false")),
                    *paging(),
                ],
                answers={200: ("A page; it may be short and still have a cursor", "Jobs")},
                problems=READS,
            )
        },
        "/api/jobs/{job_id}": {
            "get": operation(
                "Look at a job, or wait for its end", "Jobs", name="getJob",
                parameters=[job_id(), wait, html, header("Prefer", "wait=10")],
                answers={200: ("The job", "Job")},
                problems=(*READS, 404, 410),
            ),
            "delete": operation(
                "Cancel a job", "Jobs", name="cancelJob",
                parameters=[job_id()],
                answers={200: ("It had already ended", "Job"), 202: ("It will stop", "Job")},
                problems=(*WRITES, 404, 410),
            ),
        },
    }  # fmt: skip


def _follow_ups() -> Json:
    """What may be done with a job, and how it is followed."""
    return {
        "/api/jobs/{job_id}/retry": {
            "post": operation(
                "Make a new job of one that failed", "Jobs", name="retryJob",
                parameters=[job_id(), idempotency_key()],
                answers={202: ("The new job", "Job")},
                problems=(*WRITES, 404, 409, 410),
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
                problems=(*READS, 404, 410, 429),
            )
        },
    }  # fmt: skip
