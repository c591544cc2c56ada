"""A reranker without a model: shares of common terms."""

from collections.abc import Sequence

import numpy as np

from rag.errors import RerankerFailed
from rag.ports import Scores
from rag.terms.analysis import terms
from rag.terms.query_terms import query_terms


class OverlapReranker:
    """
    A `Reranker` by the share of the question's terms that a text holds.

    *seen* lists the texts of each call. With *fails* it raises instead.
    """

    def __init__(self, *, fails: bool = False) -> None:
        self.seen: list[list[str]] = []
        self.fails = fails

    def scores(self, query: str, texts: Sequence[str]) -> Scores:
        """Return the share of the terms of *query* that each text holds, 0 to 1."""
        self.seen.append(list(texts))
        if self.fails:
            raise RerankerFailed("told to fail")
        wanted = set(query_terms(query))
        shares = [len(wanted.intersection(terms(text))) / (len(wanted) or 1) for text in texts]
        return np.array(shares, dtype=np.float32)
