"""Texts of chunks are fetched once, from the nearest place that has them."""

import sys
import threading
from collections.abc import Sequence

import numpy as np

from rag.documents import chunk_id
from rag.ports import StoredChunk
from rag.search.chunk_texts import ChunkTexts
from rag.search.retrieval import SPARE
from tests.support.worlds.search_world import INC, World


def test_texts_are_fetched_once_and_the_least_used_go_first(world: World) -> None:
    asked: list[list[str]] = []
    world.publish("a", 1, *(f"text {n}" for n in range(2 * SPARE)))
    get = world.vectors.get

    def noted(collection_id: str, names: Sequence[str]) -> dict[str, StoredChunk]:
        asked.append(list(names))
        return get(collection_id, names)

    world.vectors.get = noted  # type: ignore[method-assign, assignment]  # watches the calls
    texts = ChunkTexts(world, world.vectors, most=2)
    for name in ("a:1:0", "a:1:1", "a:1:0", "a:1:2", "a:1:0", "a:1:1"):
        assert texts.get(INC, [name], vector_index=INC)[name].chunk.n == int(name[-1])

    assert asked == [["a:1:0"], ["a:1:1"], ["a:1:2"], ["a:1:1"]]


def test_texts_come_from_the_replica_where_it_holds_them(world: World) -> None:
    world.publish("a", 1, "one", "two", "three")
    world.near = world.vectors.get(INC, ["a:1:0", "a:1:2"])
    world.vectors.delete(INC, ["a:1:0"])
    names = ["a:1:0", "a:1:1", "a:1:2", "a:1:3"]
    found = ChunkTexts(world, world.vectors).get(INC, names, vector_index=INC)

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
                assert set(texts.get(INC, wanted, vector_index=INC)) == set(wanted)
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
