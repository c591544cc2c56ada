"""What becomes of a job that was taken in: cancelled, retried, given up when its caller left."""

from collections.abc import Mapping
from typing import Final

from access.grants import Scope, current
from intake.errors import NotRetryable
from intake.idempotency import Idempotency
from intake.ingests import Ingests
from intake.lookup.jobs import JobLookup
from intake.lookup.readers import Reader
from intake.lookup.views import WITH_ROWS, has_ended
from intake.maintenance import Maintenance
from intake.queries import Queries
from intake.question_lists.recording import QuestionLists
from jobs.ledger.ledger import Ledger
from jobs.ledger.rows import UNREADABLE
from jobs.long_jobs import FIRST_TURN_S, LongJobs
from jobs.requests import QueryRequest

_RETRYABLE: Final = ("failed", "cancelled", "expired", "partial")
#: What a caller needs to begin such a job; all others are for who runs collections.
_SCOPES: Final[dict[str, Scope]] = {
    "query": "ask", "questions": "ask", "search": "ask", "embedding": "ask", "ingest": "ingest",
    "delete": "ingest",
}  # fmt: skip


class JobControl:
    """Cancel and retry jobs."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        lookup: JobLookup,
        queries: Queries,
        question_lists: QuestionLists,
        ingests: Ingests,
        maintenance: Maintenance,
        long_jobs: LongJobs,
    ) -> None:
        self._ledger = ledger
        self._lookup = lookup
        self._queries = queries
        self._question_lists = question_lists
        self._ingests = ingests
        self._maintenance = maintenance
        self._long_jobs = long_jobs

    def cancel(self, job_id: str) -> bool:
        """
        Ask a job to stop; returns True if it had ended already.

        Raises:
            NotFound, Gone: There is no such job.

            ScopeMissing: The caller may not do such jobs.
        """
        job = self._lookup.row(job_id)
        _require_scope(job)
        if has_ended(job):
            return True
        if job["kind"] in WITH_ROWS:
            self._ledger.submissions.cancel_job(job_id)
            self._long_jobs.cancel_rows(job_id, within_s=FIRST_TURN_S)
        else:
            self._ledger.submissions.cancel(job_id)
        return False

    def reader(self, job_id: str, row: Mapping[str, str]) -> Reader:
        """Return a caller who waits for a job; others count where it ends with the last of them."""
        counted = not has_ended(row) and row.get("kind") == "query" and _ends_with_its_caller(row)
        return Reader(self._ledger.redis, job_id, counted=counted)

    def on_disconnect(self, job_id: str, reader: Reader) -> None:
        """Cancel a question or search whose last caller left, if that was asked for."""
        row = self._ledger.rows.unit(job_id)
        if row is None or has_ended(row) or not _ends_with_its_caller(row):
            return
        if reader.leave():
            self._ledger.submissions.cancel(job_id)

    def retry(self, job_id: str, *, idempotency: Idempotency | None = None) -> str:
        """
        Record a new job for one that failed, was cancelled or expired; return its id.

        An ingest's new job has its failed documents only, a list's its failed questions. While a
        retry has not ended, another one of the same job is that one.

        Raises:
            NotFound, Gone: There is no such job.

            ScopeMissing: The caller may not do such jobs.

            NotRetryable: The job succeeded, has not ended, or is of another kind.

            IdempotencyConflict: The key came with another request.
        """
        job = self._lookup.row(job_id)
        _require_scope(job)
        if job["state"] not in _RETRYABLE:
            allowed = ", ".join(_RETRYABLE)
            raise NotRetryable(f"this job is {job['state']}; only {allowed} can retry")
        if UNREADABLE in job:
            raise NotRetryable(job[UNREADABLE])
        if "store" in job:
            raise NotRetryable("files of a vector store are tried again by attaching them again")
        match job["kind"]:
            case "query":
                return self._queries.submit_query(
                    QueryRequest.from_row(job),
                    retry_of=job_id,
                    idempotency=idempotency,
                    beside=job.get("also", "").split(),
                ).id
            case "reindex":
                return self._maintenance.reindex(
                    job["collection"], retry_of=job_id, idempotency=idempotency
                )
            case "ingest":
                return self._ingests.retry(job_id, job, idempotency=idempotency)
            case "questions":
                return self._question_lists.retry(job_id, job, idempotency=idempotency)
        raise NotRetryable("only questions, ingests and reindexes can be retried")


def _require_scope(job: Mapping[str, str]) -> None:
    """Go on only for a caller who may do such a job; raises ScopeMissing."""
    current().require(_SCOPES.get(job["kind"], "admin"))


def _ends_with_its_caller(row: Mapping[str, str]) -> bool:
    """Return True if a job is to end when its reader leaves; a search always does."""
    kind = row.get("kind")
    return kind in ("search", "embedding") or (
        kind == "query" and QueryRequest.from_row(row).cancel_on_disconnect
    )
