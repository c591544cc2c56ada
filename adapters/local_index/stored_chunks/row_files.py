"""The files of rows: vectors, each chunk's record, and where in that file a row's record is."""

import zlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from adapters.local_index.errors import IndexUnusable
from adapters.local_index.stored_chunks.chunk_records import is_whole
from adapters.local_index.stored_chunks.written_file import WrittenFile

Number = TypeVar("Number", bound=np.generic)

KINDS = ("vectors", "records", "places")
_PLACE_BYTES = 16  # where a record begins and how long it is


@dataclass(slots=True)
class Generation:
    """Where the rows of a generation's chunks lie, chunk after chunk, and its number in memory."""

    number: int
    start: int
    count: int
    crc: int  # of its vectors


class Mapped(NamedTuple):
    """The files as they were at one moment, mapped."""

    vectors: NDArray[np.int16]
    """The bits of float16; shape (rows, dimension)."""

    records: NDArray[np.uint8]
    """The records' bytes, one after the other."""

    places: NDArray[np.int64]
    """Where each row's record begins, and how long it is; shape (rows, 2)."""


class RowFiles:
    """
    Three files that grow, row after row; what is written never changes.

    Args:
        folder: Where they lie.

        number: What their names end with: a compaction writes the files of the next number.

        rows: How many rows are in them.

        dimension: Of the vectors; 0 where there are none yet.

        records_end: Where the last record ends.
    """

    def __init__(
        self, folder: Path, number: int, *, rows: int = 0, dimension: int = 0, records_end: int = 0
    ) -> None:
        self.folder = folder
        self.number = number
        self.rows = rows
        self.dimension = dimension
        self.records_end = records_end
        with ExitStack() as opened:
            self._written = {}
            for kind in KINDS:
                self._written[kind] = WrittenFile(self.path(kind))
                opened.callback(self._written[kind].close)
            self._opened = opened.pop_all()

    def path(self, kind: str) -> Path:
        """Return where the file of that kind lies."""
        return self.folder / f"{kind}-{self.number}"

    def append(self, vectors: bytes, records: Sequence[bytes]) -> int:
        """
        Add rows and return the number of the first.

        Args:
            vectors: Of the rows, as float16.

            records: One for each row; an empty one stands for a chunk not there.
        """
        start = self.rows
        lengths = np.array([len(record) for record in records], dtype=np.int64)
        begins = self.records_end + np.cumsum(lengths) - lengths
        places = np.stack([begins, lengths], axis=1).tobytes()
        self._written["vectors"].write(vectors, start * self.dimension * 2)
        self._written["records"].write(b"".join(records), self.records_end)
        self._written["places"].write(places, start * _PLACE_BYTES)
        self.records_end += int(lengths.sum())
        self.rows += len(records)
        return start

    def map(self) -> Mapped:
        """Map the files as they are now."""
        records = np.zeros(0, dtype=np.uint8)
        places = np.zeros((0, 2), dtype=np.int64)
        if self.records_end:
            records = _mapped(self.path("records"), np.uint8, (self.records_end,))
            places = _mapped(self.path("places"), np.int64, (self.rows, 2))
        return Mapped(self._map_vectors(), records, places)

    def check_sizes(self) -> None:
        """
        Look at sizes before anything is mapped: reading past a file's end kills the process.

        Raises:
            IndexUnusable: A file is shorter than its rows.
        """
        for kind, least in (
            ("vectors", self.rows * self.dimension * 2),
            ("records", self.records_end),
            ("places", self.rows * _PLACE_BYTES),
        ):
            if self.path(kind).stat().st_size < least:
                raise IndexUnusable(f"{self.path(kind)} is cut short")

    def check_vectors(self, known: Mapping[str, Generation]) -> None:
        """
        Compare each generation's vectors with their checksum.

        Raises:
            IndexUnusable: They differ, or a file is cut short.
        """
        self.check_sizes()
        vectors = self._map_vectors()
        for name, entry in known.items():
            block = vectors[entry.start : entry.start + entry.count]
            if zlib.crc32(block.tobytes()) != entry.crc:
                raise IndexUnusable(f"{self.path('vectors')} is corrupt: checksum of {name}")

    def check_records(self, known: Mapping[str, Generation]) -> None:
        """
        Compare the record of each row of generations with its checksum.

        Raises:
            IndexUnusable: They differ.
        """
        _, records, places = self.map()
        for name, entry in known.items():
            for start, length in places[entry.start : entry.start + entry.count].tolist():
                record = records[start : start + length].tobytes()
                if len(record) != length or not is_whole(record):
                    raise IndexUnusable(f"{self.path('records')} is corrupt: {name}")

    def remove(self) -> None:
        """Close the files and remove them; what is mapped can still be read."""
        self.close()
        for kind in KINDS:
            self.path(kind).unlink()

    def close(self) -> None:
        """Let the files go."""
        self._opened.close()

    def _map_vectors(self) -> NDArray[np.int16]:
        """Map the vectors as they are now."""
        if not self.rows:
            return np.zeros((0, self.dimension), dtype=np.int16)
        return _mapped(self.path("vectors"), np.int16, (self.rows, self.dimension))


def _mapped(file: Path, kind: type[Number], shape: tuple[int, ...]) -> NDArray[Number]:
    """Map a file; as a plain array, of which parts are taken in half the time of a memmap's."""
    return np.asarray(np.memmap(file, dtype=kind, mode="r", shape=shape))
