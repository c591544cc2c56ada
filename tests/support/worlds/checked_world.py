"""A small Quern to break and to repair: a collection with its Redis, Chroma, blobs and follower."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from adapters.chroma.store import ChromaStore
from adapters.local_index.follower import Follower
from adapters.local_index.slot import Slot
from corpus.blobs import BlobStore
from corpus.check_and_repair.checker import Walk, checker_of
from corpus.current_vectors import CurrentVectors
from corpus.manifests import manifest_of
from corpus.reindexing import Reindexer
from jobs.leases.leases import Leases
from protocol.ids import new_id
from protocol.keys import key
from rag.documents import Chunk, ParsedDocument, chunk_id
from rag.in_memory_ports.embedder import HashingEmbedder
from rag.ports import StoredChunk
from rag.search import fusion
from rag.search.candidates import CandidateReader
from rag.search.chunk_texts import ChunkTexts
from rag.search.modes import Mode
from rag.search.retrieval import Retriever
from tests.support.waiting import until
from tests.support.workbench import Workbench, ingestion_of

TEXTS = {
    "oil": ("The embargo on oil began.", "It raised prices.", "It ended in spring."),
    "trees": ("Forests hold a third of trees.", "They are old."),
    "maps": ("Maps of the coast were drawn by hand.", "Some are lost."),
}


class World:
    """A small Quern in one process: everything but Celery and the web."""

    def __init__(self, redis_url: str, chroma_url: str, folder: Path) -> None:
        self.bench = Workbench(redis_url)
        self.folder = folder
        self.store = ChromaStore(chroma_url)
        self.vectors = CurrentVectors(self.store, self.bench.catalogue.vector_indexes)
        self.blobs = BlobStore(folder / "blobs")
        self.embedder = HashingEmbedder()
        self.leases = Leases(self.bench.ledger.work, self.bench.redis, name="worker")
        bench = self.bench
        self.storage = bench.storage(self.blobs)
        self.ingestion = ingestion_of(
            bench, self.leases, self.blobs, vectors=self.store, embedder=self.embedder
        )
        self.checker = checker_of(self.storage, self.store, self.embedder)
        self.inc = bench.collection()
        self.follower = self.follow()

    def follow(self) -> Follower:
        follower = Follower(
            Slot(self.folder / "index"), redis=self.bench.redis, catalogue=self.bench.catalogue,
            change_log=self.bench.change_log, vectors=self.vectors,
        )  # fmt: skip
        return follower.__enter__()

    def close(self) -> None:
        self.follower.__exit__(None, None, None)
        for name in self.store.labels():
            self.store.drop(name)
        self.store.close()
        self.bench.close()

    def restart_follower(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.follower.__exit__(None, None, None)
        meanwhile()
        self.follower = self.follow()

    # Documents -------------------------------------------------------------------------------

    def publish(self, document: str, *texts: str) -> str:
        texts = texts or TEXTS[document]
        text = "\n\n".join(texts)
        (row,) = self.bench.ingest(
            self.inc, rows=[self.bench.row(document, content=text)]
        )[1]  # fmt: skip
        source = self.blobs.put(text.encode())
        self.bench.redis.hset(key("unit", row), "sha256", source)
        spans = [(text.index(part), text.index(part) + len(part)) for part in texts]
        chunks = [Chunk(n, a, b, text[a:b]) for n, (a, b) in enumerate(spans)]
        blob = self.blobs.put(text.encode())
        parsed = ParsedDocument(text=text, kind="text")
        manifest = self.blobs.put_json(manifest_of(parsed, document.title(), chunks, blob))
        fields: dict[str, str | int] = {
            "chunks": len(chunks), "manifest_blob": manifest, "text_blob": blob,
        }  # fmt: skip
        self.bench.hand_over(self.bench.take(row), stage="publish", fields=fields)
        self.ingestion.publish(row)
        return row

    def fill(self) -> None:
        for document in TEXTS:
            self.publish(document)
        assert until(lambda: self.sparse("oil") == {"oil"})

    def ids(self, document: str) -> list[str]:
        current = self.bench.catalogue.generations.current(self.inc, [document])[document]
        return [chunk_id(document, current.generation, n) for n in range(current.chunks)]

    def held(self) -> set[str]:
        return {name for page in self.vectors.ids(self.inc) for name in page}

    def wanted(self) -> set[str]:
        return {name for document in TEXTS for name in self.ids(document)}

    def blob(self, document: str, kind: str) -> Path:
        record = self.bench.catalogue.documents.record(self.inc, document)
        assert record is not None
        name = record[kind]
        return self.folder / "blobs" / name[:2] / name

    def reindex(self, job: str = "") -> str:
        """Make the vectors anew; returns the name of the vector index in use."""
        with self.leases.claim(job or self.ask_reindex(), "reindex") as lease:
            assert lease is not None
            Reindexer(
                vectors=self.store, embedder=self.embedder, catalogue=self.bench.catalogue,
                blobs=self.blobs,
            ).reindex(lease)  # fmt: skip
        return self.bench.catalogue.vector_indexes.in_use(self.inc).name

    def ask_reindex(self) -> str:
        return self.bench.ledger.submissions.submit(
            new_id(),
            stage="reindex",
            fields={
                "kind": "reindex", "class": "ingest", "owner": "batch", "priority": 9,
                "collection": "papers", "incarnation": self.inc, "request": "{}",
            },
            limit=100,
            deadline_s=300,
        )  # fmt: skip

    # Looking ---------------------------------------------------------------------------------

    def search(self, query: str, mode: Mode) -> set[str]:
        reader = CandidateReader(
            embedder=HashingEmbedder(), vectors=self.store, sparse=self.follower.reader,
            visibility=self.bench.catalogue.generations,
            texts=ChunkTexts(self.follower.reader, self.store), depth=50, clock=time.perf_counter,
        )  # fmt: skip
        retriever = Retriever(reader, fuse=partial(fusion.convex, weight=0.5))
        found = retriever.search(self.inc, query, top_k=10, mode=mode)
        return {p.document_id for p in found.passages if query in p.text.lower()}

    def sparse(self, query: str) -> set[str]:
        return self.search(query, "sparse")

    def check(self, *, repair: bool = False, adopt: bool = True) -> "Found":
        walk = self.checker.walk(None, repair=repair, adopt=adopt)
        for _ in walk:
            pass
        return Found(walk)

    def repair(self) -> "Found":
        """Repair, and see that nothing is left to be found."""
        repaired = self.check(repair=True)
        again = self.check()
        assert again.differences == {}, again.told
        return repaired


class Found:
    """What a check found, in little."""

    def __init__(self, walk: Walk) -> None:
        result = walk.result()
        self.consistent: bool = result["consistent"]
        self.collections: list[dict[str, Any]] = result["collections"]
        self.differences: dict[str, tuple[int, int]] = {}
        self.told = [f for shown in self.collections for f in shown["findings"]]
        for shown in self.collections:
            for kind, n in shown["differences"].items():
                found, repaired = self.differences.get(kind, (0, 0))
                self.differences[kind] = (found + n["found"], repaired + n["repaired"])

    def documents(self, kind: str) -> set[str | None]:
        return {f["document_id"] for f in self.told if f["kind"] == kind}


def stray(document: str, generation: int) -> StoredChunk:
    """The only chunk of a generation that nobody knows."""
    return StoredChunk(chunk_id(document, generation, 0), Chunk(0, 0, 3, "gas"), 1, "", {})


def damage(world: World) -> None:
    """Break a little of everything."""
    world.vectors.delete(world.inc, world.ids("oil")[1:])
    world.vectors.delete(world.inc, world.ids("maps"))
    world.bench.redis.hdel(key("current", world.inc), "trees")
    world.vectors.upsert(world.inc, [stray("oil", 5)], world.embedder.embed(["gas"]))
    index = world.follower._indexes.all()[world.inc]
    index.add([stray("maps", 7)], world.embedder.embed(["gas"]))
    index.commit(cursor=index.cursor, log_epoch=index.log_epoch)
