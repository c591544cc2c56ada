"""Tombstones: entries of deleted documents, which end once nothing older can come back."""

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Final

from redis import Redis

from protocol.keys import key
from protocol.scripts import Scripts

#: Documents of one script: Redis is busy with those for some milliseconds.
_AT_ONCE: Final = 200


class Tombstones:
    """
    End the tombstones of documents that were deleted long ago.

    Below a collection's *floor*, a generation, what the vector store holds and nobody knows is
    garbage, and never restored: so a late write of a deleted document stays out without tombstone.
    """

    def __init__(self, redis: Redis, scripts: Scripts) -> None:
        self._redis = redis
        self._run = scripts

    def bury(self, collection_id: str, documents: Sequence[str]) -> int:
        """
        Raise the floor, and end the tombstones below it of those of *documents* that have one.

        What is known of documents that never became current, because all that was sent of them
        failed, ends with them. To be called after a look at all that the vector store holds: what
        the catalogue had lost is restored then. Returns how many ended.
        """
        never = self._never_current(collection_id)
        first = next(never, None)
        if first is None and not documents:
            return 0
        oldest = min(self._open_generations(collection_id), default=None)
        self._run("raise_floor", collection_id, "" if oldest is None else oldest)
        rest, ended = chain(documents, () if first is None else (first,), never), 0
        while some := list(islice(rest, _AT_ONCE)):
            ended += int(self._run("bury", collection_id, *some)[0])
        return ended

    def _never_current(self, collection_id: str) -> Iterator[str]:
        """Yield documents that may have been accepted and never become current, some twice."""
        accepted = self._redis.hscan_iter(key("newest", collection_id), count=_AT_ONCE)
        while names := [name for name, _ in islice(accepted, _AT_ONCE)]:
            entries = self._redis.hmget(key("current", collection_id), names)
            yield from (name for name, entry in zip(names, entries, strict=True) if not entry)

    def _open_generations(self, collection_id: str) -> Iterator[int]:
        """Yield the generations of open rows; a row that is accepted meanwhile has a later one."""
        for member in self._redis.sscan_iter(key("opened", collection_id), count=1000):
            yield int(member.rsplit(":", 1)[1])
