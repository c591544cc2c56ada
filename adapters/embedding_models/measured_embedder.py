"""An embedding model whose batches are counted."""

from collections.abc import Sequence

from rag.ports import EmbeddedPassages, Embedder, EmbedderIdentity, PassageText, Vectors
from runtime.metrics import meters


class MeasuredEmbedder:
    """The model itself; the sizes of its batches are recorded as a metric."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    @property
    def identity(self) -> EmbedderIdentity:
        """What made these vectors."""
        return self._embedder.identity

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text, uncut."""
        return self._embedder.count_tokens(texts)

    def embed(self, texts: Sequence[str], *, truncate: bool = False) -> Vectors:
        """Return unit vectors, as the model makes them."""
        meters.batch_sizes().observe(len(texts))
        return self._embedder.embed(texts, truncate=truncate)

    def embed_passages(self, passages: Sequence[PassageText]) -> EmbeddedPassages:
        """Return passages and their sentences as vectors, as the model makes them."""
        meters.batch_sizes().observe(len(passages))
        return self._embedder.embed_passages(passages)
