"""The trace of a search: the scores and ranks of each candidate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rag.ports import Ranking

#: Parts of a score add up but for this.
ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Leg:
    """A leg's ranking, and what each candidate's score owes to it."""

    ranking: Ranking
    parts: Mapping[str, float]


def explain(
    legs: Mapping[str, Leg], ranking: Ranking, reranked: Ranking, dropped: Mapping[str, str]
) -> dict[str, Any]:
    """
    Return the trace of a search.

    Its rank and score per leg with its part of the fused score, what its document and chunks near
    it added or took, its fused rank and score, and those that the reranker gave it, if it did.
    """
    candidates: dict[str, dict[str, Any]] = {
        name: {"chunk_id": name, "rank": rank, "score": score}
        for rank, (name, score) in enumerate(ranking, start=1)
    }
    for told, leg in legs.items():
        for rank, (name, score) in enumerate(leg.ranking, start=1):
            candidates[name][told] = {"rank": rank, "score": score, "part": leg.parts[name]}
    for one in candidates.values():
        rest = one["score"] - sum(one[leg]["part"] for leg in legs if leg in one)
        if abs(rest) > ROUNDING:
            one["neighbours"] = {"part": rest}
    for rank, (name, score) in enumerate(reranked, start=1):
        candidates[name]["rerank"] = {"rank": rank, "score": score}
    return {"candidates": list(candidates.values()), "dropped": dict(dropped)}


def with_left_out(trace: Mapping[str, Any], left_out: Sequence[str]) -> dict[str, Any]:
    """Add the chunks that the prompt had no room for to what a trace says was dropped."""
    dropped = dict.fromkeys(left_out, "budget: the prompt had no room for it")
    return {**trace, "dropped": trace["dropped"] | dropped}
