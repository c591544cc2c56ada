"""How the dense and the sparse ranking become one."""

from collections.abc import Container, Iterable, Sequence
from operator import itemgetter

Ranking = Sequence[tuple[str, float]]

#: What is left of the dense leg's share where the embedder does not know a candidate's language.
#: On Spanish questions with an English embedder anything from a tenth to a third is above BM25
#: alone, nothing and all of it are below.
FOREIGN = 0.2

#: Share of a chunk's score that is its document's: a sibling's word or meaning counts, too.
DOCUMENT = 0.25


def convex(
    dense: Ranking, sparse: Ranking, foreign: Container[str] = (), *, weight: float = 0.5
) -> list[tuple[str, float]]:
    """
    Fuse by a weighted sum of scores, the method of Bruch et al. 2023.

    "An Analysis of Fusion Functions for Hybrid Retrieval", ACM TOIS 42(1). Each list is divided by
    its own greatest score, so both legs lie in 0 to 1 whatever their scale; a negative score counts
    as 0, and so does an id that a list does not hold.

    A quarter of a chunk's score is its document's: what the best of the document's chunks has in
    each list, not always the same chunk. Bendersky and Kurland 2008, "Utilizing passage-based
    language models for document retrieval", ECIR.

    Args:
        dense: (chunk id, cosine), best first.

        sparse: (id, BM25 score), best first.

        foreign: Ids in a language that the embedder was not trained on; they lean on BM25.

        weight: Share of the dense leg, 0 to 1; the rest is the sparse leg's.

    Returns:
        (id, score) with scores in 0 to 1, best first, equal scores by id.
    """
    of = {name: _document(name) for ranking in (dense, sparse) for name, _ in ranking}
    scores = dict.fromkeys(of, 0.0)
    documents = dict.fromkeys(of.values(), 0.0)
    abroad = weight * FOREIGN
    for ranking, share, share_abroad in (
        (dense, weight, abroad),
        (sparse, 1.0 - weight, 1.0 - abroad),
    ):
        top = max((score for _, score in ranking), default=0.0)
        if top <= 0:
            continue
        best: dict[str, float] = {}
        for name, score in ranking:
            if score > 0:
                part = (share_abroad if name in foreign else share) * score / top
                scores[name] += part
                document = of[name]
                if part > best.get(document, 0.0):
                    best[document] = part
        for document, part in best.items():
            documents[document] += part
    return best_first(
        (name, (1.0 - DOCUMENT) * score + DOCUMENT * documents[of[name]])
        for name, score in scores.items()
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
    ranked = sorted(scores)
    ranked.sort(key=itemgetter(1), reverse=True)  # what is equal stays in order of ids
    return ranked
