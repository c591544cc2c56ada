"""What may go wrong between a client and a server; each message is a sentence for people."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from rag.errors import QuernError


class Unreachable(QuernError):
    """Raised when no Quern answers at the address."""


class Away(Unreachable):
    """Raised when the server does not answer, or the connection broke; it may come back."""


class Refused(QuernError):
    """
    Raised when the API says no.

    Args:
        status: The HTTP status.

        problem: The problem details (RFC 9457), empty where the answer had none.

        retry_after_s: When the server says that it is worth asking again; None where it does not.
    """

    def __init__(
        self, status: int, problem: Mapping[str, Any], *, retry_after_s: float | None = None
    ) -> None:
        super().__init__(_in_words(status, problem))
        self.status = status
        self.problem = problem
        self.retry_after_s = retry_after_s


class NotAnswered(QuernError):
    """
    Raised when a job that was waited for ended without what it was asked for.

    Args:
        job: The job as the API shows it.
    """

    def __init__(self, job: Mapping[str, Any]) -> None:
        error = job.get("error") or {}
        why = error.get("detail") or error.get("title") or ""
        super().__init__(f"Job {job['id']} is {job['state']}" + (f": {why}" if why else "."))
        self.job = job


class NotYet(QuernError, TimeoutError):
    """
    Raised when a job has not ended in the time that its caller waits; it goes on.

    Args:
        job: The job as the API shows it.
    """

    def __init__(self, job: Mapping[str, Any]) -> None:
        super().__init__(f"Job {job['id']} is {job['state']}; it goes on")
        self.job = job


def _in_words(status: int, problem: Mapping[str, Any]) -> str:
    """Return what is wrong: title, detail, and each field on its own line."""
    title = problem.get("title") or _phrase(status)
    fields = [f"  {error['field']}: {error['message']}" for error in problem.get("errors") or ()]
    detail = problem.get("detail")
    # A detail that repeats the only field would be read twice.
    repeated = any(f"  {detail}" == line for line in fields)
    head = f"{title}: {detail}" if detail and not repeated else f"{title}"
    return "\n".join([head, *fields])


def _phrase(status: int) -> str:
    """Return what a status is called."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"Status {status}"
