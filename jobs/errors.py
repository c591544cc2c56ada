"""Errors of the ledger: why it does not do what was asked."""

from rag.errors import QuernError


class IdempotencyConflict(QuernError):
    """Raised when an idempotency key comes again with another body."""


class Full(QuernError):
    """Raised when a lane is at its bound; the caller may come back later."""

    def __init__(self, *, limit: int, depth: int) -> None:
        """Remember bound and depth: the answer names both."""
        super().__init__(f"{depth} of {limit} places are taken")
        self.limit = limit
        self.depth = depth


class NoMemory(QuernError):
    """Raised when what has been admitted needs the memory that Redis has left."""


class Sealed(QuernError):
    """Raised when documents are added to a job that takes no more."""


class AlreadyRunning(QuernError):
    """Raised when something is asked for that another job is doing, and only one may."""

    def __init__(self, job_id: str) -> None:
        """Remember which job does it."""
        super().__init__(f"job {job_id} is doing this already; wait for it or cancel it")
        self.job_id = job_id


class TooManyWebhooks(QuernError):
    """Raised when there are as many webhooks as there may be."""


class NoCollection(QuernError):
    """Raised when a unit is submitted to a collection that does not exist."""


class CollectionGone(QuernError):
    """Raised when a collection was deleted meanwhile."""


class Revoked(QuernError):
    """Raised when work goes on for a key that is good no more."""
