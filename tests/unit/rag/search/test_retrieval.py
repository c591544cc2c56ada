"""Retrieval: what a search may see while documents are replaced and deleted under it."""

import math
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
import pytest

from rag.documents import Chunk, Scalar, chunk_id
from rag.errors import Cancelled, EmbedderMismatch, StoreUnavailable
from rag.in_memory.embedder import HashingEmbedder
from rag.in_memory.reranker import OverlapReranker
from rag.in_memory.vector_store import DictVectors, matches
from rag.metadata.filters import Filter, parse
from rag.ports import Edition, HnswSettings, Look, Ranking, Scores, StoredChunk, Vectors
from rag.reading_ports import CurrentLike
from rag.search import filtered_search, fusion, legs
from rag.search.chunk_texts import ChunkTexts
from rag.search.filtered_search import nearest_matching
from rag.search.legs import NOT_WANTED, STALE_S, TRIES, LegReader, Legs, Question
from rag.search.modes import Mode
from rag.search.reranking import BATCH, Reranking
from rag.search.retrieval import SPARE, Retriever, still_current

T = TypeVar("T")

INC = "incarnation"


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
    """A collection of documents in both legs and the catalogue, with a hook after the dense leg."""

    def __init__(self) -> None:
        self.embedder = Meanwhile()
        self.vectors = DictVectors()
        self.vectors.create(INC)
        self.catalogue: dict[str, Now] = {}
        self.flips = 0
        self.looks = 0
        self.waiting = 0
        self.sparse: dict[str, str] | None = {}
        self.near: dict[str, StoredChunk] = {}  # what the replica holds of texts
        self.clock = Clock()
        self.known: dict[str, dict[str, Scalar]] = {}  # metadata of documents yet to be written
        self.searched = Edition(INC, self.embedder.identity)
        self.after_dense: list[Callable[[], object]] = []
        self.has_vectors = False  # whether the replica's own are in step

    # The ports ---------------------------------------------------------------------------------

    def look(self, incarnation: str) -> Look:
        assert incarnation == INC
        return Look(
            self.flips, self.searched, f"{self.flips}-0", "epoch", len(self.catalogue), self.waiting
        )

    def current(self, incarnation: str, documents: Sequence[str]) -> Mapping[str, Now]:
        assert incarnation == INC
        return {name: self.catalogue[name] for name in documents if name in self.catalogue}

    def look_again(
        self, incarnation: str, documents: Sequence[str]
    ) -> tuple[Mapping[str, Now], Edition]:
        self.looks += 1
        return self.current(incarnation, documents), self.searched

    def whole(self, incarnation: str, look: Look) -> "Among | None":
        assert incarnation == INC
        assert look.seq <= self.flips
        return Among(self, None) if self.has_vectors else None

    def search(
        self, incarnation: str, query: str, *, limit: int, look: Look | None = None
    ) -> Ranking | None:
        assert incarnation == INC
        assert look is None or look.seq <= self.flips
        # Asked second: what happens here happens between the legs.
        if self.after_dense:
            self.after_dense.pop(0)()
        if self.sparse is None:
            return None
        words = set(query.split())
        return [(n, 1.0) for n, text in self.sparse.items() if words & set(text.split())][:limit]

    def chunks(self, incarnation: str, chunk_ids: Sequence[str]) -> dict[str, StoredChunk]:
        assert incarnation == INC
        return {name: self.near[name] for name in chunk_ids if name in self.near}

    def select(
        self, incarnation: str, wanted: Filter, *, look: Look | None = None
    ) -> "Among | None":
        assert incarnation == INC
        assert look is None or look.seq <= self.flips
        return None if self.sparse is None else Among(self, wanted)

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

    def flip(self, document: str, generation: int, chunks: int, language: str = "") -> None:
        self.flips += 1
        self.catalogue[document] = Now(generation, chunks, self.flips, language)

    def publish(self, document: str, generation: int, *texts: str, language: str = "") -> None:
        self.upsert(document, generation, *texts)
        for n, text in enumerate(texts):
            if self.sparse is not None:
                self.sparse[chunk_id(document, generation, n)] = text
        self.flip(document, generation, len(texts), language)

    def retriever(
        self,
        reranking: Reranking | None = None,
        beside: Executor | None = None,
        reader: type[LegReader] = LegReader,
    ) -> Retriever:
        legs = reader(
            embedder=self.embedder, vectors=self.vectors, sparse=self, visibility=self,
            texts=ChunkTexts(self, self.vectors), depth=50, clock=self.clock, beside=beside,
        )  # fmt: skip
        return Retriever(legs, fuse=partial(fusion.rrf, k=60), reranking=reranking)

    def found(self, query: str) -> list[str]:
        return [p.chunk_id for p in self.retriever().search(INC, query, top_k=10).passages]


