"""Cosines of candidates that the dense retriever lacks, and relevance feedback from the best."""

from collections.abc import Container, Mapping, Sequence
from typing import Final, Protocol

import numpy as np

from rag.ports import Ranking, Vectors
from rag.search.fusion import Evidence, best_first

#: So many of the best of a fused ranking say what is looked for.
FIRST: Final = 5
#: They are looked for among so many of either retriever.
AMONG: Final = 30
#: Their share of it; the rest is the question's.
SHARE: Final = 0.25
#: The power of its score by which each of them weighs; 1 and 2 do as well.
STEEPNESS: Final = 3
#: A vector store's cosines and those of the same vectors in float16 differ by less.
ALIKE: Final = 0.02


class VectorReader(Protocol):
    """Vectors near the searcher: some of those that the vector store has."""

    def vectors(self, collection_id: str, chunk_ids: Sequence[str]) -> tuple[list[str], Vectors]:
        """Return the ids of those chunks that are here, with their vectors of norm 1, all alike."""
        ...


def completed(
    dense: Ranking, question: Vectors, names: Sequence[str], vectors: Vectors
) -> dict[str, float] | None:
    """
    Return the cosines of the dense ranking and of *names*, which only the sparse one has.

    Args:
        dense: (id, cosine).

        question: Of shape (d,).

        names: Ids whose vectors are there.

        vectors: A row of norm 1 for each name.

    Returns:
        The cosine by id; None where the vectors are not of the dense retriever's making, which the
        cosines that both know tell: nothing can be said with them about the question.
    """
    known = dict(dense)
    if vectors.shape[1:] != question.shape:
        return None
    cosines = dict(zip(names, (vectors @ question).tolist(), strict=True))
    both = [abs(cosines[name] - cosine) for name, cosine in dense if name in cosines]
    if not both or max(both) > ALIKE:
        return None
    return cosines | known


def promising(said: Evidence) -> Evidence:
    """Keep what is said for the best of either retriever: the first of them all are among these."""
    best = (best_first(ranking)[:AMONG] for ranking in said)
    names = {name for ranking in best for name, _ in ranking}
    return Evidence(*([one for one in ranking if one[0] in names] for ranking in said))


def fed_back(
    cosines: Mapping[str, float],
    fused: Ranking,
    names: Sequence[str],
    vectors: Vectors,
    left: Container[str] = (),
) -> dict[str, float]:
    """
    Draw the cosines towards what the first of a fused ranking say.

    Pseudo-relevance feedback: J. J. Rocchio, "Relevance feedback in information retrieval", in The
    SMART Retrieval System, 1971, on dense vectors, among the candidates alone. What both retrievers
    found is better than what the question alone is near to. A candidate's cosine becomes a mean of
    its own and that with the middle of the first, the better ones weighing more.

    Args:
        cosines: The cosine by id.

        fused: (id, score) of 0 to 1, best first.

        names: Ids whose vectors are there; others keep their cosines.

        vectors: A row of norm 1 for each name.

        left: Ids whose vectors say nothing; they keep their cosines, too.
    """
    best = {name: score for name, score in fused[:FIRST] if name not in left}
    first = [(row, best[name]) for row, name in enumerate(names) if name in best]
    if not first:
        return dict(cosines)
    weights = np.array([score for _, score in first], dtype=np.float32) ** STEEPNESS
    middle = weights @ vectors[[row for row, _ in first]]
    norm = float(np.linalg.norm(middle))
    if norm == 0:
        return dict(cosines)
    near = zip(names, (vectors @ (middle * np.float32(SHARE / norm))).tolist(), strict=True)
    own = 1.0 - SHARE
    drawn = {name: own * cosines[name] + part for name, part in near if name not in left}
    return {**cosines, **drawn}
