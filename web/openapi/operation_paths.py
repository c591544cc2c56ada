"""The paths of those who run Quern."""

from intake.fields import Json
from web.openapi.pieces import (
    BODY,
    HOST,
    READS,
    WRITES,
    idempotency_key,
    json_body,
    operation,
    prefer,
)
from web.openapi.refusals import refusals


def operation_paths() -> Json:
    """Describe what operators ask for and look at."""
    return _admin() | _usage() | _operations()


def _usage() -> Json:
    """What keys spend."""
    return {
        "/api/usage": {
            "get": operation(
                "What keys spent", "Operations", name="usage",
                details=(
                    "Your own key; to a key of the operator's all of them. Days are UTC's. Where "
                    "no keys are asked for there may be none."
                ),
                answers={200: ("The keys", "Usage")},
                problems=READS,
            )
        }
    }  # fmt: skip


def _admin() -> Json:
    """Jobs for those who run Quern."""
    return {
        "/api/admin/check": {
            "post": operation(
                "Check and repair", "Operations", name="check",
                details=(
                    "Compares catalogue, Chroma and sparse indexes. The result lists what differed "
                    "and, with `repair`, what was put right. Questions are answered meanwhile."
                ),
                parameters=[prefer(), idempotency_key()],
                body=json_body("Check"),
                answers={200: ("The job, ended while you waited", "Job"), 202: ("The job", "Job")},
                problems=(*WRITES, *BODY, 404),
                location=True,
            )
        },
        "/api/admin/purge": {
            "post": operation(
                "Forget jobs that ended long ago", "Operations", name="purge",
                details=(
                    "A call goes on for two seconds; the next one takes its `next_cursor`, until "
                    "that is null. Open jobs and documents stay. With `dry_run` it only counts."
                ),
                confirm="Without `dry_run` the jobs' requests, results and events are deleted.",
                body=json_body("Purge"),
                answers={200: ("What was forgotten, or with `dry_run` would be", "Purged")},
                problems=(*WRITES, *BODY),
            )
        },
        "/api/admin/reindex": {
            "post": operation(
                "Make a collection's vectors anew", "Operations", name="reindex",
                details=(
                    "With the worker's embedding model and settings of today. Searches and ingests "
                    "go on, and change over in one step."
                ),
                confirm="All vectors of the collection are computed again, which may take long.",
                meanings={409: "Another job does it; `job_id` names it."},
                parameters=[idempotency_key()],
                body=json_body("Reindex"),
                answers={202: ("The job", "Job")},
                problems=(*WRITES, *BODY, 404, 409),
                location=True,
            )
        }
    }  # fmt: skip


def _operations() -> Json:
    """What operators look at."""

    def look(
        summary: str, name: str, media: str, *, may_fail: bool = False, strangers: bool = True
    ) -> Json:
        answer = {"description": summary, "content": {media: {"schema": {}}}}
        answers: Json = {"200": answer} | refusals(*HOST, *(() if strangers else (403,)))
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
        "/health/history": look(
            "How was the last hour?", "history", "application/json", strangers=False
        ),
        "/metrics": look("Numbers for Prometheus", "metrics", "text/plain", strangers=False),
        "/prometheus/sd": look(
            "Where the workers' numbers are", "targets", "application/json", strangers=False
        ),
        "/api/openapi.json": look("This description", "openapi", "application/json"),
    }