class Among:
    """What matches a filter in a world, found the plain way; *wrong* matches by mistake."""

    wrong: tuple[str, ...] = ()

    def __init__(self, world: World, wanted: Filter | None) -> None:
        self.world = world
        held = world.vectors.collections[INC]
        self.of = len(held)
        self.names = {
            n for n, (stored, _) in held.items() if wanted is None or matches(wanted, stored)
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


@pytest.fixture
def world() -> World:
    return World()


def test_a_passage_tells_where_it_stands(world: World) -> None:
    world.publish("a:b", 7, "oil prices", "tree species")
    found = world.retriever().search(INC, "oil", top_k=1)

    (passage,) = found.passages
    assert (passage.document_id, passage.generation, passage.n) == ("a:b", 7, 0)
    assert (passage.text, passage.title, passage.start, passage.end) == ("oil prices", "a:b", 0, 10)
    assert found.degraded == []
    assert world.embedder.seen.count("oil") == 1


@pytest.mark.parametrize(("mode", "degraded"), [("hybrid", ["sparse"]), ("dense", [])])
def test_without_its_sparse_index_a_replica_answers_from_the_dense_leg_and_says_so(
    world: World, mode: Mode, degraded: list[str]
) -> None:
    world.publish("a", 1, "oil")
    world.sparse = None
    found = world.retriever().search(INC, "oil", top_k=1, mode=mode)

    assert [p.document_id for p in found.passages] == ["a"]
    assert found.degraded == degraded


@pytest.mark.parametrize(
    ("languages", "mode", "first"),
    [
        (None, "hybrid", "meaning"),
        ({"en", "es"}, "hybrid", "meaning"),
        ({"en"}, "hybrid", "words"),
        ({"en"}, "dense", "meaning"),
    ],
)
def test_a_search_leans_on_words_where_the_embedder_does_not_know_the_language(
    world: World, languages: set[str] | None, mode: Mode, first: str
) -> None:
    world.publish("meaning", 1, "oil", language="es")
    world.publish("words", 1, "barrels", language="es")
    world.sparse = {"words:1:0": "oil"}
    retriever = world.retriever()
    retriever._fuse = partial(fusion.convex, weight=0.6)
    retriever._languages = languages
    found = retriever.search(INC, "oil", top_k=2, mode=mode, trace=True)

    assert found.passages[0].document_id == first
    assert found.trace is not None
    for told in found.trace["candidates"] if mode == "hybrid" else ():
        parts = [told[leg]["part"] for leg in ("dense", "sparse") if leg in told]
        assert told["score"] == pytest.approx(sum(parts))


@pytest.mark.parametrize("sparse", [None, {}], ids=["no index", "no words in common"])
def test_with_nothing_to_lean_on_meaning_counts_in_every_language(
    world: World, sparse: dict[str, str] | None
) -> None:
    world.publish("a", 1, "oil", language="es")
    world.sparse = sparse
    retriever = world.retriever()
    before = retriever.search(INC, "oil", top_k=1).passages
    retriever._languages = {"en"}

    assert retriever.search(INC, "oil", top_k=1).passages == before


def test_a_text_in_no_known_language_is_left_to_both_legs(world: World) -> None:
    world.publish("a", 1, "oil")
    retriever = world.retriever()
    before = retriever.search(INC, "oil", top_k=1).passages
    retriever._languages = {"en"}

    assert retriever.search(INC, "oil", top_k=1).passages == before


def test_vectors_of_another_embedder_are_not_searched_and_the_sparse_leg_answers_alone(
    world: World,
) -> None:
    world.publish("a", 1, "tax law")
    world.searched = Edition(INC, replace(world.embedder.identity, revision="2"))
    found = world.retriever().search(INC, "tax", top_k=3)

    assert [p.chunk_id for p in found.passages] == ["a:1:0"]
    assert found.degraded == ["dense"]
    assert world.retriever().search(INC, "tax", top_k=3, mode="sparse").degraded == []
    with pytest.raises(EmbedderMismatch, match="quern reindex"):
        world.retriever().search(INC, "tax", top_k=3, mode="dense")
    world.sparse = None
    with pytest.raises(StoreUnavailable):
        world.retriever().search(INC, "tax", top_k=3)


def test_a_search_that_a_reindex_overtakes_reads_the_vectors_it_began_with(world: World) -> None:
    world.publish("a", 1, "tax law")
    world.vectors.create("new")
    other = replace(world.embedder.identity, revision="2")
    world.after_dense = [lambda: setattr(world, "searched", Edition("new", other))]
    found = world.retriever().search(INC, "tax", top_k=3)

    assert [p.chunk_id for p in found.passages] == ["a:1:0"]
    assert found.degraded == []


def test_a_search_that_starts_again_after_a_reindex_reads_the_new_vectors(world: World) -> None:
    def change_over() -> None:
        world.vectors.create("new")
        world.searched = Edition("new", world.embedder.identity)
        old = world.vectors.collections[INC]
        world.publish("a", 2, "tax law anew")
        world.vectors.collections["new"] = {"a:2:0": old.pop("a:2:0")}

    world.publish("a", 1, "tax law")
    world.after_dense = [change_over]

    assert world.found("tax") == ["a:2:0"]


@pytest.mark.parametrize(("most", "asked"), [(3, False), (2, True)])
def test_a_small_collection_is_compared_with_the_replicas_own_vectors(
    world: World, monkeypatch: pytest.MonkeyPatch, most: int, *, asked: bool
) -> None:
    world.publish("a", 1, "oil prices", "tree species", "tax law")
    before = [(p.chunk_id, p.score) for p in world.retriever().search(INC, "oil", top_k=3).passages]
    monkeypatch.setattr(legs, "OWN_ROWS", most)
    world.has_vectors = True
    calls: list[int] = []
    nearest = Among.nearest

    def counted(self: Among, vector: Vectors, *, limit: int) -> Ranking:
        calls.append(limit)
        return nearest(self, vector, limit=limit)

    monkeypatch.setattr(Among, "nearest", counted)
    found = world.retriever().search(INC, "oil", top_k=3)

    assert [(p.chunk_id, p.score) for p in found.passages] == before
    assert (not calls) is asked


def test_own_vectors_of_an_edition_that_came_meanwhile_are_looked_at_again(world: World) -> None:
    world.publish("a", 1, "tax law")
    world.has_vectors = True
    looks = world.looks
    world.after_dense = [lambda: setattr(world, "searched", replace(world.searched, hnsw=None))]
    world.searched = replace(world.searched, hnsw=HnswSettings())

    assert world.found("tax") == ["a:1:0"]
    assert world.looks == looks + 2


def test_a_sparse_search_embeds_nothing(world: World) -> None:
    world.publish("a", 1, "oil")
    world.embedder.seen.clear()
    found = world.retriever().search(INC, "oil", top_k=1, mode="sparse")

    assert [p.document_id for p in found.passages] == ["a"]
    assert world.embedder.seen == []


def test_only_current_generations_are_found_and_a_deleted_document_is_not(world: World) -> None:
    world.publish("a", 1, "oil old")
    world.publish("a", 2, "oil new")
    world.publish("b", 3, "oil")
    world.flip("b", 4, 0)
    world.upsert("c", 5, "oil not yet flipped")

    assert world.found("oil") == ["a:2:0"]


@pytest.mark.parametrize("mode", ["hybrid", "dense", "sparse"])
def test_replaced_generations_do_not_crowd_out_what_is_current(world: World, mode: Mode) -> None:
    world.publish("big", 1, *(f"oil {n}" for n in range(300)))
    world.flip("big", 2, 0)
    world.publish("small", 3, "oil of another kind")
    found = world.retriever().search(INC, "oil", top_k=5, mode=mode)

    assert [passage.document_id for passage in found.passages] == ["small"]


class Once(LegReader):
    """Looks at the catalogue once and never starts again: the rule of the reader taken out."""

    def read(
        self, incarnation: str, question: Question, mode: Mode, _wanted: Filter | None
    ) -> tuple[Legs, Mapping[str, CurrentLike]]:
        texts = partial(self._texts.get, incarnation, edition=incarnation)
        legs = Legs(texts, incarnation)
        look = self._visibility.look(incarnation)
        self._ask(legs, incarnation, question, mode, look=look, dense=True, limit=self.depth)
        names = sorted({n.rsplit(":", 2)[0] for n, _ in (*legs.dense, *legs.sparse)})
        now = self._visibility.current(incarnation, names)
        return legs, {name: entry for name, entry in now.items() if entry.chunks}


@pytest.mark.parametrize(("reader", "safe"), [(LegReader, True), (Once, False)])
def test_a_search_during_a_replacement_sees_the_old_document_or_the_new_one(
    world: World, reader: type[LegReader], safe: bool
) -> None:
    world.publish("a", 1, "oil one", "oil two")
    world.sparse = {}  # the replica lags; the dense leg is asked before the upsert ends

    def flips() -> None:
        world.upsert("a", 2, "oil one", "oil two")
        world.flip("a", 2, 2)

    # The dense leg has run in the middle of the upsert: half of the new document is there.
    world.upsert("a", 2, "oil one", of=2)
    world.after_dense = [flips]
    hits = world.retriever(reader=reader).search(INC, "oil", top_k=10).passages
    found = {hit.chunk_id for hit in hits}

    assert (found in ({"a:1:0", "a:1:1"}, {"a:2:0", "a:2:1"})) is safe


def test_a_document_that_flips_after_the_sparse_leg_is_read_anew_by_both(world: World) -> None:
    world.publish("a", 1, "oil")
    world.embedder.during = [lambda: world.publish("a", 2, "oil")]
    found = world.retriever(beside=AtOnce()).search(INC, "oil", top_k=10, trace=True)

    assert [p.chunk_id for p in found.passages] == ["a:2:0"]
    assert found.trace is not None
    assert {"dense", "sparse"} <= found.trace["candidates"][0].keys()
    assert world.looks == 2


@pytest.mark.parametrize("filtered", [False, True])
def test_the_sparse_leg_is_read_while_the_dense_one_is_asked(
    world: World, monkeypatch: pytest.MonkeyPatch, *, filtered: bool
) -> None:
    world.known = {"a": {"colour": "red"}}
    world.publish("a", 1, "oil")
    asked = threading.Event()
    world.after_dense = [asked.set]
    awaited: list[bool] = []

    def late(leg: Callable[..., T]) -> Callable[..., T]:
        def waits(*args: Any, **kwargs: Any) -> T:
            awaited.append(asked.wait(10))
            return leg(*args, **kwargs)

        return waits

    monkeypatch.setattr(world.vectors, "search", late(world.vectors.search))
    monkeypatch.setattr("rag.search.legs.nearest_matching", late(nearest_matching))
    wanted = parse({"colour": "red"}) if filtered else None
    with ThreadPoolExecutor(1) as beside:
        found = world.retriever(beside=beside).search(INC, "oil", top_k=10, wanted=wanted)

    assert set(awaited) == {True}
    assert [p.chunk_id for p in found.passages] == ["a:1:0"]


def test_what_goes_wrong_in_a_leg_beside_the_other_ends_the_search(world: World) -> None:
    world.publish("a", 1, "oil")

    def fails() -> None:
        raise StoreUnavailable("Redis is away")

    world.after_dense = [fails]
    with (
        ThreadPoolExecutor(1) as beside,
        pytest.raises(StoreUnavailable, match="Redis is away"),
    ):
        world.retriever(beside=beside).search(INC, "oil", top_k=10)


def test_a_search_starts_again_at_most_three_times(world: World) -> None:
    world.publish("a", 1, "oil")
    world.after_dense = [lambda: world.flip("a", 1, 1)] * 10
    found = world.found("oil")

    assert world.looks == TRIES
    assert found == ["a:1:0"]


def test_a_flip_of_another_document_costs_nothing(world: World) -> None:
    world.publish("a", 1, "oil")
    world.after_dense = [lambda: world.flip("b", 2, 1)]
    world.found("oil")

    assert world.looks == 1


def test_legs_that_took_longer_than_garbage_lives_start_again(world: World) -> None:
    world.publish("a", 1, "oil")

    def pass_time() -> None:
        world.clock.now += STALE_S + 1

    world.after_dense = [pass_time]
    world.found("oil")

    assert world.looks == 2


def test_a_search_tells_what_each_leg_took_in_all_its_attempts(world: World) -> None:
    world.publish("a", 1, "apple")

    def flips_slowly() -> None:
        world.clock.now += 2
        world.publish("a", 2, "apple pie")

    world.after_dense.append(flips_slowly)
    world.after_dense.append(lambda: setattr(world.clock, "now", world.clock.now + 1))
    found = world.retriever().search(INC, "apple", top_k=5)

    assert (found.embed_ms, found.dense_ms, found.sparse_ms, found.fuse_ms) == (0, 0, 3000, 0)
    assert found.retrieve_ms == 3000


def test_a_candidate_whose_text_is_gone_is_replaced_by_the_next(world: World) -> None:
    for n in range(3):
        world.publish(f"d{n}", 1, "oil")
    retriever = world.retriever()
    world.after_dense = [lambda: world.vectors.delete(INC, ["d0:1:0"])]
    found = retriever.search(INC, "oil", top_k=2, trace=True)

    assert {p.document_id for p in found.passages} == {"d1", "d2"}
    assert found.trace is not None
    assert found.trace["dropped"] == {"d0:1:0": "its text is gone"}


PROSE = "oil rose from three to twelve when the members of the organisation proclaimed an embargo"


def test_a_near_duplicate_gives_its_place_in_a_context_to_the_next_and_stays_a_hit(
    world: World,
) -> None:
    world.publish("a", 1, PROSE)
    world.publish("b", 1, f"Copied: {PROSE}.")
    world.publish("c", 1, "oil is a liquid of another kind")
    retriever = world.retriever()
    asked = "members of the organisation proclaimed an oil embargo"
    context = retriever.search(INC, asked, top_k=2, for_context=True, trace=True)
    hits = retriever.search(INC, asked, top_k=3, trace=True)

    first, second = (passage.document_id for passage in context.passages)
    assert {first, second} in ({"a", "c"}, {"b", "c"})
    assert context.trace is not None
    kept = {"a", "b"} & {first, second}
    (copy,) = {"a", "b"} - kept
    assert context.trace["dropped"] == {f"{copy}:1:0": f"near-duplicate of {kept.pop()}:1:0"}
    assert {passage.document_id for passage in hits.passages} == {"a", "b", "c"}
    assert hits.trace is not None
    assert hits.trace["dropped"] == {}


def test_many_copies_do_not_empty_a_context(world: World) -> None:
    for n in range(30):
        world.publish(f"copy {n:02}", 1, PROSE)
    world.publish("other", 1, "members of another kind")
    found = world.retriever().search(INC, "oil embargo members", top_k=2, for_context=True)

    assert [passage.document_id for passage in found.passages] == ["copy 00", "other"]


def test_neighbours_are_one_passage_of_a_context_and_two_hits(world: World) -> None:
    texts = ["oil price", "oil embargo"]
    world.publish("a", 1, *texts)
    kept = world.vectors.collections[INC]
    for n, start in enumerate((0, 11)):
        stored, vector = kept[f"a:1:{n}"]
        chunk = replace(stored.chunk, start=start, end=start + len(texts[n]), before="\r\n" * n)
        kept[f"a:1:{n}"] = (replace(stored, chunk=chunk), vector)
    retriever = world.retriever()
    (joined,) = retriever.search(INC, "oil", top_k=5, for_context=True).passages
    hits = retriever.search(INC, "oil", top_k=5).passages

    assert (joined.text, joined.start, joined.end) == ("oil price\r\noil embargo", 0, 22)
    assert [part.chunk_id for part in joined.parts] == ["a:1:0", "a:1:1"]
    assert sorted(hit.chunk_id for hit in hits) == ["a:1:0", "a:1:1"]
    assert still_current(world, INC, [joined])


def test_a_trace_names_every_candidate_with_its_rank_in_each_leg(world: World) -> None:
    world.publish("a", 1, "oil")
    world.publish("a", 2, "oil price")
    found = world.retriever().search(INC, "oil", top_k=1, trace=True)

    assert found.trace is not None
    (candidate,) = found.trace["candidates"]
    assert (candidate["chunk_id"], candidate["rank"]) == ("a:2:0", 1)
    assert candidate["dense"]["rank"] == candidate["sparse"]["rank"] == 1
    assert candidate["dense"]["part"] + candidate["sparse"]["part"] == candidate["score"]
    assert found.trace["dropped"] == {"a:1:0": "not the current generation"}


class NearVectors:
    """Knows the vectors of the embedder that the world has, or those of another."""

    def __init__(self, world: World, *, turned: bool = False) -> None:
        self.world = world
        self.turned = turned

    def vectors(self, incarnation: str, chunk_ids: Sequence[str]) -> tuple[list[str], Vectors]:
        stored, vectors = self.world.vectors.get_with_vectors(incarnation, chunk_ids)
        return [one.chunk_id for one in stored], np.roll(vectors, self.turned, axis=1)


def fed_world(world: World) -> Retriever:
    """Publish what the question names, what says more of the same, and what is alike by chance."""
    world.publish("named", 1, "oil barrels price")
    world.publish("same", 1, "barrels price crude")
    world.publish("chance", 1, "oil paint canvas")
    world.publish("other", 1, "trees grow slowly")
    assert world.sparse is not None
    world.sparse["chance:1:0"] = world.sparse["other:1:0"] = ""
    retriever = world.retriever()
    retriever._fuse = fusion.convex
    return retriever


def test_what_is_like_the_best_of_both_legs_comes_before_what_is_not(world: World) -> None:
    retriever = fed_world(world)
    before = {p.document_id: p.score for p in retriever.search(INC, "oil", top_k=4).passages}
    retriever._near = NearVectors(world)
    found = {p.document_id: p.score for p in retriever.search(INC, "oil", top_k=4).passages}

    assert found["same"] > before["same"]
    assert found["same"] / found["chance"] > before["same"] / before["chance"]
    assert max(found, key=found.__getitem__) == "named"


def test_vectors_of_another_embedder_than_the_dense_legs_say_nothing(world: World) -> None:
    retriever = fed_world(world)
    before = retriever.search(INC, "oil", top_k=4).passages
    retriever._near = NearVectors(world, turned=True)

    assert retriever.search(INC, "oil", top_k=4).passages == before


def test_the_parts_of_a_score_add_up_on_the_scale_that_is_told(world: World) -> None:
    retriever = fed_world(world)
    plain = retriever.search(INC, "oil", top_k=4, trace=True)
    retriever._scale = math.sqrt
    found = retriever.search(INC, "oil", top_k=4, trace=True)

    assert [p.chunk_id for p in found.passages] == [p.chunk_id for p in plain.passages]
    assert [p.score**2 for p in found.passages] == pytest.approx([p.score for p in plain.passages])
    assert found.trace is not None
    for told in found.trace["candidates"]:
        parts = [told[leg]["part"] for leg in ("dense", "sparse", "neighbours") if leg in told]
        assert told["score"] == pytest.approx(sum(parts))
        assert "neighbours" not in told


@pytest.mark.parametrize("mode", ["dense", "sparse"])
def test_a_trace_of_one_leg_owes_every_score_to_it(world: World, mode: Mode) -> None:
    world.publish("a", 1, "oil")
    found = world.retriever().search(INC, "oil", top_k=1, mode=mode, trace=True)

    assert found.trace is not None
    (candidate,) = found.trace["candidates"]
    assert candidate[mode]["part"] == candidate[mode]["score"] == candidate["score"]
    assert not {"dense", "sparse"} - {mode} & candidate.keys()


# Reranking -----------------------------------------------------------------------------------


class Shortest(OverlapReranker):
    """Thinks that the shorter a text is, the better."""

    def scores(self, query: str, texts: Sequence[str]) -> Scores:
        super().scores(query, texts)
        return np.array([1 / (1 + len(text)) for text in texts], dtype=np.float32)


def long_first(world: World, count: int) -> None:
    """Publish documents that the legs rank by their number, and a reranker the other way."""
    for n in range(count):
        world.publish(f"d{n:02}", 1, "oil " * (count - n))


def test_the_best_of_the_fused_ranking_are_ordered_anew(world: World) -> None:
    long_first(world, 12)
    reranker = Shortest()
    reranking = Reranking(reranker, depth=9, clock=world.clock)
    fused = [p.chunk_id for p in world.retriever().search(INC, "oil", top_k=12).passages]
    found = world.retriever(reranking=reranking).search(INC, "oil", top_k=4, trace=True)

    assert [p.chunk_id for p in found.passages] == fused[8:4:-1]
    assert [p.score for p in found.passages] == sorted(
        (p.score for p in found.passages), reverse=True
    )
    assert [len(texts) for texts in reranker.seen] == [BATCH, 1]
    assert reranker.seen[0][0] == f"d00\n{'oil ' * 12}"  # the title is read too
    assert found.degraded == []
    assert found.trace is not None
    told = {one["chunk_id"]: one for one in found.trace["candidates"]}
    best = told[fused[8]]
    assert best["rerank"] == {"rank": 1, "score": found.passages[0].score}
    assert best["rank"] == 9
    assert best["dense"]["part"] + best["sparse"]["part"] == best["score"]
    assert "rerank" not in told[fused[9]]


def test_as_many_are_reranked_as_are_asked_for_and_the_rest_follows(world: World) -> None:
    long_first(world, 6)
    reranking = Reranking(Shortest(), depth=2, clock=world.clock)
    retriever = world.retriever(reranking=reranking)
    fused = world.found("oil")
    world.after_dense = [lambda: world.vectors.delete(INC, [fused[0]])]
    found = retriever.search(INC, "oil", top_k=4)

    assert [p.chunk_id for p in found.passages] == [fused[3], fused[2], fused[1], fused[4]]
    assert found.passages[-1].score == 0.0


@pytest.mark.parametrize("mode", ["dense", "sparse"])
def test_a_search_by_one_leg_is_ranked_as_that_leg_ranks(world: World, mode: Mode) -> None:
    long_first(world, 3)
    reranker = Shortest()
    reranking = Reranking(reranker, depth=9, clock=world.clock)
    world.retriever(reranking=reranking).search(INC, "oil", top_k=3, mode=mode)

    assert reranker.seen == []


def test_without_its_reranker_a_search_keeps_the_fused_order_and_says_so(world: World) -> None:
    long_first(world, 3)
    reranking = Reranking(Shortest(fails=True), depth=9, clock=world.clock)
    found = world.retriever(reranking=reranking).search(INC, "oil", top_k=3, trace=True)

    assert [p.chunk_id for p in found.passages] == world.found("oil")
    assert found.degraded == ["rerank"]
    assert found.trace is not None
    assert not any("rerank" in one for one in found.trace["candidates"])


class Slow(Shortest):
    """Takes four seconds for a batch."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def scores(self, query: str, texts: Sequence[str]) -> Scores:
        self._clock.now += 4
        return super().scores(query, texts)


def test_a_reranker_that_takes_too_long_is_left_behind(world: World) -> None:
    long_first(world, 5 * BATCH)
    reranker = Slow(world.clock)
    reranking = Reranking(reranker, depth=5 * BATCH, clock=world.clock, limit_s=10)
    found = world.retriever(reranking=reranking).search(INC, "oil", top_k=3)

    assert found.degraded == ["rerank"]
    assert len(reranker.seen) == 3


def test_a_question_that_is_cancelled_is_not_reranked_to_the_end(world: World) -> None:
    long_first(world, 3 * BATCH)
    reranker = Shortest()
    reranking = Reranking(reranker, depth=3 * BATCH, clock=world.clock)

    def check() -> None:
        if reranker.seen:
            raise Cancelled("no more")

    with pytest.raises(Cancelled):
        world.retriever(reranking=reranking).search(INC, "oil", top_k=3, check=check)
    assert len(reranker.seen) == 1


def test_nothing_found_is_nothing_to_rerank(world: World) -> None:
    reranker = Shortest()
    reranking = Reranking(reranker, depth=9, clock=world.clock)
    found = world.retriever(reranking=reranking).search(INC, "oil", top_k=3)

    assert (found.passages, found.degraded, reranker.seen) == ([], [], [])


def test_passages_are_still_current_until_their_document_changes(world: World) -> None:
    world.publish("a", 1, "oil")
    retriever = world.retriever()
    passages = retriever.search(INC, "oil", top_k=1).passages
    before = still_current(world, INC, passages)
    world.flip("a", 2, 0)

    assert (before, still_current(world, INC, passages)) == (True, False)
    assert not still_current(world, INC, [replace(passages[0], document_id="never there")])


def test_texts_are_fetched_once_and_the_least_used_go_first(world: World) -> None:
    asked: list[list[str]] = []
    world.publish("a", 1, *(f"text {n}" for n in range(2 * SPARE)))
    get = world.vectors.get

    def noted(incarnation: str, names: Sequence[str]) -> dict[str, StoredChunk]:
        asked.append(list(names))
        return get(incarnation, names)

    world.vectors.get = noted  # type: ignore[method-assign, assignment]  # watches the calls
    texts = ChunkTexts(world, world.vectors, most=2)
    for name in ("a:1:0", "a:1:1", "a:1:0", "a:1:2", "a:1:0", "a:1:1"):
        assert texts.get(INC, [name], edition=INC)[name].chunk.n == int(name[-1])

    assert asked == [["a:1:0"], ["a:1:1"], ["a:1:2"], ["a:1:1"]]


def test_texts_come_from_the_replica_where_it_holds_them(world: World) -> None:
    world.publish("a", 1, "one", "two", "three")
    world.near = world.vectors.get(INC, ["a:1:0", "a:1:2"])
    world.vectors.delete(INC, ["a:1:0"])
    names = ["a:1:0", "a:1:1", "a:1:2", "a:1:3"]
    found = ChunkTexts(world, world.vectors).get(INC, names, edition=INC)

    assert {name: stored.chunk.text for name, stored in found.items()} == {
        "a:1:0": "one", "a:1:1": "two", "a:1:2": "three",
    }  # fmt: skip


def test_many_threads_may_ask_for_texts_at_once(world: World) -> None:
    names = [chunk_id("a", 1, n) for n in range(200)]
    world.publish("a", 1, *(f"text {n}" for n in range(200)))
    texts, faults = ChunkTexts(world, world.vectors, most=20), []
    patience_s = sys.getswitchinterval()

    def ask(seed: int) -> None:
        order = np.random.default_rng(seed)
        try:
            for _ in range(150):
                wanted = [names[n] for n in order.integers(0, 200, 10)]
                assert set(texts.get(INC, wanted, edition=INC)) == set(wanted)
        except Exception as error:  # noqa: BLE001  # whatever the cache raises is the finding
            faults.append(error)

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(8)]
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(patience_s)

    assert faults == []


# Filters -----------------------------------------------------------------------------------------


def coloured(world: World, *colours: str) -> None:
    """Publish a document of each colour, all alike."""
    for n, colour in enumerate(colours):
        world.known[f"{colour}{n}"] = {"colour": colour}
        world.publish(f"{colour}{n}", n + 1, f"oil price {n}", f"oil {n}")


def red_ones(world: World, mode: Mode, **more: object) -> list[str]:
    found = world.retriever().search(
        INC, "oil", top_k=50, mode=mode, wanted=parse({"colour": "red"} | more)
    )
    return sorted({passage.document_id for passage in found.passages})


@pytest.mark.parametrize("mode", ["hybrid", "dense", "sparse"])
@pytest.mark.parametrize("call_rows", [0, 10**6], ids=["by the store", "exact"])
def test_a_filter_leaves_only_what_matches_in_either_leg(
    world: World, mode: Mode, call_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filtered_search, "CALL_ROWS", call_rows)
    monkeypatch.setattr(filtered_search, "HIT_ROWS", 0)
    coloured(world, *["red", "blue", "green"] * 3)

    assert red_ones(world, mode) == ["red0", "red3", "red6"]
    assert red_ones(world, mode, document_id={"ne": "red3"}) == ["red0", "red6"]
    assert red_ones(world, mode, document_id="blue1") == []


@pytest.mark.parametrize("mode", ["hybrid", "dense", "sparse"])
def test_a_filter_that_matches_nothing_is_told_with_what_is_wrong_with_it(
    world: World, mode: Mode
) -> None:
    coloured(world, "red", "blue")
    asked: list[dict[str, object] | None] = [{"Colour": "red"}, {"colour": 7}, {"colour": "red"}]
    told = [
        world.retriever().search(INC, "gas", top_k=9, mode=mode, wanted=parse(each))
        for each in [*asked, None]
    ]

    assert [found.unmatched for found in told] == [True, True, False, False]
    assert told[0].hints == ["no document has a field 'Colour'; did you mean 'colour'?"]
    assert told[1].hints == [
        "the field 'colour' holds text in these documents, and the filter asks for numbers"
    ]
    assert not told[2].hints


def test_values_that_a_bound_passes_over_are_told_beside_what_matches(world: World) -> None:
    world.known["red0"] = {"mixed": 2}
    world.publish("red0", 1, "oil price")
    world.publish("blue1", 2, "oil")
    found = world.retriever().search(INC, "oil", top_k=9, wanted=parse({"mixed": {"gte": 1}}))

    assert {passage.document_id for passage in found.passages} == {"red0"}
    assert (found.unmatched, list(found.hints)) == (
        False,
        ["the field 'mixed' holds text too in these documents, which no number is compared with"],
    )


def test_what_matches_in_replaced_generations_alone_matches_nothing(world: World) -> None:
    coloured(world, "red")
    world.known["red0"] = {"colour": "blue"}
    world.publish("red0", 2, "oil price")
    found = world.retriever().search(INC, "oil", top_k=9, wanted=parse({"colour": "red"}))

    assert found.passages == []
    assert found.unmatched


def test_a_replica_that_lags_tells_by_the_store_that_nothing_matches(world: World) -> None:
    coloured(world, "red", "blue")
    world.sparse = None
    nothing = world.retriever().search(INC, "oil", top_k=9, wanted=parse({"colour": "green"}))
    unknown = world.retriever().search(
        INC, "oil", top_k=9, mode="sparse", wanted=parse({"colour": "green"})
    )

    assert (nothing.unmatched, nothing.hints) == (True, [])
    assert not unknown.unmatched


@pytest.mark.parametrize("mode", ["hybrid", "dense"])
def test_without_its_rows_a_replica_filters_by_the_store_and_says_what_is_missing(
    world: World, mode: Mode
) -> None:
    coloured(world, *["red", "blue"] * 3)
    world.sparse = None
    found = world.retriever().search(
        INC, "oil", top_k=50, mode=mode, wanted=parse({"colour": "red"}), trace=True
    )

    assert {p.document_id for p in found.passages} == {"red0", "red2", "red4"}
    assert found.degraded == (["sparse"] if mode == "hybrid" else [])
    assert found.trace is not None
    assert found.trace["filter"] == {"dense": "the vector store's own filter"}


def test_where_the_store_lets_too_much_pass_it_is_asked_for_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    coloured(world, *["blue"] * 60, *["red"] * 3)
    world.sparse = None

    def careless(incarnation: str, vector: Vectors, *, limit: int, wanted: Filter) -> Ranking:
        assert wanted
        return world.vectors.search(incarnation, vector, limit=limit)

    monkeypatch.setattr(world.vectors, "search_where", careless)
    found = world.retriever().search(
        INC, "oil price 61", top_k=9, wanted=parse({"colour": "red"}), trace=True
    )

    assert {p.document_id for p in found.passages} == {"red60", "red61", "red62"}
    assert found.trace is not None
    assert set(found.trace["dropped"].values()) == {NOT_WANTED}


def test_a_sparse_search_of_a_lagging_replica_finds_nothing_and_says_so(world: World) -> None:
    coloured(world, "red")
    world.sparse = None
    found = world.retriever().search(
        INC, "oil", top_k=9, mode="sparse", wanted=parse({"colour": "red"})
    )

    assert (found.passages, found.degraded) == ([], ["sparse"])


def test_what_a_leg_wrongly_takes_for_a_match_goes_no_further(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Among, "wrong", ("blue",))
    coloured(world, "red", "blue")
    found = world.retriever().search(
        INC, "oil", top_k=9, wanted=parse({"colour": "red"}), trace=True
    )

    assert {p.document_id for p in found.passages} == {"red0"}
    assert found.trace is not None
    assert found.trace["dropped"] == {"blue1:2:0": NOT_WANTED, "blue1:2:1": NOT_WANTED}


def test_a_trace_tells_how_a_filter_was_kept_and_what_it_dropped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filtered_search, "CALL_ROWS", 0)
    monkeypatch.setattr(filtered_search, "HIT_ROWS", 0)
    coloured(world, "red", "blue")
    found = world.retriever().search(
        INC, "oil", top_k=9, wanted=parse({"colour": "red"}), trace=True
    )

    assert found.trace is not None
    assert found.trace["filter"] == {
        "matching": 2, "of": 4, "dense": "the nearest of all, then the filter",
    }  # fmt: skip
    assert found.trace["dropped"] == {"blue1:2:0": NOT_WANTED, "blue1:2:1": NOT_WANTED}


@pytest.mark.parametrize(("sampled", "asked"), [(0.0, False), (1.0, True)])
def test_a_question_far_from_what_matches_is_answered_exactly(
    world: World, monkeypatch: pytest.MonkeyPatch, sampled: float, *, asked: bool
) -> None:
    monkeypatch.setattr(Among, "share_near", lambda _self, _vector: sampled)
    monkeypatch.setattr(filtered_search, "CALL_ROWS", 0)
    monkeypatch.setattr(filtered_search, "HIT_ROWS", 0)
    monkeypatch.setattr(filtered_search, "SLACK", 1)
    coloured(world, *["blue"] * 200)
    world.known["red"] = {"colour": "red"}
    world.publish("red", 900, *(f"tree {n}" for n in range(60)))
    limits: list[int] = []
    nearest = world.vectors.search

    def counted(incarnation: str, vector: Vectors, *, limit: int) -> Ranking:
        limits.append(limit)
        return nearest(incarnation, vector, limit=limit)

    monkeypatch.setattr(world.vectors, "search", counted)
    found = world.retriever().search(
        INC, "oil price", top_k=50, mode="dense", wanted=parse({"colour": "red"}), trace=True
    )

    # What the twin scores exactly is everything; what the store is asked for is less.
    assert any(limit < len(world.vectors.collections[INC]) for limit in limits) is asked
    assert len(found.passages) == 50
    assert {p.document_id for p in found.passages} == {"red"}
    assert found.trace is not None
    assert found.trace["filter"]["dense"] == "scores of what matches"


def test_replaced_generations_of_what_matches_do_not_crowd_out_current_ones(world: World) -> None:
    world.known |= {"big": {"colour": "red"}, "small": {"colour": "red"}}
    world.publish("big", 1, *(f"oil {n}" for n in range(300)))
    world.flip("big", 2, 0)
    world.publish("small", 3, "oil of another kind")

    for mode in ("hybrid", "dense", "sparse"):
        assert red_ones(world, mode) == ["small"]


def test_an_answer_while_documents_are_on_their_way_says_how_many(world: World) -> None:
    world.publish("a", 1, "oil")
    world.waiting = 48

    for_context = world.retriever().search(INC, "oil", top_k=1, for_context=True)
    hits = world.retriever().search(INC, "oil", top_k=1)

    assert (for_context.documents, for_context.waiting) == (1, 48)
    assert for_context.degraded == ["ingesting"]
    assert (hits.waiting, hits.degraded) == (48, [])
