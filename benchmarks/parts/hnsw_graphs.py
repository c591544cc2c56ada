"""Chroma's graph of vectors, built with several settings: what each costs, and what it finds."""

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.figures.reporting import percentile
from benchmarks.parts.bare import Stored, connect
from stack.up import Stack

#: The graph that the first brief proposed, against the default.
TUNED = {"ef_construction": 400, "ef_search": 200, "max_neighbors": 64}


@dataclass(frozen=True, slots=True)
class Sought:
    """A question's vector and the ids that are nearest to it."""

    vector: Any
    nearest: set[str]


def graphs(stored: Stored, asked: Sequence[Sought], default: Mapping[str, Any]) -> dict[str, float]:
    """Build the default graph and the tuned one, each in a Chroma server of its own."""
    figures: dict[str, float] = {}
    for name, graph in (("default", default), ("tuned", TUNED)):
        with _chroma() as running:
            server = running.process("chroma")
            before = server.memory_info().rss
            collection = connect(running.chroma_url).create_collection(
                "graph",
                configuration={"hnsw": {"space": "cosine", **graph}},
                embedding_function=None,
            )
            began = time.perf_counter()
            for first in range(0, len(stored.ids), 1_000):
                last = first + 1_000
                collection.upsert(ids=stored.ids[first:last], embeddings=stored.vectors[first:last])
            figures[f"hnsw_{name}_build_s"] = time.perf_counter() - began
            figures[f"hnsw_{name}_memory_mb"] = (server.memory_info().rss - before) / 1e6
            spent, found = [], 0.0
            for warm in (True, False):
                for one in asked:
                    began = time.perf_counter()
                    hits = collection.query(
                        query_embeddings=[one.vector], n_results=100, include=[]
                    )
                    if warm:
                        continue
                    spent.append((time.perf_counter() - began) * 1000)
                    found += len(one.nearest & set(hits["ids"][0][:10])) / len(one.nearest)
            figures[f"hnsw_{name}_p50_ms"] = median(spent)
            figures[f"hnsw_{name}_p95_ms"] = percentile(spent, 0.95)
            figures[f"hnsw_{name}_recall_at_10"] = found / len(asked)
    return figures


@contextmanager
def _chroma() -> Iterator[Stack]:
    """Start a Chroma server alone, in a folder of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="quern-bench-") as folder,
        Stack.start(data_dir=Path(folder), only=("chroma",)) as running,
    ):
        yield running
