"""Vector indexes of a collection: the one in use, one that is made anew, retired ones."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

import orjson
from ulid import ULID

from corpus.catalogue.many import asked_of_each
from jobs.errors import AlreadyRunning, CollectionGone
from jobs.leases.lease import Lease
from jobs.ledger.ledger import Ledger
from protocol import timings
from protocol.keys import key
from rag.errors import EmbedderMismatch, LeaseLost, ReindexUnderWay, Unreadable
from rag.ports import EmbedderIdentity, HnswSettings, VectorIndex


@dataclass(frozen=True, slots=True)
class Building:
    """An unfinished vector index: its name, and the last document that it has, by name."""

    name: str
    at: str


class VectorIndexes:
    """
    The record of vector indexes.

    Every change is one script, fenced by the lease of the job at work.

    Every method of a lease raises LeaseLost when the unit is another's now, CollectionGone when
    the collection was deleted, and ReindexUnderWay when the unfinished vector index is not this one
    any more: then the job begins anew.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._redis = ledger.redis
        self._run = ledger.scripts
        self._ledger = ledger

    def in_use(self, collection_id: str) -> VectorIndex:
        """Return the vectors that are searched today, and what made them."""
        name, embedder, hnsw = self._redis.hmget(
            key("collection", collection_id), ["edition", "embedder", "hnsw"]
        )
        return read_vector_index(name or collection_id, embedder, hnsw)

    def written(self, collection_ids: Sequence[str]) -> dict[str, VectorIndex]:
        """Return the vectors in use of those collections that a model was registered for."""
        answers = asked_of_each(
            self._redis, collection_ids,
            lambda redis, inc: redis.hmget(key("collection", inc), ["edition", "embedder", "hnsw"]),
        )  # fmt: skip
        return {
            collection_id: read_vector_index(name or collection_id, embedder, hnsw)
            for collection_id, (name, embedder, hnsw) in answers
            if embedder
        }

    def register_embedder(self, collection_id: str, identity: EmbedderIdentity) -> VectorIndex:
        """
        Record what embeds a collection, or check that it is the same as ever.

        Returns the vector index to write to. A collection that was deleted meanwhile is
        left alone; who writes to it finds out.

        Raises:
            ReindexUnderWay: The vectors are another model's; a reindex may be making them mine.

            EmbedderMismatch: They are, and nothing is changing it.
        """
        told = orjson.dumps(asdict(identity)).decode()
        answer = self._run("agree", collection_id, told)
        if not answer:
            return VectorIndex(collection_id, identity)
        embedder, hnsw, name, changing = answer
        vector_index = read_vector_index(name, embedder, hnsw)
        try:
            vector_index.check_embedder(identity)
        except EmbedderMismatch as error:
            if changing:
                raise ReindexUnderWay("the collection's vectors are being made anew") from error
            raise
        return vector_index

    # A reindex -----------------------------------------------------------------------------

    def begin(self, lease: Lease, embedder: EmbedderIdentity, hnsw: HnswSettings) -> Building:
        """
        Begin a vector index, or take up one of the same making that was left unfinished.

        Raises:
            AlreadyRunning: Another open job is at it.
        """
        word, *rest = self._answer(
            lease,
            self._run(
                "reindex_begin", lease.unit.id, lease.unit.epoch, str(ULID()),
                orjson.dumps(asdict(embedder)).decode(), orjson.dumps(asdict(hnsw)).decode(),
            ),
        )  # fmt: skip
        if word == "busy":
            raise AlreadyRunning(rest[0])
        return Building(rest[0], rest[1])

    def advance(
        self,
        lease: Lease,
        vector_index: str,
        *,
        done: int,
        total: int,
        at: str = "",
        caught_up: Mapping[str, int] | None = None,
    ) -> None:
        """Record what the vector index has now: all documents up to *at*, and these generations."""
        said = orjson.dumps({"done": done, "total": total, "unit": "documents"}).decode()
        pairs = [word for pair in (caught_up or {}).items() for word in pair]
        self._answer(
            lease,
            self._run(
                "reindex_advance", lease.unit.id, lease.unit.epoch, vector_index, at, said, *pairs
            ),
        )

    def behind(self, collection_id: str, *, most: int) -> dict[str, int]:
        """Return documents changed since the vector index was begun, with their generations."""
        found = self._redis.hscan_iter(key("behind", collection_id), count=most)
        return {document: int(generation) for document, generation in islice(found, most)}

    def swap(
        self,
        lease: Lease,
        vector_index: str,
        *,
        hold: bool,
        fields: Mapping[str, str],
        left_out: Mapping[str, tuple[int, int]] | None = None,
    ) -> int:
        """
        Switch searches to the vector index, and end the job; returns how many documents it lacks.

        While it lacks any nothing happens, but that activations are blocked a moment if *hold* says
        so. The job gets *fields*. The generations *left_out*, with their numbers of chunks, are
        withdrawn from search, and the job then ends as `partial`.

        Raises:
            Unreadable: The catalogue lost documents, whose passages would be dropped.
        """
        hold_ms = timings.HOLD_MS if hold else 0
        triples = [word for document, of in (left_out or {}).items() for word in (document, *of)]
        answer = self._answer(
            lease,
            self._run(
                "reindex_swap", lease.unit.id, lease.unit.epoch, vector_index, hold_ms,
                orjson.dumps(dict(fields)).decode(), *triples,
            ),
        )  # fmt: skip
        if answer[0] == "behind":
            return int(answer[1])
        lease.ended = True
        self._ledger.outbox.send(answer[1:])
        return 0

    def abandon(self, collection_id: str) -> bool:
        """Let an unfinished vector index go whose job has ended; returns True if there was one."""
        return bool(self._run("reindex_abandon", collection_id)[0])

    def unfinished(self, collection_ids: Sequence[str]) -> list[str]:
        """Return those collections that have an unfinished vector index, in one trip for many."""
        answers = asked_of_each(
            self._redis, collection_ids, lambda redis, inc: redis.exists(key("building", inc))
        )
        return [collection_id for collection_id, there in answers if there]

    def building(self, collection_id: str) -> str | None:
        """Return the name of the unfinished vector index, None where there is none."""
        return self._redis.hget(key("building", collection_id), "edition")

    def known(self, collection_ids: Iterable[str]) -> set[str]:
        """Return the vector indexes of collections: unfinished, in use, and retired ones."""
        # In the order of a vector index's life, so that none is missed that moves on meanwhile.
        wanted = list(collection_ids)
        found = {name for inc in wanted if (name := self.building(inc)) is not None}
        for inc in wanted:
            found.add(self._redis.hget(key("collection", inc), "edition") or inc)
        return found.union(self._redis.zrange(key("retired"), 0, -1))

    def retired(self, *, older_than_s: float) -> list[str]:
        """Return vector indexes that were retired at least *older_than_s* ago."""
        seconds, _ = self._redis.time()
        until = (seconds - older_than_s) * 1000
        return self._redis.zrangebyscore(key("retired"), "-inf", until)

    def forget_retired(self, *, older_than_s: float) -> None:
        """Forget vector indexes retired so long ago that no task can still write into them."""
        seconds, _ = self._redis.time()
        self._redis.zremrangebyscore(key("retired"), "-inf", (seconds - older_than_s) * 1000)

    def _answer(self, lease: Lease, answer: list[Any]) -> list[Any]:
        """Read the words that every script may say."""
        match answer[0]:
            case "lost":
                raise LeaseLost(lease.unit.id)
            case "gone":
                raise CollectionGone("the collection was deleted")
            case "other":
                raise ReindexUnderWay("the unfinished vector index is gone; begun anew")
            case "entries lost":
                raise Unreadable(
                    "catalogue_lost",
                    "the catalogue has lost documents of this collection; run `quern check "
                    "--repair`, then reindex",
                )
            case _:
                return answer


@lru_cache(maxsize=64)  # each search reads one
def read_vector_index(name: str, embedder: str | None, hnsw: str | None) -> VectorIndex:
    """Read a vector index's record."""
    return VectorIndex(
        name,
        EmbedderIdentity(**orjson.loads(embedder)) if embedder else None,
        HnswSettings(**orjson.loads(hnsw)) if hnsw else None,
    )
