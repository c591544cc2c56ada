"""Embedding chunks: each with its title and context, in calls that end soon on any machine."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from rag.chunking.pieces import pieces
from rag.documents import indexed_text
from rag.ports import Embedder, EmbedderIdentity, PassageText, StoredChunk, Vectors
from runtime.metrics.meters import timed

T = TypeVar("T")

#: Chunks written at once: enough to be quick, few enough that a lost lease stops soon.
MOST_CHUNKS = 100
#: What is cancelled goes on embedding for about so long at most, however slow the model is here.
SLICE_S = 1.0
#: Chunks of one call to the embedder: at first, and at least.
FIRST_SLICE, LEAST_SLICE = 8, 4
#: The share of what a chunk took that the next call counts on, however quick the last one was.
PACE_KEPT = 0.9


def embedded(
    embedder: Embedder, stored: Sequence[StoredChunk]
) -> tuple[list[StoredChunk], Vectors]:
    """Embed chunks, each with title and context; returns them with their sentences' vectors too."""
    passages = [
        PassageText(
            indexed_text(one.title, "", one.chunk.context), one.chunk.text, pieces(one.chunk.text)
        )
        for one in stored
    ]
    vectors, sentences = embedder.embed_passages(passages)
    whole = [replace(one, sentences=s) for one, s in zip(stored, sentences, strict=True)]
    return whole, vectors


class PacedEmbedder:
    """
    Embed chunks in calls of about SLICE_S, however slow the model is on this machine.

    Between two calls somebody looks whether the chunks are still wanted.

    Args:
        embedder: Asked from any thread.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._pace_s = SLICE_S / FIRST_SLICE  # of embedding a chunk, seconds

    @property
    def identity(self) -> EmbedderIdentity:
        """What made the vectors."""
        return self._embedder.identity

    @property
    def at_once(self) -> int:
        """How many chunks are embedded between two checks of whether they are still wanted."""
        slowest = SLICE_S / MOST_CHUNKS
        return max(LEAST_SLICE, min(MOST_CHUNKS, int(SLICE_S / max(self._pace_s, slowest))))

    def parted(self, waiting: Sequence[T]) -> tuple[list[T], list[T]]:
        """Return the first of *waiting*, not more than `at_once`, and the rest."""
        size = self.at_once  # asked once: other threads embed too, and change it
        return list(waiting[:size]), list(waiting[size:])

    def embed(self, stored: Sequence[StoredChunk]) -> tuple[list[StoredChunk], Vectors]:
        """Embed chunks, at best not more than `at_once`; see `embedded`."""
        began = time.perf_counter()
        with timed("embed"):
            done = embedded(self._embedder, stored)
        # Vectors out of the cache say little of how long the next ones take.
        spent = (time.perf_counter() - began) / max(1, len(stored))
        self._pace_s = max(spent, PACE_KEPT * self._pace_s)
        return done
