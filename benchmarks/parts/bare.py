"""The parts of a search each by itself: what the whole is held against."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import chromadb
import numpy as np
from chromadb.config import Settings as ChromaSettings
from numpy.typing import NDArray

from adapters.local_index.sparse.tantivy_index import TantivyIndex
from rag.ports import Embedder
from rag.terms.analysis import terms
from rag.terms.query_terms import query_terms

Floats = NDArray[np.float32]

PAGE = 1_000


def connect(url: str) -> Any:
    """Return a plain client of the Chroma server at *url*."""
    parts = urlsplit(url)
    return chromadb.HttpClient(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or 80,
        settings=ChromaSettings(anonymized_telemetry=False),
    )


@dataclass(frozen=True, slots=True)
class Stored:
    """Every chunk of a collection: ids, texts, and vectors of shape (chunks, dimension)."""

    ids: list[str]
    texts: list[str]
    vectors: Floats

    @classmethod
    def read(cls, collection: Any, advance: Callable[[int], None]) -> "Stored":
        """Page through a collection of Chroma."""
        ids: list[str] = []
        texts: list[str] = []
        vectors: list[Floats] = []
        while True:
            page = collection.get(include=["embeddings", "documents"], limit=PAGE, offset=len(ids))
            if not page["ids"]:
                return cls(ids, texts, np.concatenate(vectors).astype(np.float32))
            ids += page["ids"]
            texts += page["documents"]
            vectors.append(np.asarray(page["embeddings"], np.float32))
            advance(len(page["ids"]))

    def nearest(
        self, vector: Floats, count: int, among: NDArray[np.bool_] | None = None
    ) -> set[str]:
        """Return the ids of the exact nearest neighbours by cosine, among the rows marked."""
        scores = self.vectors @ vector
        if among is not None:
            scores = np.where(among, scores, -np.inf)
        best = np.argpartition(-scores, min(count, len(scores) - 1))[:count]
        return {self.ids[i] for i in best if scores[i] > -np.inf}


@dataclass(frozen=True, slots=True)
class Retrievers:
    """
    Embedder, Chroma and tantivy called directly, by one caller, without the service.

    Args:
        embedder: Without its cache.

        collection: Chroma's own handle.

        sparse: The replica's index, opened a second time for reading.

        depth: Candidates asked of each retriever, as the service asks them.
    """

    embedder: Embedder
    collection: Any
    sparse: TantivyIndex
    depth: int

    def embed_ms(self, question: str) -> tuple[float, Floats]:
        """Embed a question; returns what it took and the vector."""
        began = time.perf_counter()
        vector: Floats = self.embedder.embed([question], truncate=True)[0]
        return _ms(began), vector

    def dense_ms(self, vector: Floats) -> float:
        """Ask Chroma for ids and distances."""
        began = time.perf_counter()
        self.collection.query(
            query_embeddings=[vector], n_results=self.depth, include=["distances"]
        )
        return _ms(began)

    def sparse_ms(self, question: str) -> float:
        """Ask the sparse index."""
        began = time.perf_counter()
        self.sparse.search(question, limit=self.depth)
        return _ms(began)


def open_index(folder: Path, collection_id: str) -> TantivyIndex:
    """Open the index that a replica keeps in its slot, beside the replica."""
    (place,) = folder.glob(f"*/{collection_id}")
    return TantivyIndex.open(place)


def rank_bm25_ms(texts: Sequence[str], questions: Sequence[str], *, depth: int) -> list[float]:
    """Time `rank_bm25.BM25Okapi`, the library that is reached for first, on the same terms."""
    from rank_bm25 import BM25Okapi  # noqa: PLC0415 - large corpora only; it holds every term

    oracle = BM25Okapi([terms(text) for text in texts])
    spent = []
    for question in questions:
        asked = query_terms(question)
        began = time.perf_counter()
        scores = oracle.get_scores(asked)
        np.argpartition(-scores, depth)[:depth]
        spent.append(_ms(began))
    return spent


def hnswlib_ms(
    vectors: Floats, questions: Sequence[Floats], settings: dict[str, Any], *, depth: int
) -> list[float] | None:
    """Time hnswlib with the same graph settings; None where it is not installed."""
    try:
        import hnswlib  # noqa: PLC0415 - optional: it has no wheels and wants a compiler
    except ImportError:
        return None
    index = hnswlib.Index(space="cosine", dim=vectors.shape[1])
    index.init_index(
        len(vectors), ef_construction=settings["ef_construction"], M=settings["max_neighbors"]
    )
    index.add_items(vectors)
    index.set_ef(max(settings["ef_search"], depth))
    index.set_num_threads(1)
    spent = []
    for question in questions:
        began = time.perf_counter()
        index.knn_query(question, k=depth)
        spent.append(_ms(began))
    return spent


def _ms(began: float) -> float:
    """Milliseconds since *began*."""
    return (time.perf_counter() - began) * 1000
