"""Smoothing a ranking: chunks that say the same lend each other their scores."""

from collections.abc import Container, Sequence
from typing import Final, Protocol

import numpy as np

from rag.fusion import best_first
from rag.ports import Ranking, Vectors

#: Candidates that are smoothed: what may come on a first page, and what it may learn from.
DEPTH: Final = 50
#: How fast a neighbour's say falls with its distance. From 10 to 16 every set gains; below,
#: what is merely on the same topic blurs a ranking where one passage alone is right.
SHARPNESS: Final = 12
#: Of a smoothed score so many are told, behind the point.
DIGITS: Final = 6


class VectorReader(Protocol):
    """Vectors near the searcher: some of those that the vector store has."""

    def vectors(self, incarnation: str, chunk_ids: Sequence[str]) -> tuple[list[str], Vectors]:
        """Return the ids of those chunks that are here, with their vectors of norm 1, all alike."""
        ...


def smoothed(
    ranking: Ranking, names: Sequence[str], vectors: Vectors, left: Container[str] = ()
) -> list[tuple[str, float]]:
    """
    Make each score the mean of those of the chunk and of chunks near it, the nearer the more.

    Closely related passages are relevant to the same questions (the cluster hypothesis), so scores
    should not jump between them: Diaz, "Regularizing ad hoc retrieval scores", CIKM 2005. A chunk's
    own score weighs 1, another's ((cosine - mean) / (1 - mean)) ** SHARPNESS with the mean cosine
    among them all, so that embedders whose cosines lie close together do as well; one that is
    further than the mean weighs nothing.

    Args:
        ranking: (id, score), best first.

        names: Ids whose vectors are there; others keep their scores.

        vectors: A row of norm 1 for each name.

        left: Ids whose vectors say nothing; they keep their scores, too.

    Returns:
        (id, score) of the whole ranking within the bounds of the given scores, best first, equal
        scores by id.
    """
    scores = dict(ranking)
    rows = [row for row, name in enumerate(names) if name in scores and name not in left]
    if len(rows) > 1:
        chosen = vectors[rows]
        # Of one array with itself, which costs half, and wakes no threads for so little.
        near = chosen @ chosen.T
        count = len(rows)
        mean = (float(near.sum()) - float(np.trace(near))) / (count * (count - 1))
        # Copies of one text are as near as can be: nothing is left to tell them apart by.
        spread = max(1.0 - mean, float(np.finfo(np.float32).eps))
        weights = np.clip((near - mean) / spread, 0.0, 1.0) ** SHARPNESS
        np.fill_diagonal(weights, 1.0)
        given = np.array([scores[names[row]] for row in rows])
        # Without the last bits, which depend on a row's place in the product: copies stay equal.
        meant = np.round(weights @ given / weights.sum(axis=1), DIGITS)
        meant = np.clip(meant, given.min(), given.max())
        scores |= {names[row]: float(score) for row, score in zip(rows, meant, strict=True)}
    return best_first(scores.items())
