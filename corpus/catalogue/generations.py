"""Current generations: which version of each document searches read."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import orjson
from redis import Redis

from corpus.catalogue.garbage import split_member
from corpus.catalogue.vector_indexes import read_vector_index
from protocol.keys import key
from protocol.scripts import Scripts
from rag.ports import Snapshot, VectorIndex

#: Documents that Redis is asked for at once, by who looks at all.
PAGE: Final = 1_000


class Current(NamedTuple):
    """
    A document's current generation; *chunks* is 0 after a delete. *seq* counts activations.

    *language* is the document's language, ISO 639-1, empty where it was not detected: a
    reader weighs its two retrievers by it, before it fetches any chunk.
    """

    generation: int
    chunks: int
    seq: int
    language: str = ""

    @classmethod
    @lru_cache(maxsize=8_192)  # each search reads one of each candidate
    def parse(cls, text: str) -> "Current":
        """Read `generation:chunks:seq:language:fingerprint`; the last two may be missing."""
        generation, chunks, seq, *more = text.split(":")
        return cls(int(generation), int(chunks), int(seq), *more[:1])


class Generations:
    """Read which generations are current, and which are on their way: a `Visibility`."""

    def __init__(self, redis: Redis, scripts: Scripts) -> None:
        self._redis = redis
        self._run = scripts

    def seq(self, collection_id: str) -> int:
        """Return how many activations there have been."""
        return int(self._redis.hget(key("log_state", collection_id), "seq") or 0)

    def snapshot(self, collection_id: str) -> Snapshot:
        """Return what a search must know before it reads, in one trip."""
        pipe = self._redis.pipeline(transaction=False)
        # In this order: what was activated by then is in this vector index, and in this state of
        # the log.
        pipe.hget(key("log_state", collection_id), "seq")
        pipe.hmget(key("collection", collection_id), ["edition", "embedder", "hnsw"])
        pipe.hmget(key("log_state", collection_id), ["last_add", "epoch"])
        pipe.zcard(key("names", collection_id))
        pipe.scard(key("opened", collection_id))
        seq, (name, embedder, hnsw), (entry, epoch), documents, waiting = pipe.execute()
        vector_index = read_vector_index(name or collection_id, embedder, hnsw)
        return Snapshot(
            int(seq or 0), vector_index, entry or "0-0", epoch or "", documents, waiting
        )

    def current(self, collection_id: str, documents: Sequence[str]) -> dict[str, Current]:
        """Look once at the current generations of *documents*; absent ones are left out."""
        return self.recheck(collection_id, documents)[0] if documents else {}

    def current_of(self, collection_id: str, document: str) -> Current | None:
        """Return the current generation of one document, None where it has none."""
        return self.current(collection_id, [document]).get(document)

    def recheck(
        self, collection_id: str, documents: Sequence[str]
    ) -> tuple[dict[str, Current], VectorIndex]:
        """Look once at the current generations of *documents*, and at the vector index."""
        entries, name, embedder, hnsw = self._run(
            "current", collection_id, orjson.dumps(list(documents)).decode()
        )
        texts = orjson.loads(entries) if documents else []  # Lua has one word for {} and []
        found = {
            document: Current.parse(text)
            for document, text in zip(documents, texts, strict=True)
            if text
        }
        return found, read_vector_index(name or collection_id, embedder, hnsw)

    def every_current(self, collection_id: str) -> Iterator[tuple[str, Current]]:
        """Yield every document with its current generation, tombstones included."""
        for document, text in self._redis.hscan_iter(key("current", collection_id), count=1000):
            yield document, Current.parse(text)

    def page_of_current(self, collection_id: str, cursor: int) -> tuple[int, dict[str, Current]]:
        """
        Return where to go on, 0 at the end, and some documents with their current generations.

        Begin with 0. A cursor is good for one run of Redis; documents may come twice.
        """
        after, found = self._redis.hscan(key("current", collection_id), cursor, count=PAGE)
        return int(after), {name: Current.parse(text) for name, text in found.items()}

    def run_id(self) -> str:
        """Return the name of this run of Redis."""
        return str(self._redis.info("server")["run_id"])

    def is_open(self, collection_id: str, document: str, generation: int) -> bool:
        """Return True if the row of a generation has not ended."""
        return bool(self._redis.sismember(key("opened", collection_id), f"{document}:{generation}"))

    def open_rows(self, collection_id: str) -> int:
        """Return how many rows of documents have not ended."""
        return self._redis.scard(key("opened", collection_id))

    def logged(self, collection_id: str) -> Iterator[tuple[str, int, int]]:
        """Yield (document, generation, chunks) of what is in the vector store, and not current."""
        for member in self._redis.sscan_iter(key("add_logged", collection_id), count=1000):
            yield split_member(member)

    def known(self, collection_id: str, documents: Sequence[str]) -> list[str]:
        """Return those of the documents that are current or on their way: they can be deleted."""
        if not documents:
            return []
        current = self.current(collection_id, documents)
        newest = self._redis.hmget(key("newest", collection_id), list(documents))
        named = [
            f"{document}:{(text or '').partition(':')[0]}"
            for document, text in zip(documents, newest, strict=True)
        ]
        opened = self._redis.smismember(key("opened", collection_id), named)
        return [
            document
            for document, is_open in zip(documents, opened, strict=True)
            if is_open or (document in current and current[document].chunks)
        ]
