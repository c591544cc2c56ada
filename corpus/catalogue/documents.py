"""Documents: the record of each that is current, and the list of them in order."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import orjson
from redis import Redis

from corpus.catalogue.records import maker, source_of, whole
from protocol.keys import key

#: Documents that Redis is asked for in one command.
_AT_ONCE: Final = 500


def _parts(documents: Sequence[str]) -> Iterator[list[str]]:
    """Yield documents some at a time."""
    for first in range(0, len(documents), _AT_ONCE):
        yield list(documents[first : first + _AT_ONCE])


class Documents:
    """Read the records of current documents: title, blobs, counts, metadata."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def record(self, collection_id: str, document: str) -> dict[str, Any] | None:
        """Return what is current of a document: generation, title, blobs, counts."""
        text = self._redis.hget(key("documents", collection_id), document)
        return whole(document, orjson.loads(text)) if text else None

    def records(self, collection_id: str, documents: Sequence[str]) -> list[dict[str, Any] | None]:
        """Return what is current of each document, None where there is nothing."""
        if not documents:
            return []
        texts = self._redis.hmget(key("documents", collection_id), list(documents))
        return [
            whole(document, orjson.loads(text)) if text else None
            for document, text in zip(documents, texts, strict=True)
        ]

    # In order ------------------------------------------------------------------------------

    def page(
        self, collection_id: str, *, after: str, limit: int, prefix: str = ""
    ) -> tuple[list[dict[str, Any]], str | None]:
        """
        Return the records of up to *limit* documents with ids above *after*, and the next cursor.

        With *prefix* only those whose ids begin with it.
        """
        low = f"({after}" if after else f"[{prefix}" if prefix else "-"
        # Redis compares bytes, and no text in UTF-8 has this one.
        high = b"(" + prefix.encode() + b"\xff" if prefix else "+"
        names = self._redis.zrangebylex(key("names", collection_id), low, high, 0, limit + 1)
        page, more = names[:limit], len(names) > limit
        if not page:
            return [], None
        texts = self._redis.hmget(key("documents", collection_id), page)
        found = zip(page, texts, strict=True)
        records = [whole(name, orjson.loads(text)) for name, text in found if text]
        return records, page[-1] if more else None

    def names(self, collection_id: str, *, after: str, limit: int) -> list[str]:
        """Return up to *limit* ids of current documents above *after*, in order."""
        low = f"({after}" if after else "-"
        return self._redis.zrangebylex(key("names", collection_id), low, "+", 0, limit)

    def count_after(self, collection_id: str, after: str) -> int:
        """Return how many current documents have ids above *after*; all of them where empty."""
        low = f"({after}" if after else "-"
        return self._redis.zlexcount(key("names", collection_id), low, "+")

    # Which bytes became which document -----------------------------------------------------

    def hashes(
        self, collection_id: str, documents: Sequence[str], *, made_by: str
    ) -> dict[str, str]:
        """
        Return the SHA-256 of the bytes of those of the *documents* that are current.

        The hash is empty where the same bytes would make another document today: a newer version
        was accepted and may be current in a moment, or the chunks are not *made_by* this pipeline.
        """
        found: dict[str, str] = {}
        for names in _parts(documents):
            pipe = self._redis.pipeline(transaction=False)
            for kind in ("documents", "current", "newest"):
                pipe.hmget(key(kind, collection_id), names)
            for name, text, current, newest in zip(names, *pipe.execute(), strict=True):
                if text:
                    sha256, made = source_of(orjson.loads(text))
                    settled = not newest or newest.split(":")[0] == (current or "").split(":")[0]
                    found[name] = sha256 if settled and made == maker(made_by) else ""
        return found

    def barren(
        self, collection_id: str, documents: Sequence[str], *, made_by: str
    ) -> dict[str, str]:
        """
        Return the SHA-256 of bytes that this pipeline could make none of the *documents* of.

        They would fail again; a row that failed for another reason than its file is not among them.
        """
        found: dict[str, str] = {}
        for names in _parts(documents):
            texts = self._redis.hmget(key("barren", collection_id), names)
            for name, text in zip(names, texts, strict=True):
                sha256, _, maker = (text or "").partition(":")
                if maker == made_by and sha256:
                    found[name] = sha256
        return found

    # Whether the parts of the record agree -------------------------------------------------

    def sizes(self, collection_id: str) -> tuple[int, int]:
        """Return how many entries there are, tombstones included, and how many records."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.hlen(key("current", collection_id))
        pipe.hlen(key("documents", collection_id))
        entries, records = pipe.execute()
        return int(entries), int(records)

    def unlisted(self, collection_id: str, documents: Sequence[str]) -> set[str]:
        """Return those of the documents that the list of current documents lacks."""
        if not documents:
            return set()
        scores = self._redis.zmscore(key("names", collection_id), list(documents))
        return {name for name, score in zip(documents, scores, strict=True) if score is None}

    def recorded(self, collection_id: str) -> Iterator[str]:
        """Yield every document that has a record."""
        for document, _ in self._redis.hscan_iter(key("documents", collection_id), count=500):
            yield document
