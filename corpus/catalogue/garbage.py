"""Garbage: replaced generations, whose rows are deleted once no search reads them."""

from collections.abc import Iterator, Sequence
from typing import Literal

from redis import Redis

from corpus.catalogue.many import asked_of_each
from protocol.clock import now_ms
from protocol.keys import key
from protocol.scripts import Scripts


class Garbage:
    """Which generations are to be deleted from the vector store, and from when on."""

    def __init__(self, redis: Redis, scripts: Scripts) -> None:
        self._redis = redis
        self._run = scripts

    def due(self, collection_id: str, *, most: int = 50) -> list[tuple[str, int, int]]:
        """Return generations whose readers are gone: (document, generation, chunks)."""
        members = self._redis.zrangebyscore(
            key("garbage", collection_id), "-inf", now_ms(self._redis), 0, most
        )
        return [split_member(member) for member in members]

    def waiting(self, collection_ids: Sequence[str]) -> list[str]:
        """Return those collections that have garbage which is due, in one trip for hundreds."""
        now = now_ms(self._redis)
        answers = asked_of_each(
            self._redis, collection_ids,
            lambda redis, inc: redis.zrangebyscore(key("garbage", inc), "-inf", now, 0, 1),
        )  # fmt: skip
        return [collection_id for collection_id, due in answers if due]

    def members(self, collection_id: str) -> Iterator[tuple[str, int, int]]:
        """Yield every (document, generation, chunks) in the garbage, due or not."""
        for member, _ in self._redis.zscan_iter(key("garbage", collection_id), count=1000):
            yield split_member(member)

    def generations(self, collection_id: str) -> set[tuple[str, int]]:
        """Return every (document, generation) in the garbage, due or not."""
        members = self._redis.zrange(key("garbage", collection_id), 0, -1)
        return {split_member(member)[:2] for member in members}

    def dropped(self, collection_id: str, document: str, generation: int, chunks: int) -> None:
        """Append `drop` to the change log: a due generation's rows are deleted."""
        self._run("dropped", collection_id, f"{document}:{generation}:{chunks}")

    def orphan(
        self,
        collection_id: str,
        document: str,
        generation: int,
        chunks: int,
        *,
        dry_run: bool = False,
    ) -> Literal["known", "orphan", "lost"]:
        """
        Put a generation of the vector store that is not in the catalogue into the garbage.

        One that the catalogue once knew, and lost, is left: its rows are all there is of it.
        """
        words: tuple[Literal["known", "orphan", "lost"], ...] = ("known", "orphan", "lost")
        answer = self._run("orphan", collection_id, document, generation, chunks, int(dry_run))
        return words[int(answer[0])]


def split_member(member: str) -> tuple[str, int, int]:
    """Take `document:generation:chunks` apart; documents may hold colons."""
    document, generation, chunks = member.rsplit(":", 2)
    return document, int(generation), int(chunks)
