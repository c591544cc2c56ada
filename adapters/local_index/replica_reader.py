"""Searches and chunks of this replica, from what its follower has applied."""

from collections.abc import Sequence

import numpy as np

from adapters.local_index.local_index import NothingThere
from adapters.local_index.open_indexes import OpenIndexes
from corpus.change_log import ChangeLog
from rag import sentence_codes
from rag.metadata.filters import Filter
from rag.ports import Snapshot, StoredChunk, Vectors
from rag.reading_ports import Matching
from rag.sentence_codes import SentenceCosines


class ReplicaReader:
    """
    The ports of a search on this replica's indexes.

    A search that would miss an activated document waits up to 200 ms, then does without.

    Args:
        indexes: What the follower has opened.

        change_log: Tells what was activated, where the search did not look itself.
    """

    def __init__(self, indexes: OpenIndexes, change_log: ChangeLog) -> None:
        self._indexes = indexes
        self._change_log = change_log

    def search(
        self, collection_id: str, query: str, *, limit: int, snapshot: Snapshot | None = None
    ) -> list[tuple[str, float]] | None:
        """
        Search this replica's index.

        None where it lacks a document activated before *snapshot*.
        """
        newest = snapshot.entry if snapshot else self._change_log.last_add(collection_id)
        if newest == "0-0":
            return []
        index = self._indexes.in_step(collection_id, newest)
        return None if index is None else index.search(query, limit=limit)

    def select(
        self, collection_id: str, filters: Filter, *, snapshot: Snapshot | None = None
    ) -> Matching | None:
        """
        Return what matches a filter.

        None where a document activated before *snapshot* is lacking.
        """
        if snapshot is not None:
            newest, epoch = snapshot.entry, snapshot.epoch
        else:
            newest, epoch = self._change_log.newest(collection_id)
        if newest == "0-0":
            return NothingThere()
        index = self._indexes.in_step(collection_id, newest)
        # Of another epoch, its vectors may be another embedder's.
        return None if index is None or index.log_epoch != epoch else index.select(filters)

    def whole(self, collection_id: str, snapshot: Snapshot) -> Matching | None:
        """
        Return all chunks.

        None where one activated before *snapshot* is lacking at this moment.
        """
        index = self._indexes.get(collection_id)
        if (
            index is None
            or index.log_epoch != snapshot.epoch
            or not self._indexes.has(collection_id, snapshot.entry)
        ):
            return None
        return index.select(None)

    def chunks(self, collection_id: str, chunk_ids: Sequence[str]) -> dict[str, StoredChunk]:
        """Return those chunks that this replica holds, by id."""
        index = self._indexes.get(collection_id)
        return {} if index is None else index.chunks(chunk_ids)

    def vectors(self, collection_id: str, chunk_ids: Sequence[str]) -> tuple[list[str], Vectors]:
        """Return the ids of those chunks that this replica holds, with their vectors."""
        index = self._indexes.get(collection_id)
        return ([], np.zeros((0, 0), np.float32)) if index is None else index.vectors(chunk_ids)

    def sentences(
        self, collection_id: str, chunk_ids: Sequence[str], question: Vectors
    ) -> dict[str, SentenceCosines]:
        """Return how near the sentences of chunks that this replica holds are to a question."""
        index = self._indexes.get(collection_id)
        if index is None:
            return {}
        chunks = index.chunks(chunk_ids)
        names, vectors = index.vectors(list(chunks))
        found = {
            name: sentence_codes.cosines(chunks[name].sentences, vector, question)
            for name, vector in zip(names, vectors, strict=True)
        }
        return {name: near for name, near in found.items() if near is not None}

    def counts(self) -> dict[str, int]:
        """Return how many chunks this replica's indexes hold, by collection id."""
        return self._indexes.counts()
