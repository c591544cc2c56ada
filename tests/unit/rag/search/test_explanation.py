"""A trace tells how a ranking came about."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from rag.ports import Vectors
from rag.search import fusion
from rag.search.modes import Mode
from rag.search.retrieval import Retriever
from tests.support.worlds.search_world import INC, World


def test_a_trace_names_every_candidate_with_its_rank_in_each_retriever(world: World) -> None:
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

    def vectors(self, collection_id: str, chunk_ids: Sequence[str]) -> tuple[list[str], Vectors]:
        stored, vectors = self.world.vectors.get_with_vectors(collection_id, chunk_ids)
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


def test_what_is_like_the_best_of_both_retrievers_comes_before_what_is_not(world: World) -> None:
    retriever = fed_world(world)
    before = {p.document_id: p.score for p in retriever.search(INC, "oil", top_k=4).passages}
    retriever._vectors = NearVectors(world)
    found = {p.document_id: p.score for p in retriever.search(INC, "oil", top_k=4).passages}

    assert found["same"] > before["same"]
    assert found["same"] / found["chance"] > before["same"] / before["chance"]
    assert max(found, key=found.__getitem__) == "named"


def test_vectors_of_another_embedder_than_the_dense_retrievers_say_nothing(world: World) -> None:
    retriever = fed_world(world)
    before = retriever.search(INC, "oil", top_k=4).passages
    retriever._vectors = NearVectors(world, turned=True)

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
        parts = [
            told[retriever]["part"]
            for retriever in ("dense", "sparse", "neighbours")
            if retriever in told
        ]
        assert told["score"] == pytest.approx(sum(parts))
        assert "neighbours" not in told


@pytest.mark.parametrize("mode", ["dense", "sparse"])
def test_a_trace_of_one_retriever_owes_every_score_to_it(world: World, mode: Mode) -> None:
    world.publish("a", 1, "oil")
    found = world.retriever().search(INC, "oil", top_k=1, mode=mode, trace=True)

    assert found.trace is not None
    (candidate,) = found.trace["candidates"]
    assert candidate[mode]["part"] == candidate[mode]["score"] == candidate["score"]
    assert not {"dense", "sparse"} - {mode} & candidate.keys()
