"""Records of vector stores: what their makers call them, and how long they last unused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from redis import Redis

from protocol.keys import key
from protocol.scripts import Scripts

_DAY_US: Final = 86_400_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreRecord:
    """
    What is kept of a collection as a vector store.

    Attributes:
        name: Of the collection, as it is written down.

        label: What its maker calls it; None of a collection that was made as one.

        active_us: When it was last used, microseconds since 1970; None where nobody knows.

        expires_days: How long it lasts unused; None for ever.
    """

    collection_id: str
    name: str
    created_us: int
    label: str | None = None
    description: str = ""
    metadata: Mapping[str, str] | None = None
    active_us: int | None = None
    expires_days: int | None = None

    @property
    def is_own(self) -> bool:
        """Whether it was made as a vector store."""
        return self.label is not None

    @property
    def expires_us(self) -> int | None:
        """When it expires unless it is used; None for never."""
        if self.expires_days is None:
            return None
        return (self.active_us or self.created_us) + self.expires_days * _DAY_US


class StoreRecords:
    """Read and change records of vector stores."""

    def __init__(self, redis: Redis, scripts: Scripts) -> None:
        self._redis = redis
        self._run = scripts

    def find(self, collection_id: str) -> StoreRecord | None:
        """Return the record of a collection; None where there is none, or it was deleted."""
        return self.several([collection_id])[0]

    def several(self, collection_ids: Sequence[str]) -> list[StoreRecord | None]:
        """Return the record of each collection, as `find` does, in one trip."""
        pipe = self._redis.pipeline(transaction=False)
        for collection_id in collection_ids:
            pipe.hmget(key("collection", collection_id), ["name", "created"])
            pipe.hgetall(key("store", collection_id))
        told = pipe.execute() if collection_ids else []
        return [
            _record(collection_id, name, int(created or 0), row) if name else None
            for collection_id, (name, created), row in zip(
                collection_ids, told[::2], told[1::2], strict=True
            )
        ]

    def drop_expired(self, name: str) -> str | None:
        """
        Delete the store that a collection is if it expired `timings.STORE_KEPT_S` ago.

        Returns the collection's id, whose rest the garbage collector removes; None where it stays.
        """
        answer = self._run("drop_expired", name)
        return answer[0] if answer else None

    def use(
        self, collection_id: str, fields: Mapping[str, str] | None = None, gone: Sequence[str] = ()
    ) -> bool:
        """
        Note that a store was used; puts *fields* into its record and takes those *gone* out.

        Returns False where the collection was deleted.
        """
        word, *_ = self._run(
            "use_store", collection_id, orjson.dumps(dict(fields or {})).decode(),
            orjson.dumps(list(gone)).decode(),
        )  # fmt: skip
        return bool(word == "ok")


def store_row(
    *,
    label: str | None = None,
    description: str | None = None,
    metadata: Mapping[str, str] | None = None,
    expires_days: int | None = None,
) -> dict[str, str]:
    """Return the fields of a record as they are kept; what is None is left out."""
    told: dict[str, Any] = {
        "label": label,
        "description": description,
        "metadata": None if metadata is None else orjson.dumps(dict(metadata)).decode(),
        "expires_days": expires_days,
    }
    return {name: str(value) for name, value in told.items() if value is not None}


def _record(collection_id: str, name: str, created_us: int, row: Mapping[str, str]) -> StoreRecord:
    """Read a record."""
    return StoreRecord(
        collection_id=collection_id,
        name=name,
        created_us=created_us,
        label=row.get("label"),
        description=row.get("description", ""),
        metadata=orjson.loads(row["metadata"]) if "metadata" in row else None,
        active_us=int(row["active"]) if "active" in row else None,
        expires_days=int(row["expires_days"]) if "expires_days" in row else None,
    )
