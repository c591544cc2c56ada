"""Deletions: which documents, or whole collections, were deleted on purpose, and when."""

from collections.abc import Collection
from typing import NamedTuple

from redis import Redis

from corpus.catalogue.generations import Current
from protocol.keys import key


class Generation(NamedTuple):
    """A version of a document, as a source of an answer names it."""

    document: str
    generation: int


class Deletions:
    """
    Tell what was deleted since it was read.

    An update is no delete, and what the catalogue lost was not deleted either.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def of(self, collection_id: str, read: Collection[Generation]) -> dict[Generation, float]:
        """
        Return those of the generations *read* that were deleted, and when, in seconds since 1970.

        A generation was deleted if its document was deleted after it, whatever came afterwards.
        One trip, however many are asked for. With their collection all are deleted; when is 0
        where that is no longer known.
        """
        documents = sorted({one.document for one in read})
        if not documents:
            return {}
        pipe = self._redis.pipeline(transaction=False)
        pipe.exists(key("collection", collection_id))
        pipe.zscore(key("graves"), collection_id)
        pipe.zmscore(key("deleted", collection_id), documents)
        pipe.hmget(key("current", collection_id), documents)
        exists, dropped_ms, deletes, currents = pipe.execute()
        if not exists:
            return dict.fromkeys(read, (dropped_ms or 0.0) / 1_000)
        last = {
            document: max(int(deleted or 0), _tombstone(current))
            for document, deleted, current in zip(documents, deletes, currents, strict=True)
        }
        return {
            one: last[one.document] / 1_000_000
            for one in read
            if last[one.document] > one.generation
        }


def _tombstone(current: str | None) -> int:
    """Return the generation of a delete, 0 where there was none: earlier builds note it here."""
    entry = Current.parse(current) if current else None
    return entry.generation if entry and not entry.chunks else 0
