"""The best candidates are ordered anew, or the search goes on without."""

from collections.abc import Sequence

import numpy as np
import pytest

from rag.errors import Cancelled
from rag.in_memory_ports.reranker import OverlapReranker
from rag.ports import Scores
from rag.search.modes import Mode
from rag.search.reranking import BATCH, Reranking
from tests.support.worlds.search_world import INC, Clock, World


class Shortest(OverlapReranker):
    """Thinks that the shorter a text is, the better."""

    def scores(self, query: str, texts: Sequence[str]) -> Scores:
        super().scores(query, texts)
        return np.array([1 / (1 + len(text)) for text in texts], dtype=np.float32)


def long_first(world: World, count: int) -> None:
    """Publish documents that the retrievers rank by their number, and a reranker the other way."""
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
def test_a_search_by_one_retriever_is_ranked_as_that_retriever_ranks(
    world: World, mode: Mode
) -> None:
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
