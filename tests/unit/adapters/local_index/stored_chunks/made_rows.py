"""Rows made by hand, and what is found in them."""

from pathlib import Path

import numpy as np

from adapters.local_index.stored_chunks.chunk_rows import ChunkRows
from rag.documents import Chunk, Scalar, chunk_id
from rag.metadata.filters import Filter, parse
from rag.ports import StoredChunk, Vectors

DIMENSION = 24
RED, BLUE = {"colour": "red"}, {"colour": "blue"}


def read(asked: dict[str, object]) -> Filter:
    wanted = parse(asked)
    assert wanted is not None
    return wanted


def vectors(count: int, seed: int = 1) -> Vectors:
    drawn = np.random.default_rng(seed).normal(size=(count, DIMENSION))
    return drawn.astype(np.float32)


def stored(
    document: str, count: int, known: dict[str, Scalar], *, generation: int = 1
) -> list[StoredChunk]:
    return [
        StoredChunk(chunk_id(document, generation, n), Chunk(n, 0, 1, "x"), count, "", known)
        for n in range(count)
    ]


def add(
    rows: ChunkRows, document: str, count: int, known: dict[str, Scalar], *, seed: int = 1,
    generation: int = 1,
) -> Vectors:  # fmt: skip
    given = vectors(count, seed)
    rows.add(stored(document, count, known, generation=generation), given)
    return given


def found(rows: ChunkRows, asked: dict[str, object], *, like: Vectors | None = None) -> list[str]:
    asked_for = np.ones(DIMENSION, dtype=np.float32) if like is None else like
    return [name for name, _ in rows.committed.select(read(asked)).nearest(asked_for, limit=1_000)]


def text_of(rows: ChunkRows, *names: str) -> dict[str, str]:
    return {name: stored.chunk.text for name, stored in rows.committed.chunks(names).items()}


def told(document: str, *texts: str, generation: int = 1) -> list[StoredChunk]:
    return [
        StoredChunk(
            chunk_id(document, generation, n),
            Chunk(n, 5 * n, 5 * n + len(text), text, page=3, before="\n"),
            len(texts), "A title", {"year": 1968, "grüße": "Köln"}, "de",
        )
        for n, text in enumerate(texts)
    ]  # fmt: skip


def reopened(rows: ChunkRows) -> ChunkRows:
    rows.close()
    return ChunkRows.open(rows._path)


def file_of(rows: ChunkRows, kind: str) -> Path:
    """Return where the rows' file of that kind lies."""
    return rows._store.files.path(kind)
