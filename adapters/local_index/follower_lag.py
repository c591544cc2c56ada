"""How far a replica's sparse indexes are behind the change log, for the heartbeat."""

from collections.abc import Mapping
from typing import Any, Final

from redis import Redis

from corpus.change_log import not_before
from protocol.clock import now_ms
from protocol.keys import key

#: Collections that are looked at, and of those behind the ones that are told.
LOOKED_AT: Final = 200
TOLD: Final = 5
#: Entries are counted up to this many.
COUNTED: Final = 500


def lag(
    redis: Redis, *, collections: Mapping[str, str], cursors: Mapping[str, str], rebuilding: str
) -> dict[str, Any]:
    """
    Return which collections a replica is building anew, and the ones furthest behind their log.

    Args:
        redis: The queue Redis.

        collections: Name of each collection → its id.

        cursors: Collection id → the last entry applied; one without an index is left out.

        rebuilding: The collection whose index is being built anew; empty if none is.
    """
    looked_at = sorted(collections.items())[:LOOKED_AT]
    pipe = redis.pipeline(transaction=False)
    for _, collection_id in looked_at:
        pipe.hget(key("log_state", collection_id), "tail")
    tails = pipe.execute()
    late = [
        (_millis(tail) - _millis(cursors[collection_id]), name, collection_id)
        for (name, collection_id), tail in zip(looked_at, tails, strict=True)
        if tail and collection_id in cursors and not not_before(cursors[collection_id], tail)
    ]
    worst = sorted(late, reverse=True)[:TOLD]
    now = now_ms(redis) if worst else 0
    behind = []
    for _, name, collection_id in worst:
        log = key("log", collection_id)
        rows = redis.xrange(log, f"({cursors[collection_id]}", "+", count=COUNTED)
        if rows:
            seconds = max(0.0, (now - _millis(rows[0][0])) / 1000)
            behind.append({"collection": name, "entries": len(rows), "seconds": round(seconds, 1)})
    return {
        "collections": len(collections),
        "behind": sorted(behind, key=lambda told: -told["seconds"]),
        "rebuilding": [name for name, inc in collections.items() if inc == rebuilding],
    }


def _millis(entry: str) -> int:
    """Return the milliseconds in a stream entry's id."""
    return int(entry.partition("-")[0] or 0)
