"""Both retrievers and the catalogue are read so that they agree."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from rag.errors import EmbedderMismatch, StoreUnavailable
from rag.metadata.filters import Filter, parse
from rag.ports import HnswSettings, Ranking, VectorIndex, Vectors
from rag.reading_ports import CurrentLike
from rag.search.candidates import STALE_S, TRIES, CandidateReader, Candidates, Question
from rag.search.filtered_search import nearest_matching
from rag.search.modes import Mode
from tests.support.worlds.search_world import INC, Among, AtOnce, T, World


def test_a_search_that_a_reindex_overtakes_reads_the_vectors_it_began_with(world: World) -> None:
    world.publish("a", 1, "tax law")
    world.vectors.create("new")
    other = replace(world.embedder.identity, revision="2")
    world.after_dense = [lambda: setattr(world, "searched", VectorIndex("new", other))]
    found = world.retriever().search(INC, "tax", top_k=3)

    assert [p.chunk_id for p in found.passages] == ["a:1:0"]
    assert found.degraded == []


def test_a_search_that_starts_again_after_a_reindex_reads_the_new_vectors(world: World) -> None:
    def change_over() -> None:
        world.vectors.create("new")
        world.searched = VectorIndex("new", world.embedder.identity)
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
    monkeypatch.setattr("rag.search.candidates.OWN_ROWS", most)
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


def test_own_vectors_of_a_vector_index_that_came_meanwhile_are_looked_at_again(
    world: World,
) -> None:
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
    world.activate("b", 4, 0)
    world.upsert("c", 5, "oil not yet flipped")

    assert world.found("oil") == ["a:2:0"]


@pytest.mark.parametrize("mode", ["hybrid", "dense", "sparse"])
def test_replaced_generations_do_not_crowd_out_what_is_current(world: World, mode: Mode) -> None:
    world.publish("big", 1, *(f"oil {n}" for n in range(300)))
    world.activate("big", 2, 0)
    world.publish("small", 3, "oil of another kind")
    found = world.retriever().search(INC, "oil", top_k=5, mode=mode)

    assert [passage.document_id for passage in found.passages] == ["small"]


class Once(CandidateReader):
    """Looks at the catalogue once and never starts again: the rule of the reader taken out."""

    def read(
        self, collection_id: str, question: Question, mode: Mode, _wanted: Filter | None
    ) -> tuple[Candidates, Mapping[str, CurrentLike]]:
        texts = partial(self._texts.get, collection_id, vector_index=collection_id)
        candidates = Candidates(texts, collection_id)
        snapshot = self._visibility.snapshot(collection_id)
        self._retrieve(
            candidates,
            collection_id,
            question,
            mode,
            snapshot=snapshot,
            dense=True,
            limit=self.depth,
        )
        names = sorted({n.rsplit(":", 2)[0] for n, _ in (*candidates.dense, *candidates.sparse)})
        now = self._visibility.current(collection_id, names)
        return candidates, {name: entry for name, entry in now.items() if entry.chunks}


@pytest.mark.parametrize(("reader", "safe"), [(CandidateReader, True), (Once, False)])
def test_a_search_during_a_replacement_sees_the_old_document_or_the_new_one(
    world: World, reader: type[CandidateReader], safe: bool
) -> None:
    world.publish("a", 1, "oil one", "oil two")
    world.sparse = {}  # the replica lags; the dense retriever is asked before the upsert ends

    def activations() -> None:
        world.upsert("a", 2, "oil one", "oil two")
        world.activate("a", 2, 2)

    # The dense retriever has run in the middle of the upsert: half of the new document is there.
    world.upsert("a", 2, "oil one", of=2)
    world.after_dense = [activations]
    hits = world.retriever(reader=reader).search(INC, "oil", top_k=10).passages
    found = {hit.chunk_id for hit in hits}

    assert (found in ({"a:1:0", "a:1:1"}, {"a:2:0", "a:2:1"})) is safe


def test_a_document_that_is_activated_after_the_sparse_retriever_is_read_anew_by_both(
    world: World,
) -> None:
    world.publish("a", 1, "oil")
    world.embedder.during = [lambda: world.publish("a", 2, "oil")]
    found = world.retriever(executor=AtOnce()).search(INC, "oil", top_k=10, trace=True)

    assert [p.chunk_id for p in found.passages] == ["a:2:0"]
    assert found.trace is not None
    assert {"dense", "sparse"} <= found.trace["candidates"][0].keys()
    assert world.looks == 2


@pytest.mark.parametrize("filtered", [False, True])
def test_the_sparse_retriever_is_read_while_the_dense_one_is_asked(
    world: World, monkeypatch: pytest.MonkeyPatch, *, filtered: bool
) -> None:
    world.known = {"a": {"colour": "red"}}
    world.publish("a", 1, "oil")
    asked = threading.Event()
    world.after_dense = [asked.set]
    awaited: list[bool] = []

    def late(retriever: Callable[..., T]) -> Callable[..., T]:
        def waits(*args: Any, **kwargs: Any) -> T:
            awaited.append(asked.wait(10))
            return retriever(*args, **kwargs)

        return waits

    monkeypatch.setattr(world.vectors, "search", late(world.vectors.search))
    monkeypatch.setattr("rag.search.candidates.nearest_matching", late(nearest_matching))
    wanted = parse({"colour": "red"}) if filtered else None
    with ThreadPoolExecutor(1) as beside:
        found = world.retriever(executor=beside).search(INC, "oil", top_k=10, filters=wanted)

    assert set(awaited) == {True}
    assert [p.chunk_id for p in found.passages] == ["a:1:0"]


def test_what_goes_wrong_in_a_retriever_beside_the_other_ends_the_search(world: World) -> None:
    world.publish("a", 1, "oil")

    def fails() -> None:
        raise StoreUnavailable("Redis is away")

    world.after_dense = [fails]
    with (
        ThreadPoolExecutor(1) as beside,
        pytest.raises(StoreUnavailable, match="Redis is away"),
    ):
        world.retriever(executor=beside).search(INC, "oil", top_k=10)


def test_a_search_starts_again_at_most_three_times_and_then_serves_what_stood_still(
    world: World,
) -> None:
    world.publish("a", 1, "oil")
    world.publish("b", 1, "oil")
    world.after_dense = [lambda: world.activate("a", 1, 1)] * 10
    found = world.found("oil")

    assert world.looks == TRIES
    assert found == ["b:1:0"]


def test_an_activation_of_another_document_costs_nothing(world: World) -> None:
    world.publish("a", 1, "oil")
    world.after_dense = [lambda: world.activate("b", 2, 1)]
    world.found("oil")

    assert world.looks == 1


def test_retrievers_that_took_longer_than_garbage_lives_start_again(world: World) -> None:
    world.publish("a", 1, "oil")

    def pass_time() -> None:
        world.clock.now += STALE_S + 1

    world.after_dense = [pass_time]
    world.found("oil")

    assert world.looks == 2


def test_vectors_of_another_embedder_are_not_searched_and_the_sparse_retriever_answers_alone(
    world: World,
) -> None:
    world.publish("a", 1, "tax law")
    world.searched = VectorIndex(INC, replace(world.embedder.identity, revision="2"))
    found = world.retriever().search(INC, "tax", top_k=3)

    assert [p.chunk_id for p in found.passages] == ["a:1:0"]
    assert found.degraded == ["dense"]
    assert world.retriever().search(INC, "tax", top_k=3, mode="sparse").degraded == []
    with pytest.raises(EmbedderMismatch, match="quern reindex"):
        world.retriever().search(INC, "tax", top_k=3, mode="dense")
    world.sparse = None
    with pytest.raises(StoreUnavailable):
        world.retriever().search(INC, "tax", top_k=3)
