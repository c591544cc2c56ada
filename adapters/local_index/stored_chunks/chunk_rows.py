"""The rows beside a sparse index: facts, float16 vectors and texts of each chunk."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from adapters.local_index.errors import IndexUnusable
from adapters.local_index.stored_chunks.chunk_records import record_of
from adapters.local_index.stored_chunks.committed_rows import CommittedRows
from adapters.local_index.stored_chunks.compaction import clear_away, compacted
from adapters.local_index.stored_chunks.float16_rows import unit_rows
from adapters.local_index.stored_chunks.row_store import JOURNAL, RowStore
from rag.documents import split_chunk_id
from rag.ports import StoredChunk, Vectors

#: Rows of dropped generations that may lie about, beyond as many as there are live ones.
MOST_DEAD = 20_000


class ChunkRows:
    """
    Facts, vectors and texts of every chunk of one collection, on this machine's own disk.

    What was added and removed is seen, and survives a crash, once it is committed with the cursor
    of the log. One thread writes; any number may read what is *committed*.
    """

    def __init__(self, path: Path, store: RowStore) -> None:
        """Take over the open store in the folder *path*; use `open`."""
        self._path = path
        self._store = store

    @classmethod
    def open(cls, path: Path) -> Self:
        """
        Open the rows in the folder *path*, or make empty ones there.

        Raises:
            IndexUnusable: What lies there is corrupt or of another format.
        """
        path.mkdir(parents=True, exist_ok=True)
        journal = path / JOURNAL
        is_new = not journal.exists()
        try:
            store = RowStore.begin(journal, 0) if is_new else RowStore.load(journal)
            try:
                if is_new:
                    store.commit(cursor="", log_epoch="")
                else:
                    clear_away(store)
            except BaseException:
                store.close()
                raise
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise IndexUnusable(f"{path}: {error}") from error
        return cls(path, store)

    @property
    def cursor(self) -> str:
        """The last applied entry of the change log, as of the last commit; empty when new."""
        return self._store.cursor

    @property
    def log_epoch(self) -> str:
        """Which log the cursor belongs to."""
        return self._store.log_epoch

    @property
    def committed(self) -> CommittedRows:
        """The rows as of the last commit; after a compaction it is another object."""
        return self._store.committed

    def add(self, chunks: Sequence[StoredChunk], vectors: Vectors) -> None:
        """
        Add chunks with their vectors of shape (chunks, dimension); seen after commit.

        A generation that is here as it is given stays; with other vectors or texts it is replaced.
        """
        ordered = sorted(
            zip(chunks, vectors, strict=True), key=lambda pair: split_chunk_id(pair[0].chunk_id)
        )
        for name, group in groupby(ordered, key=lambda pair: pair[0].chunk_id.rpartition(":")[0]):
            self._add(name, list(group))

    def remove(self, document_id: str, generation: int) -> None:
        """Remove a generation; seen no more after commit."""
        self._store.drop(f"{document_id}:{generation}")

    def commit(self, *, cursor: str, log_epoch: str) -> None:
        """Let readers see everything since the last commit, together with the cursor."""
        self._store.commit(cursor=cursor, log_epoch=log_epoch)
        dead = self._store.dead
        if dead > max(self._store.files.rows - dead, MOST_DEAD):
            self._store = compacted(self._store)

    def holdings(self) -> Mapping[tuple[str, int], int]:
        """Return how many chunks there are of each (document, generation)."""
        pairs = ((name.rpartition(":"), entry.count) for name, entry in self._store.known.items())
        return {(parts[0], int(parts[2])): count for parts, count in pairs}

    def intact(self, *, thorough: bool = False) -> bool:
        """Return True if all files are there and not cut; *thorough* also reads their sums."""
        return self._store.intact(thorough=thorough)

    def close(self) -> None:
        """Let the files go; what was not committed is dropped."""
        self._store.close()

    def _add(self, name: str, group: list[tuple[StoredChunk, Vectors]]) -> None:
        """Add the chunks of one generation."""
        document, generation, last = split_chunk_id(group[-1][0].chunk_id)
        packed = self._packed(group, last + 1)
        data = packed.tobytes()
        crc = zlib.crc32(data)
        kept = self._store.known.get(name)
        same = kept is not None and (kept.crc, kept.count) == (crc, len(packed))
        if same and self._holds(stored for stored, _ in group):
            return
        records = {stored.chunk.n: record_of(stored) for stored, _ in group}
        first = group[0][0]
        line = {
            "add": document, "generation": generation, "count": len(packed), "crc": crc,
            "title": first.title, "metadata": dict(first.metadata), "language": first.language,
        }  # fmt: skip
        self._store.append(line, data, [records.get(n, b"") for n in range(last + 1)])

    def _packed(
        self, group: Sequence[tuple[StoredChunk, Vectors]], rows: int
    ) -> NDArray[np.float16]:
        """Return vectors as float16 of norm 1, in the rows of their chunks."""
        unit = unit_rows(np.stack([vector for _, vector in group]))
        files = self._store.files
        files.dimension = files.dimension or unit.shape[1]
        if unit.shape[1] != files.dimension:
            raise IndexUnusable(
                f"{self._path}: vectors of {unit.shape[1]} dimensions among those of "
                f"{files.dimension}"
            )
        # Where the store lost a chunk, its row stays empty.
        packed = np.zeros((rows, files.dimension), dtype=np.float16)
        packed[[stored.chunk.n for stored, _ in group]] = unit
        return packed

    def _holds(self, chunks: Iterable[StoredChunk]) -> bool:
        """Return True if these chunks are here as they are, as of the last commit."""
        wanted = {stored.chunk_id: stored for stored in chunks}
        return self.committed.chunks(list(wanted)) == wanted
