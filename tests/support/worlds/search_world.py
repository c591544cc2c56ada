"""A collection in memory to search: both retrievers, what is current, and a hook between."""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from rag.documents import Chunk, Scalar, chunk_id
from rag.in_memory_ports.embedder import HashingEmbedder
from rag.in_memory_ports.vector_store import DictVectors, matches
from rag.metadata.filters import Filter
from rag.ports import Ranking, Snapshot, StoredChunk, VectorIndex, Vectors
from rag.search import fusion
from rag.search.candidates import CandidateReader
from rag.search.chunk_texts import ChunkTexts
from rag.search.reranking import Reranking
from rag.search.retrieval import Retriever

T = TypeVar("T")

INC = "collection"


class Meanwhile(HashingEmbedder):
    """An embedder during whose next call something happens."""

    def __init__(self) -> None:
        super().__init__()
        self.during: list[Callable[[], object]] = []

    def embed(self, texts: Sequence[str], *, truncate: bool = False) -> Vectors:
        if self.during:
            self.during.pop()()
        return super().embed(texts, truncate=truncate)


class AtOnce(Executor):
    """Runs what it is given before anything else goes on."""

    def submit(self, work: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        done: Future[T] = Future()
        done.set_result(work(*args, **kwargs))
        return done


@dataclass(frozen=True)
class Now:
    """What is current of a document."""

    generation: int
    chunks: int
    seq: int
    language: str = ""


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class World:
    """A collection of documents in both retrievers and the catalogue, with a hook between."""

    def __init__(self) -> None:
        self.embedder = Meanwhile()
        self.vectors = DictVectors()
        self.vectors.create(INC)
        self.catalogue: dict[str, Now] = {}
        self.activations = 0
        self.looks = 0
        self.waiting = 0
        self.sparse: dict[str, str] | None = {}
        self.near: dict[str, StoredChunk] = {}  # what the replica holds of texts
        self.clock = Clock()
        self.known: dict[str, dict[str, Scalar]] = {}  # metadata of documents yet to be written
        self.searched = VectorIndex(INC, self.embedder.identity)
        self.after_dense: list[Callable[[], object]] = []
        self.has_vectors = False  # whether the replica's own are in step

    # The ports ---------------------------------------------------------------------------------

    def snapshot(self, collection_id: str) -> Snapshot:
        assert collection_id == INC
        return Snapshot(
            self.activations,
            self.searched,
            f"{self.activations}-0",
            "epoch",
            len(self.catalogue),
            self.waiting,
        )

    def current(self, collection_id: str, documents: Sequence[str]) -> Mapping[str, Now]:
        assert collection_id == INC
        return {name: self.catalogue[name] for name in documents if name in self.catalogue}

    def recheck(
        self, collection_id: str, documents: Sequence[str]
    ) -> tuple[Mapping[str, Now], VectorIndex]:
        self.looks += 1
        return self.current(collection_id, documents), self.searched

    def whole(self, collection_id: str, snapshot: Snapshot) -> "Among | None":
        assert collection_id == INC
        assert snapshot.seq <= self.activations
        return Among(self, None) if self.has_vectors else None

    def search(
        self, collection_id: str, query: str, *, limit: int, snapshot: Snapshot | None = None
    ) -> Ranking | None:
        assert collection_id == INC
        assert snapshot is None or snapshot.seq <= self.activations
        # Asked second: what happens here happens between the retrievers.
        if self.after_dense:
            self.after_dense.pop(0)()
        if self.sparse is None:
            return None
        words = set(query.split())
        return [(n, 1.0) for n, text in self.sparse.items() if words & set(text.split())][:limit]

    def chunks(self, collection_id: str, chunk_ids: Sequence[str]) -> dict[str, StoredChunk]:
        assert collection_id == INC
        return {name: self.near[name] for name in chunk_ids if name in self.near}

    def select(
        self, collection_id: str, filters: Filter, *, snapshot: Snapshot | None = None
    ) -> "Among | None":
        assert collection_id == INC
        assert snapshot is None or snapshot.seq <= self.activations
        return None if self.sparse is None else Among(self, filters)

    # The steps of a publish --------------------------------------------------------------------

    def upsert(self, document: str, generation: int, *texts: str, of: int | None = None) -> None:
        chunks = [
            StoredChunk(
                chunk_id(document, generation, n), Chunk(n, 0, len(text), text), of or len(texts),
                document, self.known.get(document, {}),
            )
            for n, text in enumerate(texts)
        ]  # fmt: skip
        self.vectors.upsert(INC, chunks, self.embedder.embed(texts))

    def activate(self, document: str, generation: int, chunks: int, language: str = "") -> None:
        self.activations += 1
        self.catalogue[document] = Now(generation, chunks, self.activations, language)

    def publish(self, document: str, generation: int, *texts: str, language: str = "") -> None:
        self.upsert(document, generation, *texts)
        for n, text in enumerate(texts):
            if self.sparse is not None:
                self.sparse[chunk_id(document, generation, n)] = text
        self.activate(document, generation, len(texts), language)

    def retriever(
        self,
        reranking: Reranking | None = None,
        executor: Executor | None = None,
        reader: type[CandidateReader] = CandidateReader,
    ) -> Retriever:
        made = reader(
            embedder=self.embedder, vectors=self.vectors, sparse=self, visibility=self,
            texts=ChunkTexts(self, self.vectors), depth=50, clock=self.clock, executor=executor,
        )  # fmt: skip
        return Retriever(made, fuse=partial(fusion.rrf, k=60), reranking=reranking)

    def found(self, query: str) -> list[str]:
        return [p.chunk_id for p in self.retriever().search(INC, query, top_k=10).passages]


class Among:
    """What matches a filter in a world, found the plain way; *wrong* matches by mistake."""

    wrong: tuple[str, ...] = ()

    def __init__(self, world: World, filters: Filter | None) -> None:
        self.world = world
        held = world.vectors.collections[INC]
        self.of = len(held)
        self.names = {
            n for n, (stored, _) in held.items() if filters is None or matches(filters, stored)
        }
        self.rows = len(self.names)

    def fields(self, only: AbstractSet[str] | None = None) -> dict[str, frozenset[str]]:
        if only == {"metadata.mixed"}:
            return {"metadata.mixed": frozenset({"text", "number"})}
        return {"metadata.colour": frozenset({"text"})}

    def keeps(self, name: str) -> bool:
        return name in self.names or name.startswith(self.wrong)

    def share_near(self, vector: Vectors) -> float:
        near = self.world.vectors.search(INC, vector, limit=20)
        return sum(self.keeps(name) for name, _ in near) / max(len(near), 1)

    def nearest(self, vector: Vectors, *, limit: int) -> Ranking:
        found = self.world.vectors.search(INC, vector, limit=self.of)
        return [hit for hit in found if self.keeps(hit[0])][:limit]

    def search(self, query: str, *, limit: int) -> Ranking:
        found = self.world.search(INC, query, limit=10_000) or []
        return [hit for hit in found if self.keeps(hit[0])][:limit]
