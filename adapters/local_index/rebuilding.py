"""Building a replica's index anew from the vector store, beside the one in use."""

import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from adapters.local_index.chunk_source import FETCH, ChunkSource, in_order
from adapters.local_index.open_indexes import OpenIndexes
from adapters.local_index.slot import Slot
from corpus.catalogue.catalogue import Catalogue
from corpus.change_log import ChangeLog, Entry
from rag.reading_ports import ReplicaIndex

log = logging.getLogger(__name__)


class Rebuilder:
    """
    Builds an index that is lost, corrupt, of another version, or behind the log's beginning.

    Args:
        slot: Where the indexes lie.

        indexes: Those that searches see.

        open_index: Opens an index in a folder, or makes an empty one there.

        source: Where the chunks come from.

        catalogue: What is current.

        change_log: Where the log was when a rebuild began.

        given_up: Asked between two batches; once it is true a rebuild ends without an index.
    """

    def __init__(
        self,
        slot: Slot,
        indexes: OpenIndexes,
        *,
        open_index: Callable[[Path], ReplicaIndex],
        source: ChunkSource,
        catalogue: Catalogue,
        change_log: ChangeLog,
        given_up: Callable[[], bool],
    ) -> None:
        self._slot = slot
        self._indexes = indexes
        self._open_index = open_index
        self._source = source
        self._catalogue = catalogue
        self._change_log = change_log
        self._given_up = given_up
        self.rebuilding = ""  # the collection whose index is being built anew

    def rebuild(self, collection_id: str) -> None:
        """Build an index beside the old one and swap (docs/protocol.md, A follower)."""
        start = self._change_log.rebuild_start(collection_id, self._slot.name)
        if start is None:
            return
        self.rebuilding = collection_id
        log.info("index rebuild begins", extra={"collection_id": collection_id})
        fresh = self._slot.folder / f"{collection_id}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        index = self._open_index(fresh)
        for batch in _batches(self._current(collection_id)):
            self._add_many(collection_id, index, batch)
            self._change_log.follow(collection_id, self._slot.name, start.cursor)
            if self._given_up():
                index.close()
                return
        # An add before the cursor whose activation came after the scan would be lost otherwise.
        for document, generation, chunks in start.pending:
            entry = Entry(start.cursor, "add", document, generation, chunks)
            fetched = self._source.fetch(collection_id, [(document, generation, chunks)])
            self._source.add(collection_id, index, entry, fetched)
        index.commit(cursor=start.cursor, log_epoch=start.log_epoch)
        index.close()
        self._indexes.replace(
            collection_id, partial(self._moved, fresh, self._slot.folder / collection_id)
        )
        self.rebuilding = ""
        log.info("index rebuilt", extra={"collection_id": collection_id})

    def _moved(self, fresh: Path, place: Path) -> ReplicaIndex:
        """Put the folder *fresh* in the place of the old index, which is closed, and open it."""
        shutil.rmtree(place, ignore_errors=True)
        fresh.rename(place)
        return self._open_index(place)

    def _current(self, collection_id: str) -> Iterator[tuple[str, int, int]]:
        """Yield every current generation that has chunks."""
        for document, current in self._catalogue.generations.every_current(collection_id):
            if current.chunks:
                yield document, current.generation, current.chunks

    def _add_many(
        self, collection_id: str, index: ReplicaIndex, batch: Sequence[tuple[str, int, int]]
    ) -> None:
        """Fetch and add the chunks of several small documents, or of one large one."""
        fetched = self._source.fetch(collection_id, batch)
        # In one call: adding a part of a generation replaces the part before it.
        index.add(*in_order(fetched, fetched))


def _batches(
    documents: Iterator[tuple[str, int, int]],
) -> Iterator[list[tuple[str, int, int]]]:
    """Group documents so that a group has about FETCH chunks."""
    batch: list[tuple[str, int, int]] = []
    chunks = 0
    for document in documents:
        batch.append(document)
        chunks += document[2]
        if chunks >= FETCH:
            yield batch
            batch, chunks = [], 0
    if batch:
        yield batch
