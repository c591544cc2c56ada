"""Applying the change log to an index: groups of entries, then one commit with the cursor."""

import time
from collections.abc import Iterable, Iterator

from adapters.local_index.chunk_source import FETCH, ChunkSource
from adapters.local_index.open_indexes import OpenIndexes
from adapters.local_index.rebuilding import Rebuilder
from corpus.change_log import ChangeLog, Entry, not_before
from rag.reading_ports import ReplicaIndex


class LogApplier:
    """
    Brings an index up to the end of its log, and says how far it is.

    Args:
        follower: How the replica is called among the followers.

        indexes: Those that searches see; the ones that wait are woken.

        source: Where the chunks come from.

        change_log: What to apply.

        rebuilder: Asked to build an index of which the log lacks a part.
    """

    def __init__(
        self,
        follower: str,
        indexes: OpenIndexes,
        *,
        source: ChunkSource,
        change_log: ChangeLog,
        rebuilder: Rebuilder,
    ) -> None:
        self._follower = follower
        self._indexes = indexes
        self._source = source
        self._change_log = change_log
        self._rebuilder = rebuilder
        self.committed_at = float("-inf")  # by the monotonic clock

    def usable(self, collection_id: str, index: ReplicaIndex) -> bool | None:
        """Report an index's cursor; return True if the log has all it lacks, None if gone."""
        answer = self._change_log.follow(collection_id, self._follower, index.cursor)
        if answer is None:
            return None
        epoch, trimmed_to = answer
        return index.log_epoch == epoch and not_before(index.cursor or "0-0", trimmed_to)

    def apply(self, collection_id: str, index: ReplicaIndex) -> None:
        """Apply entries after the cursor, then commit them and say so; not to one built anew."""
        if self._rebuilder.has(collection_id):
            return
        entries = self._change_log.read(collection_id, index.cursor or "0-0")
        if not entries:
            return
        # Looked at after the read: what was trimmed before it, while this process slept, would
        # otherwise be skipped for good.
        usable = self.usable(collection_id, index)
        if not usable:
            if usable is not None:
                self._rebuilder.ask(collection_id)
            return
        for group in _groups(entries):
            # One call for all of them: for each alone, the call would be most of what it costs.
            wanted = [(e.document, e.generation, e.chunks) for e in group if e.op == "add"]
            fetched = self._source.fetch(collection_id, wanted)
            for entry in group:
                if entry.op == "drop":
                    index.remove(entry.document, entry.generation)
                else:
                    self._source.add(collection_id, index, entry, fetched)
        epoch = index.log_epoch
        index.commit(cursor=entries[-1].id, log_epoch=epoch)
        self.committed_at = time.monotonic()
        self._change_log.follow(collection_id, self._follower, index.cursor)
        self._indexes.announce(collection_id)


def _groups(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Cut entries into groups that add about FETCH chunks, in their order."""
    group: list[Entry] = []
    chunks = 0
    for entry in entries:
        group.append(entry)
        chunks += entry.chunks if entry.op == "add" else 0
        if chunks >= FETCH:
            yield group
            group, chunks = [], 0
    if group:
        yield group
