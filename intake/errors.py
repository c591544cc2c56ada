"""Why a request is turned away: every error that a caller of this package meets."""

from redis.exceptions import BusyLoadingError, OutOfMemoryError, ReadOnlyError, ResponseError
from redis.exceptions import RedisError as QueueError

from jobs.errors import AlreadyRunning, CollectionGone, Full, IdempotencyConflict, Sealed
from rag.errors import InvalidRequest, QuernError, StoreUnavailable

__all__ = [
    "AlreadyRunning",
    "CollectionGone",
    "Full",
    "Gone",
    "IdempotencyConflict",
    "InvalidRequest",
    "MemoryFull",
    "NotFound",
    "NotRetryable",
    "QueueAway",
    "QueueError",
    "Sealed",
    "StoreUnavailable",
    "TooManyWebhooks",
    "refusal_of",
]


class NotFound(QuernError):
    """Raised when a collection, document or job does not exist."""


class Gone(QuernError):
    """Raised when a job is older than the retention."""


class NotRetryable(QuernError):
    """Raised when a job is retried that did not fail."""


class TooManyWebhooks(QuernError):
    """Raised when there are as many webhooks as there may be."""


class MemoryFull(QuernError):
    """Raised when Redis has no room for another job."""


class QueueAway(QuernError):
    """What a caller is told when the queue's Redis does not answer."""


def refusal_of(error: QueueError) -> MemoryFull | QueueAway:
    """
    Return what an error of the queue's Redis means for a caller, who may come back in both cases.

    Raises:
        QueueError: *error* itself, where Redis is there and the fault is Quern's.
    """
    if isinstance(error, OutOfMemoryError):
        return MemoryFull("the queue has no memory left for new jobs")
    away = isinstance(error, BusyLoadingError | ReadOnlyError)
    if isinstance(error, ResponseError) and not away:
        raise error
    return QueueAway("The queue does not answer; try again shortly.")
