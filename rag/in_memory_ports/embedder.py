"""An embedder without a model: vectors of hashed words."""

import hashlib
from collections.abc import Sequence

import numpy as np

from rag import sentence_codes
from rag.errors import InvalidRequest
from rag.ports import EmbeddedPassages, EmbedderIdentity, PassageText, Vectors
from rag.terms.analysis import terms


class HashingEmbedder:
    """
    An `Embedder` by feature hashing: texts that share stemmed words are near each other.

    A token is a word between blanks. *seen* lists every text embedded, in order.
    """

    def __init__(self, *, dimension: int = 256, max_tokens: int = 254) -> None:
        self.identity = EmbedderIdentity("hashing", "1", "twin", dimension, max_tokens)
        self.seen: list[str] = []

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the number of words of each text."""
        return [len(text.split()) for text in texts]

    def embed(self, texts: Sequence[str], *, truncate: bool = False) -> Vectors:
        """Return float32 vectors of shape (len(texts), dimension), each of norm 1."""
        vectors = np.zeros((len(texts), self.identity.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            words = text.split()
            if len(words) > self.identity.max_tokens and not truncate:
                raise InvalidRequest("texts", f"text {row} is too long")
            self.seen.append(text)
            cut = " ".join(words[: self.identity.max_tokens])
            for term in terms(cut) or [cut]:
                digest = hashlib.blake2b(term.encode(), digest_size=8).digest()
                place = int.from_bytes(digest[:7]) % self.identity.dimension
                vectors[row, place] += 1 if digest[7] % 2 else -1
            if not vectors[row].any():
                vectors[row, 0] = 1
        unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit

    def embed_passages(self, passages: Sequence[PassageText]) -> EmbeddedPassages:
        """Return the vectors of whole passages, and of their sentences."""
        vectors = self.embed([passage.whole for passage in passages])
        packed = []
        for passage, vector in zip(passages, vectors, strict=True):
            texts = [passage.text[start:end] for start, end in passage.sentences]
            ends = [end for _, end in passage.sentences]
            of_each = _alone(self.identity, texts)
            packed.append(sentence_codes.encode(vector, of_each, ends) if texts else b"")
        return EmbeddedPassages(vectors, packed)


def _alone(identity: EmbedderIdentity, texts: Sequence[str]) -> Vectors:
    """Embed texts, without a record of it."""
    return HashingEmbedder(dimension=identity.dimension, max_tokens=identity.max_tokens).embed(
        texts
    )
