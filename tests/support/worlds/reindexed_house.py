"""A collection whose vectors are made anew, and a fuse that hurts its worker at any step."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from corpus.blobs import BlobStore
from corpus.check_and_repair.checker import checker_of
from corpus.current_vectors import CurrentVectors
from corpus.ingestion import Ingestion
from corpus.manifests import manifest_of
from corpus.reindexing import Reindexer
from jobs.leases.leases import Leases
from protocol.ids import new_id
from protocol.keys import key
from rag.documents import Chunk, ParsedDocument, chunk_id
from rag.errors import NoVector
from rag.in_memory_ports.embedder import HashingEmbedder
from rag.in_memory_ports.vector_store import DictVectors
from rag.ports import EmbeddedPassages, Embedder, HnswSettings, PassageText, VectorIndex
from tests.support.workbench import Workbench, ingestion_of
from workers.maintenance import GarbageCollector

NEW = HnswSettings("ip", 400, 300, 64)


class Killed(BaseException):
    """The worker was killed here."""


class Fuse:
    """Counts steps, and at one of them does something of the test's choice."""

    def __init__(self) -> None:
        self.steps = 0
        self.at: dict[int, Callable[[], object]] = {}

    def burn(self) -> None:
        self.steps += 1
        if (act := self.at.pop(self.steps, None)) is not None:
            act()


class Fused:
    """Passes every call on; a step of the fuse before it, and one after it."""

    def __init__(self, inner: object, fuse: Fuse) -> None:
        self._inner = inner
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if (
            not callable(found) or name == "in_use"
        ):  # asking which vector index is searched is no step
            return found

        def call(*given: Any, **named: Any) -> Any:
            self._fuse.burn()
            answer = found(*given, **named)
            self._fuse.burn()
            return answer

        return call


def kill() -> None:
    raise Killed


class Picky(HashingEmbedder):
    """Another model, which gives no vector for a text with the word *mute*."""

    def __init__(self) -> None:
        super().__init__(dimension=64)
        self.identity = replace(self.identity, model="picky")

    def embed_passages(self, passages: Sequence[PassageText]) -> EmbeddedPassages:
        if any("mute" in passage.text for passage in passages):
            raise NoVector("not of norm 1")
        return super().embed_passages(passages)


