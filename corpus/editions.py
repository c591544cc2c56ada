"""Editions: making a collection's vectors anew beside those people search, and changing over."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import orjson
from ulid import ULID

from corpus.catalogue import Catalogue
from jobs.leases import Lease
from jobs.ledger import AlreadyRunning, CollectionGone, Ledger
from protocol import timings
from protocol.keys import key
from rag.errors import LeaseLost, ReindexUnderWay, Unreadable
from rag.metadata.filters import Filter
from rag.ports import (
    EmbedderIdentity,
    HnswSettings,
    StoredChunk,
    StoredRow,
    Vectors,
    VectorStore,
)


@dataclass(frozen=True, slots=True)
class Building:
    """An unfinished edition: its name, and the last document of the names in order that it has."""

    name: str
    at: str


class Editions:
    """
    The record of editions; every change is one script, fenced by the lease of the job at work.

    Every method of a lease raises LeaseLost when the unit is another's now, CollectionGone when
    the collection was deleted, and ReindexUnderWay when the unfinished edition is not this one any
    more: then the job begins anew.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._redis = ledger.redis
        self._run = ledger.scripts
        self._ledger = ledger

    def begin(self, lease: Lease, embedder: EmbedderIdentity, hnsw: HnswSettings) -> Building:
        """
        Begin an edition, or take up one of the same making that was left unfinished.

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
        edition: str,
        *,
        done: int,
        total: int,
        at: str = "",
        caught_up: Mapping[str, int] | None = None,
    ) -> None:
        """Say what the edition has now: all documents up to *at*, and these generations."""
        said = orjson.dumps({"done": done, "total": total, "unit": "documents"}).decode()
        pairs = [word for pair in (caught_up or {}).items() for word in pair]
        self._answer(
            lease,
            self._run(
                "reindex_advance", lease.unit.id, lease.unit.epoch, edition, at, said, *pairs
            ),
        )

    def behind(self, incarnation: str, *, most: int) -> dict[str, int]:
        """Return documents that changed since the edition was begun, with their generations."""
        found = self._redis.hscan_iter(key("behind", incarnation), count=most)
        return {document: int(generation) for document, generation in islice(found, most)}

    def swap(self, lease: Lease, edition: str, *, hold: bool, result: Mapping[str, Any]) -> int:
        """
        Let people search the edition, and end the job; returns how many documents it lacks.

        While it lacks any nothing happens, but that flips wait a moment if *hold* says so.

        Raises:
            Unreadable: The catalogue lost documents, whose passages would be dropped.
        """
        hold_ms = timings.HOLD_MS if hold else 0
        answer = self._answer(
            lease,
            self._run(
                "reindex_swap", lease.unit.id, lease.unit.epoch, edition, hold_ms,
                orjson.dumps(result).decode(),
            ),
        )  # fmt: skip
        if answer[0] == "behind":
            return int(answer[1])
        lease.ended = True
        self._ledger.send(answer[1:])
        return 0

    def abandon(self, incarnation: str) -> bool:
        """Let an unfinished edition go whose job has ended; tells whether there was one."""
        return bool(self._run("reindex_abandon", incarnation)[0])

    def building(self, incarnation: str) -> str | None:
        """Return the name of the unfinished edition, None where there is none."""
        return self._redis.hget(key("building", incarnation), "edition")

    def known(self, incarnations: Iterable[str]) -> set[str]:
        """Return the editions of collections: unfinished, in use, and retired ones."""
        # In the order in which an edition becomes one after the other, so that all are met.
        wanted = list(incarnations)
        found = {name for inc in wanted if (name := self.building(inc)) is not None}
        for inc in wanted:
            found.add(self._redis.hget(key("collection", inc), "edition") or inc)
        return found.union(self._redis.zrange(key("retired"), 0, -1))

    def retired(self, *, older_than_s: float) -> list[str]:
        """Return editions that nobody begins to use since so long."""
        seconds, _ = self._redis.time()
        until = (seconds - older_than_s) * 1000
        return self._redis.zrangebyscore(key("retired"), "-inf", until)

    def forget_retired(self, *, older_than_s: float) -> None:
        """Forget editions retired so long ago that nobody can write into them any more."""
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
                raise ReindexUnderWay("the unfinished edition is gone; begun anew")
            case "entries lost":
                raise Unreadable(
                    "catalogue_lost",
                    "the catalogue has lost documents of this collection; run `quern check "
                    "--repair`, then reindex",
                )
            case _:
                return answer


class CurrentVectors:
    """
    A `VectorStore` that is asked by incarnation and looks into the edition people search today.

    For those whose single calls stand for themselves. Who makes several that must agree, or writes
    vectors, asks the catalogue for the edition once and the store itself with its name.
    """

    def __init__(self, store: VectorStore, catalogue: Catalogue, editions: Editions) -> None:
        self._store = store
        self._catalogue = catalogue
        self._editions = editions

    def create(self, incarnation: str, hnsw: HnswSettings | None = None) -> None:
        """Make the collection; harmless when it exists."""
        self._store.create(self._name(incarnation), hnsw)

    def upsert(self, incarnation: str, chunks: Sequence[StoredChunk], vectors: Vectors) -> None:
        """Write chunks under their ids, replacing equal ids."""
        self._store.upsert(self._name(incarnation), chunks, vectors)

    def search(self, incarnation: str, vector: Vectors, *, limit: int) -> list[tuple[str, float]]:
        """Return (chunk id, cosine) of the nearest chunks, best first; *vector* has shape (d,)."""
        return self._store.search(self._name(incarnation), vector, limit=limit)

    def search_where(
        self, incarnation: str, vector: Vectors, *, limit: int, wanted: Filter
    ) -> list[tuple[str, float]]:
        """Return (chunk id, cosine) of the nearest chunks that may match a filter, best first."""
        return self._store.search_where(self._name(incarnation), vector, limit=limit, wanted=wanted)

    def get_with_vectors(
        self, incarnation: str, chunk_ids: Sequence[str]
    ) -> tuple[list[StoredChunk], Vectors]:
        """Return the chunks that exist, in the order asked for, and their vectors row by row."""
        return self._store.get_with_vectors(self._name(incarnation), chunk_ids)

    def get(self, incarnation: str, chunk_ids: Sequence[str]) -> dict[str, StoredChunk]:
        """Return the chunks that exist, by id."""
        return self._store.get(self._name(incarnation), chunk_ids)

    def rows(self, incarnation: str) -> Iterator[list[StoredRow]]:
        """Yield every chunk present without its text, page by page; all of one edition."""
        return self._store.rows(self._name(incarnation))

    def present(self, incarnation: str, chunk_ids: Sequence[str]) -> set[str]:
        """Return those of the ids that exist."""
        return self._store.present(self._name(incarnation), chunk_ids)

    def count(self, incarnation: str) -> int:
        """Return how many chunks there are, of all generations."""
        return self._store.count(self._name(incarnation))

    def label(self, incarnation: str, about: Mapping[str, str]) -> bool:
        """Write beside the edition what a lost catalogue would need; tells whether it exists."""
        return self._store.label(self._name(incarnation), {**about, "incarnation": incarnation})

    def labels(self) -> dict[str, dict[str, str]]:
        """Return every edition of the store by its own name, with its label."""
        return self._store.labels()

    def delete(self, incarnation: str, chunk_ids: Sequence[str]) -> None:
        """Remove chunks, from an unfinished edition too."""
        self._store.delete(self._name(incarnation), chunk_ids)
        building = self._editions.building(incarnation)
        if building is not None:
            self._store.delete(building, chunk_ids)

    def drop(self, edition: str) -> None:
        """Remove one edition, by its own name."""
        self._store.drop(edition)

    def _name(self, incarnation: str) -> str:
        """Return what the store calls an incarnation's vectors today."""
        return self._catalogue.edition(incarnation).name
