"""The rows as of the last commit: selected by filters and read by chunk id, from any thread."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from adapters.local_index.generation_hash import generation_hash
from adapters.local_index.stored_chunks.binary_codes import BinaryCodes
from adapters.local_index.stored_chunks.chunk_records import read_record
from adapters.local_index.stored_chunks.float16_rows import unpacked
from adapters.local_index.stored_chunks.row_files import Mapped
from adapters.local_index.stored_chunks.selection import Selection
from rag.metadata.columns import Columns, Numbers, Whole
from rag.metadata.filters import Facts, Filter
from rag.ports import StoredChunk, Vectors

#: A filter that names up to so many values is answered by the words' index itself.
FEW_VALUES = 500
#: Of more fields some are not told.
FIELDS = 2_000


class CommittedRows:
    """
    Where the rows of each generation lie, what is known of it, and the mapped files.

    One thread appends generations, which nobody sees until `show`; any number may read.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards what follows
        self._names: list[str] = []
        self._numbers: dict[str, int] = {}
        self._starts, self._counts, self._alive = Numbers(), Numbers(), Numbers()
        self._hashes = Numbers()
        self._columns = Columns()
        self._codes = BinaryCodes()
        self._vectors: NDArray[np.int16] = np.zeros((0, 0), dtype=np.int16)
        self._records: NDArray[np.uint8] = np.zeros(0, dtype=np.uint8)
        self._places: NDArray[np.int64] = np.zeros((0, 2), dtype=np.int64)
        self._rows = 0
        self._whole: Selection | None = None  # of all chunks, once it was asked for

    def append(self, name: str, *, start: int, count: int, known: Facts) -> int:
        """Add a generation, not yet seen, and return its number."""
        hashed = generation_hash(name)
        with self._lock:
            number = self._numbers[name] = len(self._names)
            self._names.append(name)
            self._starts.append(start)
            self._counts.append(count)
            self._alive.append(0)
            self._hashes.append(hashed)
            self._columns.append(known)
        return number

    def show(self, mapped: Mapped, changed: Iterable[tuple[int, bool]], *, rows: int) -> None:
        """
        Let readers see a commit.

        Args:
            mapped: The files.

            changed: Numbers of generations, and whether each lives from now on.

            rows: How many rows live.
        """
        self._codes.follow(mapped.vectors)
        with self._lock:
            self._vectors, self._records, self._places = mapped
            self._rows = rows
            for number, lives in changed:
                self._alive.all[number] = lives
            self._whole = None

    def select(self, filters: Filter | None) -> Selection:
        """Return the chunks that match; all of them without a filter."""
        with self._lock:
            if filters is None and self._whole is not None:
                return self._whole
            alive = self._alive.all != 0
            selected = Selection(
                mask=alive if filters is None else self._columns.matching(filters) & alive,
                alive=alive,
                hashes=self._hashes.all,
                names=self._names,
                numbers=self._numbers,
                starts=self._starts.all,
                counts=self._counts.all,
                vectors=self._vectors,
                codes=self._codes.all,
                rows=self._rows,
                spelled=self._columns.spelled(filters, FEW_VALUES) if filters else None,
            )
            if filters is None:
                self._whole = selected
            return selected

    def fields(self, only: AbstractSet[str] | None = None) -> Mapping[str, frozenset[str]]:
        """Return the fields that chunks have, or *only* these, with their values' kinds."""
        with self._lock:
            alive = self._alive.all != 0
            told = self._columns.fields(FIELDS, only)
        return told(alive)

    def chunks(self, chunk_ids: Sequence[str]) -> dict[str, StoredChunk]:
        """Return the chunks that are here, by id; one whose record is damaged is not."""
        with self._lock:
            names, rows = self._find(chunk_ids)
            places, records = self._places, self._records
        found = {}
        for name, (start, length) in zip(names, places[rows].tolist(), strict=True):
            stored = read_record(records[start : start + length].tobytes())
            if stored is not None and stored.chunk_id == name:
                found[name] = stored
        return found

    def vectors(self, chunk_ids: Sequence[str]) -> tuple[list[str], Vectors]:
        """Return the ids of the chunks that are here, with their vectors of norm 1."""
        with self._lock:
            names, rows = self._find(chunk_ids)
            vectors = self._vectors
        return names, unpacked(vectors[rows])

    def _find(self, chunk_ids: Sequence[str]) -> tuple[list[str], Whole]:
        """Return those of the chunks that live, and their rows; the lock is held."""
        names, numbers, places = [], [], []
        for name in dict.fromkeys(chunk_ids):
            generation, _, n = name.rpartition(":")
            number = self._numbers.get(generation)
            if number is not None:
                names.append(name)
                numbers.append(number)
                places.append(int(n))
        of, at = np.array(numbers, dtype=np.int64), np.array(places, dtype=np.int64)
        here = (self._alive.all[of] != 0) & (at < self._counts.all[of])
        return list(compress(names, here.tolist())), (self._starts.all[of] + at)[here]
