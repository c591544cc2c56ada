"""Building a replica's index anew from the vector store, beside the one in use."""

import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from redis.exceptions import RedisError

from adapters.local_index.chunk_source import FETCH, ChunkSource, in_order
from adapters.local_index.open_indexes import OpenIndexes
from adapters.local_index.setbacks import Setbacks
from adapters.local_index.slot import Slot
from corpus.catalogue.catalogue import Catalogue
from corpus.change_log import ChangeLog, Entry, RebuildStart
from rag.reading_ports import ReplicaIndex
from runtime.background import BackgroundThread

log = logging.getLogger(__name__)


class Rebuilder:
    """
    Builds an index that is lost, corrupt, of another version, or behind the log's beginning.

    One at a time, in a thread of its own: the other collections are followed meanwhile, and no
    publish waits for this replica to follow one that it builds anew.

    Args:
        slot: Where the indexes lie.

        indexes: Those that searches see.

        open_index: Opens an index in a folder, or makes an empty one there.

        source: Where the chunks come from.

        catalogue: What is current.

        change_log: Where the log was when a rebuild began.

        setbacks: Told what fails; a collection that cannot be read is left aside for a while.
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
        setbacks: Setbacks,
    ) -> None:
        self._slot = slot
        self._indexes = indexes
        self._open_index = open_index
        self._source = source
        self._catalogue = catalogue
        self._change_log = change_log
        self._setbacks = setbacks
        self._asked: dict[str, Callable[[], None]] = {}  # ids of collections, in order
        self.rebuilding = ""  # the collection whose index is being built anew
        self.thread = BackgroundThread("rebuilder", self.turn, join_s=10)

    def ask(self, collection_id: str, *, then: Callable[[], None] = lambda: None) -> None:
        """Have an index built anew, unless that is asked for already; *then* is called after it."""
        if not self.has(collection_id):
            if self._asked:  # it may wait for hours
                self._change_log.follow(collection_id, self._slot.name, "", rebuilding=True)
            self._asked[collection_id] = then
            self.thread.wake()

    def has(self, collection_id: str) -> bool:
        """Return True if an index is being built anew, or is to be: nobody else may write it."""
        return collection_id in self._asked

    def turn(self) -> float | None:
        """Build one of the indexes that are asked for; returns how long to rest."""
        collection_id = next(iter(self._asked), None)
        if collection_id is None:
            return None
        try:
            with self._setbacks.scope(collection_id):
                self.rebuild(collection_id)
                if not self.thread.closing:  # which ends a rebuild without an index
                    self._asked[collection_id]()
        except RedisError as error:
            log.warning("rebuild interrupted", extra={"reason": str(error)})
            return 1.0
        finally:
            # Whoever follows the collection sees that it is needed still, and asks again.
            self.rebuilding = ""
            del self._asked[collection_id]
        return 0.0

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
        try:
            whole = self._fill(collection_id, index, start)
        finally:
            index.close()
        if not whole:
            return
        self._indexes.replace(
            collection_id, partial(self._moved, fresh, self._slot.folder / collection_id)
        )
        self._change_log.follow(collection_id, self._slot.name, start.cursor)
        log.info("index rebuilt", extra={"collection_id": collection_id})

    def _fill(self, collection_id: str, index: ReplicaIndex, start: RebuildStart) -> bool:
        """Add all that is current, and commit; False where that is not wanted any more."""
        for batch in _batches(self._current(collection_id)):
            # A collection without documents, as one that was just made, is not set aside: the first
            # publish into it waits for this replica.
            known = self._change_log.follow(
                collection_id, self._slot.name, start.cursor, rebuilding=True
            )
            if known is None or self.thread.closing:
                return False
            self._add_many(collection_id, index, batch)
        # An add before the cursor whose activation came after the scan would be lost otherwise.
        for document, generation, chunks in start.pending:
            entry = Entry(start.cursor, "add", document, generation, chunks)
            fetched = self._source.fetch(collection_id, [(document, generation, chunks)])
            self._source.add(collection_id, index, entry, fetched)
        index.commit(cursor=start.cursor, log_epoch=start.log_epoch)
        return True

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
