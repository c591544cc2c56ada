"""The indexes that this replica's searches see."""

import threading
from collections.abc import Callable

from corpus.change_log import not_before
from protocol import timings
from rag.reading_ports import ReplicaIndex
from runtime.turns import aside


class OpenIndexes:
    """
    An index for each collection; a search may wait until one has applied an entry.

    One thread opens, replaces and drops them; any number may read.
    """

    def __init__(self) -> None:
        self._indexes: dict[str, ReplicaIndex] = {}
        self._applied = threading.Condition()

    def get(self, collection_id: str) -> ReplicaIndex | None:
        """Return the index of a collection as it is, however far behind."""
        return self._indexes.get(collection_id)

    def all(self) -> dict[str, ReplicaIndex]:
        """Return the indexes that are open at this moment, by collection id."""
        return dict(list(self._indexes.items()))

    def has(self, collection_id: str, entry: str) -> bool:
        """Return True if the index of a collection has applied *entry*."""
        index = self._indexes.get(collection_id)
        return index is not None and bool(index.cursor) and not_before(index.cursor, entry)

    def in_step(self, collection_id: str, newest: str) -> ReplicaIndex | None:
        """Return the index that has applied the entry *newest*, waiting for it up to 200 ms."""
        if not self.has(collection_id, newest):
            with aside(), self._applied:
                self._applied.wait_for(
                    lambda: self.has(collection_id, newest), timeout=timings.SPARSE_WAIT_S
                )
        with self._applied:
            return self._indexes[collection_id] if self.has(collection_id, newest) else None

    def announce(self) -> None:
        """Wake the searches that wait: an index has applied more."""
        with self._applied:
            self._applied.notify_all()

    def put(self, collection_id: str, index: ReplicaIndex) -> None:
        """Let searches see an index that was opened."""
        with self._applied:
            self._indexes[collection_id] = index
            self._applied.notify_all()

    def replace(self, collection_id: str, opened: Callable[[], ReplicaIndex]) -> None:
        """Close a collection's index and let searches see what *opened* returns; they wait."""
        with self._applied:
            old = self._indexes.pop(collection_id, None)
            if old is not None:
                old.close()
            self._indexes[collection_id] = opened()
            self._applied.notify_all()

    def drop(self, collection_id: str) -> None:
        """Close the index of a collection that is gone."""
        with self._applied:
            self._indexes.pop(collection_id).close()

    def close(self) -> None:
        """Close all indexes."""
        for index in self._indexes.values():
            index.close()
