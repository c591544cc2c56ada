"""Reranking: the best of a fused ranking in the order of a model that reads question and text."""

from collections.abc import Callable, Sequence

from rag.errors import RerankerFailed
from rag.ports import Reranker

#: Texts of one call: a question that is cancelled waits for no more than these.
BATCH = 8
#: A question that waited this long for a better order is answered in the fused one.
LIMIT_S = 10.0


class Reranking:
    """
    Score the first candidates of a ranking, within a time that a question can spare.

    Args:
        reranker: Reads a question and texts together.

        depth: Candidates it reads.

        clock: Seconds, monotonic.

        limit_s: After this a question goes on without it.
    """

    def __init__(
        self,
        reranker: Reranker,
        *,
        depth: int,
        clock: Callable[[], float],
        limit_s: float = LIMIT_S,
    ) -> None:
        self._reranker = reranker
        self._clock = clock
        self._limit_s = limit_s
        self.depth = depth

    def scores(
        self, query: str, texts: Sequence[str], *, check: Callable[[], None]
    ) -> list[float] | None:
        """
        Return the score of each text, None where the model failed or took too long.

        *check* is called before each batch; what it raises ends the search.
        """
        late = self._clock() + self._limit_s
        scores: list[float] = []
        for at in range(0, len(texts), BATCH):
            check()
            if self._clock() > late:
                return None
            try:
                scores.extend(map(float, self._reranker.scores(query, texts[at : at + BATCH])))
            except RerankerFailed:
                return None  # who raised it has said why
        return scores