class House:
    """A collection, and workers of two embedders that share a store."""

    def __init__(self, bench: Workbench, folder: Path) -> None:
        self.bench = bench
        self.vectors = DictVectors()
        self.blobs = BlobStore(folder)
        self.old, self.new = HashingEmbedder(), HashingEmbedder(dimension=64)
        self.new.identity = replace(self.new.identity, model="another")
        self.leases = Leases(bench.ledger.work, bench.redis, name="worker")
        self.fuse = Fuse()
        self.current = CurrentVectors(self.vectors, bench.catalogue.vector_indexes)
        storage = bench.storage(self.blobs)
        self.garbage_collector = GarbageCollector(storage, self.current)
        self.storage = storage
        self.collection_id = bench.collection()
        bench.catalogue.collections.hnsw = NEW

    @property
    def suited(self) -> Embedder:
        """The embedder of the vectors that people search."""
        return self.new if self.vector_index.embedder == self.new.identity else self.old

    # Documents ---------------------------------------------------------------------------------

    def accept(self, document: str, *texts: str) -> str:
        """Take a document whose chunks are *texts* as far as its publish stage."""
        row = self.bench.ingest(self.collection_id, document)[1][0]
        text = "\n".join(texts)
        spans = [(text.index(part), text.index(part) + len(part)) for part in texts]
        chunks = [Chunk(n, start, end, text[start:end]) for n, (start, end) in enumerate(spans)]
        parsed = ParsedDocument(text=text, kind="text")
        blob = self.blobs.put(text.encode())
        self.bench.redis.hset(key("unit", row), "sha256", blob)
        manifest = self.blobs.put_json(manifest_of(parsed, "Title", chunks, blob))
        fields: dict[str, str | int] = {
            "chunks": len(chunks), "manifest_blob": manifest, "text_blob": blob,
        }  # fmt: skip
        self.bench.hand_over(self.bench.take(row), stage="publish", fields=fields)
        return row

    def ingestion(self, embedder: Embedder, vectors: Any = None) -> Ingestion:
        return ingestion_of(
            self.bench, self.leases, self.blobs, vectors=vectors or self.vectors, embedder=embedder
        )

    def publish(self, row: str, embedder: Embedder | None = None) -> str:
        self.ingestion(embedder or self.suited).publish(row)
        return self.bench.field(row, "outcome")

    def put(self, document: str, *texts: str) -> str:
        return self.publish(self.accept(document, *texts))

    def remove(self, document: str) -> None:
        _, row = self.bench.delete(self.collection_id, document)
        self.ingestion(self.old).remove(row)

    # Reindexes ---------------------------------------------------------------------------------

    def ask(self) -> str:
        return self.bench.ledger.submissions.submit(
            new_id(),
            stage="reindex",
            fields={
                "kind": "reindex", "class": "ingest", "owner": "batch", "priority": 9,
                "collection": "papers", "incarnation": self.collection_id, "request": "{}",
                "alone": f"reindex:{self.collection_id}",
            },
            limit=100,
            deadline_s=300,
        )  # fmt: skip

    def reindex(self, job: str, embedder: Embedder | None = None) -> str:
        with self.leases.claim(job, "reindex") as lease:
            assert lease is not None
            embedder = Fused(embedder or self.new, self.fuse)  # type: ignore[assignment]  # passes all on
            vector_indexes: Any = Fused(self.bench.catalogue.vector_indexes, self.fuse)
            Reindexer(
                vectors=Fused(self.vectors, self.fuse),  # type: ignore[arg-type]  # passes all on
                embedder=embedder,
                catalogue=replace(self.bench.catalogue, vector_indexes=vector_indexes),
                blobs=self.blobs,
            ).reindex(lease)
        return self.bench.state(job)

    def until_it_ends(self, job: str) -> str:
        """Run a reindex, however often it is killed."""
        for _ in range(10):
            try:
                self.reindex(job)
            except Killed:
                self.bench.die_and_be_found(job)
            if self.bench.state(job) != "running":
                return self.bench.state(job)
            self.bench.ledger.maintenance.dispatch("embed")
        raise AssertionError("it never ends")

    # Looking -----------------------------------------------------------------------------------

    @property
    def vector_index(self) -> VectorIndex:
        return self.bench.catalogue.vector_indexes.in_use(self.collection_id)

    def wanted(self) -> set[str]:
        """The ids of every chunk that people should find."""
        return {
            chunk_id(document, current.generation, n)
            for document, current in self.bench.catalogue.generations.every_current(
                self.collection_id
            )
            for n in range(current.chunks)
        }

    def held(self) -> set[str]:
        return set(self.vectors.collections.get(self.vector_index.name, {}))

    def clean(self) -> None:
        """Let a minute pass for the garbage collector, twice."""
        self.garbage_collector.turn()
        self.age_retired()
        for _ in range(2):
            name = key("garbage", self.collection_id)
            for member in self.bench.redis.zrange(name, 0, -1):
                self.bench.redis.zadd(name, {member: 1})
            self.garbage_collector.collect(self.collection_id)
            self.check()
        self.garbage_collector.turn()

    def check(self, *, adopt: bool = False) -> dict[str, Any]:
        """Compare everything, repairing what differs."""
        walk = checker_of(self.storage, self.vectors, self.suited).walk(
            None, repair=True, adopt=adopt
        )
        for _ in walk:
            pass
        return walk.result()

    def age_retired(self) -> None:
        long_ago = int(self.bench.redis.time()[0] - 3_600) * 1_000
        for vector_index in self.retired():
            self.bench.redis.zadd(key("retired"), {vector_index: long_ago})

    def retired(self) -> list[str]:
        return self.bench.redis.zrange(key("retired"), 0, -1)

    def leftovers(self) -> list[str]:
        names = ("building", "behind", "held")
        return [name for name in names if self.bench.redis.exists(key(name, self.collection_id))]
