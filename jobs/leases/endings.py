"""Endings: what an error of a body means for its unit."""

import logging

import orjson
from redis.exceptions import RedisError

from jobs import claim_metrics
from jobs.leases.lease import Lease
from protocol import timings
from rag.errors import (
    BlobMissing,
    Broken,
    Cancelled,
    DeadlineExceeded,
    EngineDead,
    InvalidRequest,
    LeaseLost,
    NoText,
    NoVector,
    ReindexUnderWay,
    Retryable,
    Unreadable,
)
from runtime.logging.log_words import words

log = logging.getLogger(__name__)

#: What a body raises on purpose; the unit's end says all there is to say.
EXPECTED = (
    Cancelled,
    DeadlineExceeded,
    Unreadable,
    InvalidRequest,
    Retryable,
    RedisError,
    NoVector,
)

#: What a unit waits for by itself, perhaps for hours; a server that is away comes back for all.
_OWN_WAIT = (BlobMissing, ReindexUnderWay)

LATE = "It was not finished in time; submit it again, perhaps with a longer deadline_s."
NO_VECTOR = (
    "The embedding model gives no usable vector for this text; change or leave out the text, or "
    "choose another model (QUERN_EMBEDDING_MODEL)."
)
INTERNAL = "This is a fault of Quern, not of the input; the worker log has the details."


def end(lease: Lease, error: Exception) -> str:
    """Write what an error means for a unit; returns why it waits, where a store is away."""
    told = lease.unit.ids | {"unit_id": lease.unit.id, "reason": words(error)}
    try:
        if lease.ended:
            log.error("error after the unit's end", exc_info=error, extra=told)
        elif isinstance(error, Retryable | RedisError):
            log.warning("a store is away; the unit waits", extra=told)
            claim_metrics.record_retry(lease.unit)
            own = isinstance(error, _OWN_WAIT)
            lease.release(
                at_once=False,
                longest_pause_ms=timings.LONGEST_PAUSE_MS if own else timings.SERVER_PAUSE_MS,
            )
            return words(error)
        elif isinstance(error, EngineDead):
            log.error("the engine died; the claim lapses", extra=told)
            lease.ended = True  # not renewed any more, and not released when the process ends
        elif isinstance(error, Broken) and not isinstance(error, NoVector):
            log.error("the body cannot be run here", exc_info=error, extra=told)
            lease.release(at_once=False, broken=words(error))
        else:
            if not isinstance(error, EXPECTED):
                log.error("the body failed", exc_info=error, extra=told)
            state, fields = _verdict(error)
            lease.finish(state=state, fields=fields)
            claim_metrics.record_unreadable(lease.unit, error)
    except LeaseLost:
        log.info("lease lost", extra=told)
    except RedisError as away:
        # Not even that could be written: the unit is given back later, and runs again.
        log.warning("end not written", extra=told | {"reason": words(away)})
        lease.ended = lease.unreleased = True
    return ""


def _verdict(error: Exception) -> tuple[str, dict[str, str]]:
    """Return the state and fields that an error of a body means."""
    match error:
        case Cancelled():
            return "cancelled", {}
        case DeadlineExceeded():
            return "expired", {"error": problem("deadline", "Past its deadline", LATE)}
        case NoText():
            return "succeeded", {"outcome": "empty", "note": error.detail}
        case _:
            return "failed", {"error": _problem_of(error)}


def _problem_of(error: Exception) -> str:
    """Return what is told of a failure."""
    match error:
        case Unreadable():
            return problem(error.reason, "Could not be read", error.detail)
        case InvalidRequest():
            return problem("invalid", "Cannot be done as asked", str(error))
        case NoVector():
            return problem("no_vector", "Could not be embedded", NO_VECTOR)
        case _:
            return problem("internal", "Quern failed", INTERNAL)


def problem(kind: str, title: str, detail: str) -> str:
    """Return an error as the ledger keeps it: JSON of type, title, detail."""
    return orjson.dumps({"type": kind, "title": title, "detail": detail}).decode()
