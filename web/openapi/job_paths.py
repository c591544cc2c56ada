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
    prefer,
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
                details=(
                    "Answers at once with a job. Stream its events, wait for it, or come back: the "
                    "finished job has the answer, with its sources and citations."
                ),
                parameters=[prefer(usual="wait=10"), idempotency_key()],
                body=json_body("Query"),
                answers={200: ("The job, ended while you waited", "Job"), 202: ("The job", "Job")},
                problems=(*WRITES, *BODY, 404),
                location=True,
            )
        },
        "/api/search": {
            "post": operation(
                "Search, and wait for the passages", "Questions", name="search",
                details="Finds passages without an answer; waits up to 10 seconds.",
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
                details=(
                    "Send files as a form, or texts as JSON. By the time of the answer the bytes "
                    "are on disk. A file's name as sent is its document's id; the same id again "
                    "replaces the document."
                ),
                parameters=[prefer(), idempotency_key()],
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
                parameters=[
                    job_id(), choice("state", ROW_STATES, "Only rows in this state."), *paging(),
                ],
                answers={200: ("Rows, in the order in which they came", "Rows")},
                problems=(*READS, 404, 410),
            ),
            "post": operation(
                "Add documents to an open ingest", "Documents", name="addDocuments",
                details="As often as you like; the same file counts once.",
                meanings={409: "The ingest takes no more documents."},
                parameters=[job_id()],
                body=more,
                answers={202: ("The job", "Job")},
                problems=(*WRITES, *BODY, 404, 409, 410),
            ),
        },
        "/api/jobs/{job_id}/close": {
            "post": operation(
                "Say that no more documents come", "Documents", name="closeIngest",
                details="The job ends once its documents have; harmless when repeated.",
                parameters=[job_id(), idempotency_key()],
                answers={200: ("The job", "Job")},
                problems=(*WRITES, 404, 410),
            )
        },
    }  # fmt: skip


def _jobs() -> Json:
    """Jobs of every kind."""
    wait = query("wait", WAIT.schema, "Wait so many seconds for the job's end.", example=20)
    html = choice("html", ("true", "false"), "Whether an answer is told as HTML, too.")
    return {
        "/api/jobs": {
            "get": operation(
                "List jobs, newest first", "Jobs", name="listJobs",
                parameters=[
                    choice("state", STATES, "Only jobs in this state."),
                    choice("kind", KINDS, "Only jobs of this kind."),
                    query("collection", {"type": "string"}, "Only jobs of this collection."),
                    choice("given_up", ("true", "false"), "Only those that workers died over."),
                    *paging(),
                ],
                answers={200: ("A page; it may be short and still have a cursor", "Jobs")},
                problems=READS,
            )
        },
        "/api/jobs/{job_id}": {
            "get": operation(
                "Look at a job, or wait for its end", "Jobs", name="getJob",
                parameters=[job_id(), wait, html, prefer()],
                answers={200: ("The job", "Job")},
                problems=(*READS, 404, 410),
            ),
            "delete": operation(
                "Cancel a job", "Jobs", name="cancelJob",
                details="No document that waits is begun from then on.",
                confirm="The job will be cancelled.",
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
                details=(
                    "Of an ingest, the documents that failed. Asked for again before it has ended, "
                    "it is the same job."
                ),
                meanings={409: "The job did not fail, or is of a kind that cannot be retried."},
                parameters=[job_id(), idempotency_key()],
                answers={202: ("The new job", "Job")},
                problems=(*WRITES, 404, 409, 410),
                location=True,
            )
        },
        "/api/jobs/{job_id}/events": {
            "get": operation(
                "Stream a job's events", "Jobs", name="streamEvents",
                details=(
                    "Server-sent events, as they happen; `done` is the last. A reader that comes "
                    "again with `Last-Event-ID` misses nothing."
                ),
                parameters=[
                    job_id(),
                    header("Last-Event-ID", "1767225600000-0", "The `id` of the last event seen."),
                ],
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
