"""The same question to Redis about each of many collections, in one trip for hundreds of them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from redis import Redis

#: Collections that are looked at in one trip.
LOOKED_AT: Final = 500


def asked_of_each(
    redis: Redis, collection_ids: Sequence[str], ask: Callable[[Redis, str], object]
) -> Iterator[tuple[str, Any]]:
    """Yield each collection, and what Redis answers to the one command that *ask* sends for it."""
    for first in range(0, len(collection_ids), LOOKED_AT):
        some = collection_ids[first : first + LOOKED_AT]
        pipe = redis.pipeline(transaction=False)
        for collection_id in some:
            ask(pipe, collection_id)
        yield from zip(some, pipe.execute(), strict=True)
