"""The trace of a search: the scores and ranks of each candidate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rag.ports import Ranking

#: Parts of a score add up but for this.
ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class RetrieverRanking:
    """A retriever's ranking, and what each candidate's score owes to it."""

    ranking: Ranking
    parts: Mapping[str, float]


def explain(
    retrievers: Mapping[str, RetrieverRanking],
    ranking: Ranking,
    reranked: Ranking,
    dropped: Mapping[str, str],
) -> dict[str, Any]:
    """
    Return the trace of a search.

    Its rank and score per retriever with its part of the fused score, what its document and chunks
    near it added or took, its fused rank and score, and those that the reranker gave it, if it did.
    """
    candidates: dict[str, dict[str, Any]] = {
        name: {"chunk_id": name, "rank": rank, "score": score}
        for rank, (name, score) in enumerate(ranking, start=1)
    }
    for told, retriever in retrievers.items():
        for rank, (name, score) in enumerate(retriever.ranking, start=1):
            candidates[name][told] = {"rank": rank, "score": score, "part": retriever.parts[name]}
    for one in candidates.values():
        rest = one["score"] - sum(
            one[retriever]["part"] for retriever in retrievers if retriever in one
        )
        if abs(rest) > ROUNDING:
            one["neighbours"] = {"part": rest}
    for rank, (name, score) in enumerate(reranked, start=1):
        candidates[name]["rerank"] = {"rank": rank, "score": score}
    return {"candidates": list(candidates.values()), "dropped": dict(dropped)}


def with_left_out(trace: Mapping[str, Any], left_out: Sequence[str]) -> dict[str, Any]:
    """Add the chunks that the prompt had no room for to what a trace says was dropped."""
    dropped = dict.fromkeys(left_out, "budget: the prompt had no room for it")
    return {**trace, "dropped": trace["dropped"] | dropped}
