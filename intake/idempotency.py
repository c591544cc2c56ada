"""Idempotency keys: a request sent twice is one job; the same key with another is refused."""

import hashlib
from collections.abc import Iterable

import orjson

from access.grants import current
from jobs.ledger.submissions import Idempotency
from protocol.names import DEFAULT_TENANT

__all__ = ["Idempotency", "idempotency_of", "with_documents"]


def idempotency_of(given: str, kind: str, body: object) -> Idempotency:
    """
    Return what the key *given* by a caller stands for: a *kind* of request and its *body*.

    Each tenant has keys of its own.
    """
    tenant = current().tenant
    whose = given if tenant == DEFAULT_TENANT else f"{tenant}/{given}"
    told = orjson.dumps([kind, body], option=orjson.OPT_SORT_KEYS)
    return Idempotency(
        key=hashlib.sha256(whose.encode()).hexdigest(), body=hashlib.sha256(told).hexdigest()
    )


def with_documents(idempotency: Idempotency, documents: Iterable[tuple[str, ...]]) -> Idempotency:
    """Make what an idempotency key stands for include the documents."""
    body = idempotency.body.encode() + orjson.dumps(list(documents))
    return Idempotency(key=idempotency.key, body=hashlib.sha256(body).hexdigest())
