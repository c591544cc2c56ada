"""A cache of the chunks' texts in the worker that searches."""

import threading
from collections.abc import Sequence

from cachetools import LRUCache

from rag.ports import StoredChunk, VectorStore
from rag.reading_ports import ChunkReader


class ChunkTexts:
    """
    Chunks near the searcher, without invalidation: a chunk never changes under its id.

    Args:
        near: Asked first, the replica beside the searcher.

        store: Asked for what is not there either.

        most: Chunks kept, the least recently used out first.
    """

    def __init__(self, local: ChunkReader, store: VectorStore, *, most: int = 20_000) -> None:
        self._local = local
        self._store = store
        self._kept: LRUCache[tuple[str, str], StoredChunk] = LRUCache(most)
        # Searches run in many threads, and even a look changes the order of the cache.
        self._lock = threading.Lock()

    def get(
        self, collection_id: str, chunk_ids: Sequence[str], *, vector_index: str
    ) -> dict[str, StoredChunk]:
        """
        Return the chunks that exist, by id.

        *vector_index* is where the vector store has them.
        """
        with self._lock:
            found = {
                chunk_id: chunk
                for chunk_id in chunk_ids
                if (chunk := self._kept.get((collection_id, chunk_id))) is not None
            }
        missing = [chunk_id for chunk_id in chunk_ids if chunk_id not in found]
        if missing:
            fetched = self._local.chunks(collection_id, missing)
            if elsewhere := [chunk_id for chunk_id in missing if chunk_id not in fetched]:
                fetched |= self._store.get(vector_index, elsewhere)
            with self._lock:
                for chunk_id, chunk in fetched.items():
                    self._kept[collection_id, chunk_id] = chunk
            found |= fetched
        return found
