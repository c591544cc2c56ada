"""Why a request is turned away: every error that a caller of this package meets."""

import re
from collections.abc import Sequence
from typing import Final

from redis.exceptions import BusyLoadingError, OutOfMemoryError, ReadOnlyError, ResponseError
from redis.exceptions import RedisError as QueueError

from access.errors import KeyRefused, NotFound, Overspent, ScopeMissing
from jobs.errors import (
    AlreadyRunning,
    CollectionGone,
    Full,
    IdempotencyConflict,
    Sealed,
    TooManyWebhooks,
)
from rag.errors import InvalidRequest, QuernError, StoreUnavailable

__all__ = [
    "AlreadyRunning",
    "CollectionGone",
    "DiskFull",
    "Full",
    "Gone",
    "IdempotencyConflict",
    "InvalidQuestions",
    "InvalidRequest",
    "KeyRefused",
    "MemoryFull",
    "NotFound",
    "NotRetryable",
    "Overspent",
    "QueueAway",
    "QueueError",
    "ScopeMissing",
    "Sealed",
    "StoreUnavailable",
    "TooManyQuestions",
    "TooManyWebhooks",
    "refusal_of",
]

#: A full Redis has room again once some of its work has ended.
MEMORY_RETRY_S: Final = 30


class Gone(QuernError):
    """Raised when a job is older than the retention."""


class NotRetryable(QuernError):
    """Raised when a job is retried that did not fail."""


class InvalidQuestions(QuernError):
    """
    Raised when questions of a list cannot be accepted; none of the list is.

    Args:
        errors: (field, message) of the first of them, in the order of the list.
    """

    def __init__(self, errors: Sequence[tuple[str, str]]) -> None:
        (field, message), more = errors[0], len(errors) - 1
        others = f" ({more} more in `errors`)" if more else ""
        super().__init__(f"Nothing was accepted. {field}: {message}{others}")
        self.errors = tuple(errors)


class TooManyQuestions(QuernError):
    """Raised when a list has more questions than the *limit* of one."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"A list may have {limit} questions (QUERN_MAX_QUESTIONS); send the others in another."
        )
        self.limit = limit


class MemoryFull(QuernError):
    """
    Raised when Redis has no room for another job.

    Args:
        detail: What is full, whose bound that is, what to do.

        retry_s: When it is worth asking again, seconds.
    """

    def __init__(self, detail: str, *, retry_s: int = MEMORY_RETRY_S) -> None:
        super().__init__(detail)
        self.retry_s = retry_s


class DiskFull(StoreUnavailable):
    """Raised when the disk that keeps the data has no room for what comes."""


class QueueAway(QuernError):
    """What a caller is told when the queue's Redis does not answer."""


#: How Redis begins what it says when it cannot do a thing now. From inside a script it says so in
#: the middle of another error, Redis 6.2 after a minus, and redis-py does not tell what it is.
_FULL: Final = re.compile(r"(?:^|\W)OOM |command not allowed when used memory")
_DISK: Final = re.compile(r"(?:^|\W)MISCONF ")
_AWAY: Final = re.compile(
    r"(?:^|\W)(?:READONLY|LOADING|BUSY|MASTERDOWN|NOREPLICAS|CLUSTERDOWN|TRYAGAIN) "
)


def refusal_of(error: QueueError) -> MemoryFull | QueueAway:
    """
    Return what an error of the queue's Redis means for a caller, who may come back in all cases.

    Raises:
        QueueError: *error* itself, where Redis is there and the fault is Quern's.
    """
    said = str(error)
    if isinstance(error, OutOfMemoryError) or _FULL.search(said):
        return MemoryFull(
            "The queue's Redis is full and takes no changes until some of its work has ended. For "
            "more room set QUERN_REDIS_MEMORY_MB, or `maxmemory` of a Redis of your own"
        )
    if _DISK.search(said):
        return QueueAway(
            "The queue's Redis cannot write to its disk and takes no changes until it can; free "
            "some space there"
        )
    away = isinstance(error, BusyLoadingError | ReadOnlyError) or _AWAY.search(said)
    if isinstance(error, ResponseError) and not away:
        raise error
    return QueueAway("The queue does not answer; try again shortly.")
