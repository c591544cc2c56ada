"""How good a ranking is: nDCG, recall and reciprocal rank, as the retrieval papers define them."""

import math
from collections.abc import Mapping, Sequence


def ndcg(ranked: Sequence[str], relevant: Mapping[str, float], *, k: int) -> float:
    """
    Return the normalised discounted cumulative gain at *k* (Järvelin and Kekäläinen 2002).

    Gains are linear and discounted by log2(rank + 1), as trec_eval does; the ideal ranking holds
    every relevant id. An id that is ranked twice counts once, at its first place.

    Args:
        ranked: Ids, best first.

        relevant: The gain of each relevant id; ids not named gain 0.

        k: Ranks that count.
    """
    ideal = sum(
        gain / math.log2(rank + 1)
        for rank, gain in enumerate(sorted(relevant.values(), reverse=True)[:k], start=1)
    )
    found = sum(
        relevant.get(name, 0.0) / math.log2(rank + 1)
        for rank, name in enumerate(_distinct(ranked)[:k], start=1)
    )
    return found / ideal if ideal else 0.0


def recall(ranked: Sequence[str], relevant: Mapping[str, float], *, k: int) -> float:
    """Return the share of the ids of positive gain that the first *k* ranks hold."""
    wanted = {name for name, gain in relevant.items() if gain > 0}
    return len(wanted.intersection(_distinct(ranked)[:k])) / len(wanted) if wanted else 0.0


def reciprocal_rank(ranked: Sequence[str], relevant: Mapping[str, float]) -> float:
    """Return 1 / rank of the first id of positive gain, 0 where there is none."""
    for rank, name in enumerate(_distinct(ranked), start=1):
        if relevant.get(name, 0.0) > 0:
            return 1.0 / rank
    return 0.0


def _distinct(ranked: Sequence[str]) -> list[str]:
    """Keep the first place of each id."""
    return list(dict.fromkeys(ranked))
