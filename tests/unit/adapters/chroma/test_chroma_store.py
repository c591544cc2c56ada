"""Writing to Chroma: one upsert at a time into each collection, several into several."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from adapters.chroma.client import Collection
from adapters.chroma.store import ChromaStore
from rag.documents import Chunk, chunk_id
from rag.ports import StoredChunk


class Meeting:
    """A Chroma client whose upserts wait a moment for another one to come in."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._met = threading.Event()
        self._inside = 0
        self.most = 0

    def __call__(self, _url: str) -> "Meeting":
        return self

    def find(self, name: str) -> Collection:
        return Collection(id=name, name=name, hnsw={}, metadata={})

    def upsert(self, _collection: Collection, **_rows: Any) -> None:
        with self._lock:
            self._inside += 1
            self.most = max(self.most, self._inside)
            if self._inside > 1:
                self._met.set()
        self._met.wait(timeout=0.2)
        with self._lock:
            self._inside -= 1


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Meeting:
    meeting = Meeting()
    monkeypatch.setattr("adapters.chroma.store.ChromaClient", meeting)
    return meeting


def together(*writes: Callable[[], None]) -> None:
    with ThreadPoolExecutor(len(writes)) as pool:
        for future in [pool.submit(write) for write in writes]:
            future.result()


def writes(store: ChromaStore, *collection_ids: str) -> list[Callable[[], None]]:
    chunk = StoredChunk(chunk_id("d", 1, 0), Chunk(0, 0, 1, "x"), 1, "Title", {})
    vector = np.ones((1, 3), dtype=np.float32)
    return [lambda name=name: store.upsert(name, [chunk], vector) for name in collection_ids]  # type: ignore[misc]


def test_two_upserts_into_one_collection_do_not_overlap(client: Meeting) -> None:
    together(*writes(ChromaStore("http://chroma"), "a", "a", "a"))

    assert client.most == 1


def test_upserts_into_two_collections_do_not_wait_for_each_other(client: Meeting) -> None:
    together(*writes(ChromaStore("http://chroma"), "a", "b"))

    assert client.most == 2
