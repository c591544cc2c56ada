"""Fusion of the dense and the sparse ranking into one."""

import math
from collections.abc import Container, Iterable, Sequence
from operator import itemgetter
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ranking = Sequence[tuple[str, float]]

#: What is left of the dense retriever's share where the embedder does not know a candidate's
#: language. On Spanish questions with an English embedder anything from a tenth to four fifths is
#: above BM25 alone, all of it is below.
FOREIGN = 0.35

#: Share of a chunk's score that is its document's: a sibling's word or meaning counts, too.
DOCUMENT = 0.25

#: Scores that lie closer together than this share of what there is to be told apart by are nearly
#: equal: a collection of three has no background to stand out of.
FLAT: Final = 0.1
#: Further out of the background nothing is told apart: `erfc` comes to its end.
FAR: Final = 30.0
_ROOT: Final = math.sqrt(2.0)


class Evidence(NamedTuple):
    """The evidence of each retriever for its candidates, in one unit, 0 to 1."""

    dense: list[tuple[str, float]]
    sparse: list[tuple[str, float]]


def evidence(dense: Ranking, sparse: Ranking) -> Evidence:
    """
    Return how far each score stands out among its retriever's scores for the candidates of both.

    The candidates are a sample of what is near the question, most of them not relevant. A score's
    evidence is the surprise at it, -log p, with p the chance of as high a one in a normal
    distribution of the retriever's mean and spread over all of them: the sum over the retrievers is
    R. A. Fisher's combination of independent tests ("Statistical Methods for Research Workers",
    1925). So a retriever weighs what it can tell: one passage far ahead of all others counts for
    much, a list in which all are alike for little, whatever the scale of the scores and the
    collection.

    A candidate that the sparse list lacks has no word of the question, or few. One that the dense
    list lacks is taken to be as far as the last of it; see `feedback.completed` for better.

    Returns:
        Both in the order they are given in, in parts of the greatest evidence there is.
    """
    count = len({name for ranking in (dense, sparse) for name, _ in ranking})
    cosines, weights = ([score for _, score in ranking] for ranking in (dense, sparse))
    # BM25 scores have a scale of their own; in parts of the best none is too small to be squared.
    if (top := max(map(abs, weights), default=0.0)) > 0.0:
        weights = [score / top for score in weights]
    # Cosines lie between 1 and wherever an embedder has its unlike texts, BM25 scores above 0.
    of_dense = _surprises(cosines, min(cosines, default=0.0), count, best=1.0)
    of_sparse = _surprises(weights, 0.0, count, best=None)
    most = float(max(of_dense.max(initial=0.0), of_sparse.max(initial=0.0))) or 1.0
    return Evidence(_named(dense, of_dense / most), _named(sparse, of_sparse / most))


def _named(ranking: Ranking, scores: NDArray[np.float64]) -> list[tuple[str, float]]:
    """Return a ranking with other scores."""
    return list(zip(map(itemgetter(0), ranking), scores.tolist(), strict=True))


def _surprises(
    scores: Sequence[float], absent: float, count: int, *, best: float | None
) -> NDArray[np.float64]:
    """Return -log of the chance of each score, among *count* of which the others are *absent*."""
    values = np.array(scores, dtype=np.float64)
    if not scores:
        return values
    others = count - len(scores)
    mean = float(values.sum() + others * absent) / count
    values -= mean
    variance = float(values @ values) + others * (absent - mean) ** 2
    reach = max(scores) if best is None else best - mean
    spread = math.hypot(math.sqrt(variance / count), FLAT * reach) or 1.0
    far = np.minimum(values, FAR * spread) / (spread * _ROOT)
    tails = np.fromiter(map(math.erfc, far.tolist()), np.float64, len(scores))
    surprises: NDArray[np.float64] = -np.log(tails / 2.0)
    return surprises


def convex(
    dense: Ranking, sparse: Ranking, foreign: Container[str] = (), *, weight: float = 0.6
) -> list[tuple[str, float]]:
    """
    Fuse by a weighted sum of what the retrievers say, as `evidence` has it.

    Bruch et al. 2023, "An Analysis of Fusion Functions for Hybrid Retrieval", ACM TOIS 42(1). An id
    that a list does not hold has nothing of it.

    A quarter of a chunk's score is its document's: what the best of the document's chunks has in
    each list, not always the same chunk. Bendersky and Kurland 2008, "Utilizing passage-based
    language models for document retrieval", ECIR.

    Args:
        dense: (chunk id, evidence), best first.

        sparse: Likewise.

        foreign: Ids in a language that the embedder was not trained on; they lean on BM25.

        weight: Share of the dense retriever, 0 to 1; the rest is the sparse retriever's.

    Returns:
        (id, score) with scores in 0 to 1, best first, equal scores by id.
    """
    scores: dict[str, float] = {}
    of: dict[str, str] = {}
    documents: dict[str, float] = {}
    abroad = weight * FOREIGN
    for ranking, share, share_abroad in (
        (dense, weight, abroad),
        (sparse, 1.0 - weight, 1.0 - abroad),
    ):
        best: dict[str, float] = {}
        for name, score in ranking:
            part = (share_abroad if name in foreign else share) * score
            if name in scores:
                scores[name] += part
                document = of[name]
            else:
                scores[name] = part
                of[name] = document = _document(name)
            if part > best.get(document, 0.0):
                best[document] = part
        for document, part in best.items():
            documents[document] = documents.get(document, 0.0) + part
    return best_first(
        [
            (name, (1.0 - DOCUMENT) * score + DOCUMENT * documents.get(of[name], 0.0))
            for name, score in scores.items()
        ]
    )


def rrf(
    dense: Ranking, sparse: Ranking, foreign: Container[str] = (), *, k: int
) -> list[tuple[str, float]]:
    """
    Fuse by reciprocal ranks, the method of Cormack, Clarke and Buettcher 2009.

    "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods", SIGIR 2009:
    an id scores the sum of 1 / (k + rank) over the lists that hold it, ranks from 1. Scores of the
    lists do not matter, only their order. A greater *k* weighs the first ranks less. An id of
    *foreign*, in a language that the embedder was not trained on, leans on its sparse rank.

    Returns:
        (id, score), best first, equal scores by id.
    """
    scores: dict[str, float] = {}
    for ranking, is_dense in ((dense, True), (sparse, False)):
        for rank, (name, _) in enumerate(ranking, start=1):
            share = 1.0
            if name in foreign:
                share = FOREIGN if is_dense else 2.0 - FOREIGN
            scores[name] = scores.get(name, 0.0) + share / (k + rank)
    return best_first(scores.items())


def _document(name: str) -> str:
    """Name the document of a chunk; an id that is no chunk's stands for itself."""
    return name.rsplit(":", 2)[0]


def best_first(scores: Iterable[tuple[str, float]]) -> list[tuple[str, float]]:
    """Sort by score, then by id, so that one input has one order."""
    ranked = sorted(scores, key=itemgetter(1), reverse=True)
    if len({score for _, score in ranked}) < len(ranked):
        ranked.sort()  # what is equal stays in order of ids
        ranked.sort(key=itemgetter(1), reverse=True)
    return ranked
