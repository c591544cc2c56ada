"""The indexes that this replica's searches see: open while somebody asks them, else closed."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from adapters.local_index.errors import IndexUnusable
from corpus.change_log import not_before
from protocol import timings
from rag.reading_ports import ReplicaIndex
from runtime.turns import aside

log = logging.getLogger(__name__)

#: Indexes that are open at once; the one that was not asked for longest is closed first.
MOST_OPEN: Final = 64
#: One that nobody asked for so long is closed, if it is opened again in tens of milliseconds.
IDLE_S: Final = 60.0
FEW_CHUNKS: Final = 4_096
#: Indexes that are ready to be written at once: each has seven threads, and buffers.
MOST_WRITING: Final = 8
#: So long after its last commit an index lets go what only writing needs. Its merges have ended by
#: then, which a closing would wait for: they are longer the more chunks there are.
WRITER_IDLE_S: Final = 10.0
MERGED_PER_S: Final = 10_000


class Standing(NamedTuple):
    """How far a closed index is; without a *cursor* nothing was ever put into it."""

    cursor: str
    log_epoch: str
    chunks: int


class _Place:
    """Where the index of one collection stands, and the index itself while it is open."""

    def __init__(self, standing: Standing, index: ReplicaIndex | None = None) -> None:
        self.lock = threading.Lock()  # held while it is opened, closed or replaced
        self.standing = standing
        self.index = index
        self.used_at = time.monotonic()

    @property
    def cursor(self) -> str:
        """The last entry that is applied; empty where nothing was ever put in."""
        index = self.index
        return self.standing.cursor if index is None else index.cursor

    @property
    def chunks(self) -> int:
        """How many chunks are in it."""
        index = self.index
        return self.standing.chunks if index is None else index.count()


class OpenIndexes:
    """
    An index for each collection; a search may wait until one has applied an entry.

    Searches open what is closed, and forget what cannot be opened. One thread makes, writes, closes
    and drops; another may replace. An index that was closed under a search can still be read.

    Args:
        folder: Where each has a folder, called as its collection's id.

        open_index: Opens the index in a folder.
    """

    def __init__(self, folder: Path, open_index: Callable[[Path], ReplicaIndex]) -> None:
        self._folder = folder
        self._open_index = open_index
        self._places: dict[str, _Place] = {}
        self._open: set[str] = set()  # ids of those that may be open
        self._applied = threading.Condition()
        self._written_at: dict[str, float] = {}  # of those that may hold a writer; oldest first

    def get(self, collection_id: str) -> ReplicaIndex | None:
        """Return the index of a collection as it is, however far behind, opened if need be."""
        place = self._places.get(collection_id)
        if place is None:
            return None
        place.used_at = time.monotonic()
        index = place.index
        if index is None and place.standing.cursor:
            with place.lock:
                index = place.index or self._opened(collection_id, place)
        return index

    def peek(self, collection_id: str) -> ReplicaIndex | None:
        """Return the index of a collection if it is open."""
        place = self._places.get(collection_id)
        return None if place is None else place.index

    def standing(self, collection_id: str) -> Standing | None:
        """Return how the closed index of a collection stands, None where it is open or unknown."""
        place = self._places.get(collection_id)
        return place.standing if place is not None and place.index is None else None

    def all(self) -> dict[str, ReplicaIndex]:
        """Return the indexes that are open at this moment, by collection id."""
        found = ((name, self.peek(name)) for name in list(self._open))
        return {name: index for name, index in found if index is not None}

    def cursors(self) -> dict[str, str]:
        """Return the last applied entry of each index, open or closed, by collection id."""
        return {name: place.cursor or "0-0" for name, place in list(self._places.items())}

    def counts(self) -> dict[str, int]:
        """Return the number of chunks of each index, open or closed, by collection id."""
        return {name: place.chunks for name, place in list(self._places.items())}

    def has(self, collection_id: str, entry: str) -> bool:
        """Return True if the index of a collection has applied *entry*."""
        place = self._places.get(collection_id)
        return place is not None and bool(place.cursor) and not_before(place.cursor, entry)

    def in_step(self, collection_id: str, newest: str) -> ReplicaIndex | None:
        """Return the index that has applied the entry *newest*, waiting for it up to 200 ms."""
        if not self.has(collection_id, newest):
            with aside(), self._applied:
                self._applied.wait_for(
                    lambda: self.has(collection_id, newest), timeout=timings.SPARSE_WAIT_S
                )
        if not self.has(collection_id, newest):
            return None
        index = self.get(collection_id)
        # Looked at again: where the files of a closed index went, an empty one was opened.
        return index if self.has(collection_id, newest) else None

    def announce(self, collection_id: str) -> None:
        """Wake the searches that wait: an index has applied more."""
        self._written_at.pop(collection_id, None)
        self._written_at[collection_id] = time.monotonic()
        place = self._places.get(collection_id)
        if place is not None:
            place.used_at = time.monotonic()
        with self._applied:
            self._applied.notify_all()

    def put(self, collection_id: str, index: ReplicaIndex) -> None:
        """Let searches see an index that was opened."""
        place = self._places.get(collection_id)
        if place is None or place.index is not index:
            self._set(collection_id, _Place(Standing("", "", 0), index))

    def put_closed(self, collection_id: str, standing: Standing) -> None:
        """Let searches see an index that is closed, and opened when it is asked for."""
        self._set(collection_id, _Place(standing))

    def replace(self, collection_id: str, opened: Callable[[], ReplicaIndex]) -> None:
        """Close a collection's index and let searches see what *opened* returns; they wait."""
        place = self._places.get(collection_id) or _Place(Standing("", "", 0))
        with place.lock:
            if place.index is not None:
                place.index.close()
                place.standing, place.index = Standing("", "", 0), None
                self._places.pop(collection_id, None)
            place.index = opened()
            self._set(collection_id, place)

    def drop(self, collection_id: str) -> None:
        """Close the index of a collection that is gone; harmless where another forgot it first."""
        place = self._places.pop(collection_id, None)
        if place is None:
            return
        with place.lock:  # a search may be opening it
            self._written_at.pop(collection_id, None)
            self._open.discard(collection_id)
            if place.index is not None:
                place.index.close()

    def close_idle(self) -> None:
        """Close what nobody asks for, and what is open beyond the bound."""
        now = time.monotonic()
        opened = [(place, name) for name in list(self._open) if (place := self._places.get(name))]
        opened.sort(key=lambda found: found[0].used_at, reverse=True)
        for number, (place, name) in enumerate(opened):
            idle = now - place.used_at > IDLE_S and place.chunks <= FEW_CHUNKS
            if number >= MOST_OPEN or idle:
                self._close(name, place)
        self._close_writers(now)

    def close(self) -> None:
        """Close all indexes."""
        for index in self.all().values():
            index.close()

    def _set(self, collection_id: str, place: _Place) -> None:
        """Let searches see a collection's place, and wake those that wait."""
        with self._applied:
            self._places[collection_id] = place
            if place.index is not None:
                self._open.add(collection_id)
            self._applied.notify_all()

    def _opened(self, collection_id: str, place: _Place) -> ReplicaIndex | None:
        """Open what is closed; None where it cannot be: the follower then builds it anew."""
        if self._places.get(collection_id) is not place:
            return None
        try:
            place.index = self._open_index(self._folder / collection_id)
            self._open.add(collection_id)
        except IndexUnusable as error:
            log.warning(
                "index unusable", extra={"collection_id": collection_id, "reason": str(error)}
            )
            self._places.pop(collection_id, None)  # may have been dropped meanwhile
        return place.index

    def _close(self, collection_id: str, place: _Place) -> None:
        """Close an index and keep in mind how it stands."""
        with place.lock:
            index = place.index
            if index is None:
                return
            place.standing = Standing(index.cursor, index.log_epoch, index.count())
            place.index = None
            self._open.discard(collection_id)
            index.close()
            self._written_at.pop(collection_id, None)

    def _close_writers(self, now: float) -> None:
        """Let go what only writing needs, where nothing was written for a while."""
        surplus = len(self._written_at) - MOST_WRITING
        for number, (name, written_at) in enumerate(list(self._written_at.items())):
            place = self._places.get(name)
            index = place.index if place is not None else None
            chunks = index.count() if index is not None else 0
            rest_s = WRITER_IDLE_S + chunks / MERGED_PER_S
            if now - written_at > rest_s or (number < surplus and chunks <= FEW_CHUNKS):
                self._written_at.pop(name, None)
                if index is not None:
                    index.rest()
