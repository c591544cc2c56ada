"""Collections: names people use, each of which points at one collection until it is deleted."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import islice, product
from typing import Any, Final

import orjson
from redis import Redis
from ulid import ULID

from protocol.keys import key
from protocol.scripts import Scripts
from rag.ports import HnswSettings

#: Keys that are removed in one command.
_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Collection:
    """A name people use, and the id of the collection it points at today."""

    name: str
    collection_id: str
    created_us: int
    documents: int
    chunks: int | None
    embedder: dict[str, Any] | None
    hnsw: dict[str, Any] | None


class Collections:
    """
    Make, list and delete collections.

    Args:
        hnsw: Settings of the vectors of collections made from now on.
    """

    def __init__(self, redis: Redis, scripts: Scripts, *, hnsw: HnswSettings | None = None) -> None:
        self._redis = redis
        self._run = scripts
        self.hnsw = hnsw or HnswSettings()

    def create(
        self, name: str, *, collection_id: str = "", store: Mapping[str, str] | None = None
    ) -> tuple[str, bool]:
        """
        Make a collection unless it exists; returns (collection_id, whether it is new).

        *store* is the record of one that is made as a vector store.
        """
        fields = {"name": name, "hnsw": orjson.dumps(asdict(self.hnsw)).decode()}
        word, collection_id = self._run(
            "create_collection", name, collection_id or str(ULID()), orjson.dumps(fields).decode(),
            "" if store is None else orjson.dumps(dict(store)).decode(),
        )  # fmt: skip
        return collection_id, word == "new"

    def collection_id(self, name: str) -> str | None:
        """Return what *name* points at, None where there is no such collection."""
        return self._redis.hget(key("collections"), name)

    def exists(self, collection_id: str) -> bool:
        """Return True if a collection has not been deleted."""
        return bool(self._redis.exists(key("collection", collection_id)))

    def collection_ids(self) -> dict[str, str]:
        """Return every collection's id by its name."""
        return self._redis.hgetall(key("collections"))

    def all(self) -> list[Collection]:
        """Return every collection, by name."""
        found = sorted(self.collection_ids().items())
        pipe = self._redis.pipeline(transaction=False)
        for _, collection_id in found:
            pipe.hgetall(key("collection", collection_id))
            pipe.zcard(key("names", collection_id))
        answers = pipe.execute()
        return [
            Collection(
                name=name,
                collection_id=collection_id,
                created_us=int(row.get("created", "0")),
                documents=count,
                chunks=None,
                embedder=orjson.loads(row["embedder"]) if "embedder" in row else None,
                hnsw=orjson.loads(row["hnsw"]) if "hnsw" in row else None,
            )
            for (name, collection_id), row, count in zip(
                found, answers[::2], answers[1::2], strict=True
            )
        ]

    def about(self, collection_id: str) -> dict[str, str]:
        """Return what a lost catalogue would need of a collection: its name, what made it."""
        names = ("name", "created", "embedder", "hnsw")
        told = self._redis.hmget(key("collection", collection_id), names)
        return {name: text for name, text in zip(names, told, strict=True) if text}

    # Deleted collections -------------------------------------------------------------------

    def drop(self, name: str) -> str | None:
        """Free a name at once; returns the id of the collection whose rest a job removes."""
        answer = self._run("drop_collection", name)
        return answer[0] if answer else None

    def forget(self, collection_id: str) -> None:
        """Remove every key of a dropped collection."""
        names = (
            "current", "newest", "documents", "names", "contents", "opened", "log", "log_state",
            "add_logged", "garbage", "followers", "cursors", "set_aside", "building", "behind",
            "held", "audit", "barren", "deleted", "store", "attached", "attached_bytes",
            "attached_errors",
        )  # fmt: skip
        states = ("all", "in_progress", "completed", "failed", "cancelled")
        self._redis.unlink(
            *(key(name, collection_id) for name in names),
            *(key("attached_in", collection_id, state) for state in states),
        )
        # The first one last: it says how many others there may be.
        first = key("by_hash", collection_id, "first")
        letters = int(self._redis.hget(first, "") or 0)
        others = (
            key("by_hash", collection_id, "".join(beginning))
            for length in range(1, letters + 1)
            for beginning in product("0123456789abcdef", repeat=length)
        )
        while some := list(islice(others, _AT_ONCE)):
            self._redis.unlink(*some)
        self._redis.unlink(first)

    def deleted_collections(self) -> list[str]:
        """Return the ids of deleted collections that tasks may still write into."""
        return self._redis.zrange(key("graves"), 0, -1)

    def was_deleted(self, collection_id: str) -> bool:
        """Return True if an id is that of a deleted collection."""
        return self._redis.zscore(key("graves"), collection_id) is not None

    def forget_deleted(self, *, older_than_s: float) -> None:
        """Forget collections deleted so long ago that all their work has ended."""
        seconds, _ = self._redis.time()
        until = (seconds - older_than_s) * 1000
        self._redis.zremrangebyscore(key("graves"), "-inf", until)
