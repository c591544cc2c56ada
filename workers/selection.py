"""What matches a filter among the rows of a collection, and which of it is nearest."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rag.columns import Mask, Whole
from rag.documents import chunk_id
from rag.ports import Ranking, Vectors

#: Rows whose vectors are unpacked at once: they fit into a core's cache.
BLOCK: Final = 256
#: Generations of a sample, and how many of them count as near.
SAMPLE: Final = 2_048
NEAR: Final = 64

#: A float16's bits, moved to where a float32 has them, are its value divided by this: unpacked so,
#: four times faster than by numpy's conversion, and exact.
_SCALE: Final = np.float32(2.0**112)
_SIGN_AND_REST: Final = np.int32(-0x70000001)  # without the sign's copies that the move brings


class Selection:
    """
    The chunks that match a filter, as they were when it was made.

    Args:
        mask: Which generations match.

        alive: Which are there at all.

        hashes: `generation_hash` of each.

        names: `document:generation` of each; the list may grow.

        numbers: The place of each name in *names*.

        starts: First row of each generation.

        counts: Rows of each.

        vectors: The rows' vectors as the bits of float16; shape (rows, dimension).

        rows: How many live chunks there are in all.
    """

    def __init__(
        self,
        *,
        mask: Mask,
        alive: Mask,
        hashes: Whole,
        names: Sequence[str],
        numbers: Mapping[str, int],
        starts: Whole,
        counts: Whole,
        vectors: NDArray[np.int16],
        rows: int,
    ) -> None:
        self._mask = mask
        self._alive = alive
        self._hashes = hashes
        self._sorted: Whole | None = None
        self._all_starts = starts
        self._names = names
        self._numbers = numbers
        self._chosen = np.flatnonzero(mask)
        self._starts, self._counts = starts[self._chosen], counts[self._chosen]
        self._ends = np.cumsum(self._counts)
        self._vectors = vectors
        self.of = rows

    @property
    def rows(self) -> int:
        """How many chunks match."""
        return int(self._ends[-1]) if len(self._ends) else 0

    @property
    def generations(self) -> int:
        """How many generations match."""
        return len(self._chosen)

    def names(self) -> list[str]:
        """Return `document:generation` of all that match."""
        return [self._names[number] for number in self._chosen.tolist()]

    def keeps(self, name: str) -> bool:
        """Tell whether the chunk of that id matches."""
        number = self._numbers.get(name.rpartition(":")[0], -1)
        return 0 <= number < len(self._mask) and bool(self._mask[number])

    def among(self, hashes: Whole) -> Mask:
        """Tell of each hash whether it is of a generation that matches."""
        if self._sorted is None:
            self._sorted = np.sort(self._hashes[self._chosen])
        if not len(self._sorted):
            return np.zeros(len(hashes), dtype=np.bool_)
        places = np.searchsorted(self._sorted, hashes)
        found: Mask = self._sorted[np.minimum(places, len(self._sorted) - 1)] == hashes
        return found

    def share_near(self, vector: Vectors) -> float:
        """Return the share of what matches among the generations of a sample nearest a vector."""
        there = np.flatnonzero(self._alive)
        sample = there[:: max(1, len(there) // SAMPLE)]
        if not len(sample):
            return 0.0
        scores = self._scores(self._all_starts[sample], vector)
        near = min(NEAR, len(sample))
        best = np.argpartition(-scores, near - 1)[:near]
        return float(self._mask[sample[best]].mean())

    def nearest(self, vector: Vectors, limit: int) -> Ranking:
        """Return (chunk id, cosine) of the nearest that match, best first, by exact scores."""
        rows = self.rows
        if not rows or limit < 1:
            return []
        # Row numbers of all the spans, one after the other.
        at = np.arange(rows) + np.repeat(self._starts - (self._ends - self._counts), self._counts)
        scores = self._scores(at, vector)
        best = np.arange(rows)
        if rows > limit:
            best = np.argpartition(-scores, limit - 1)[:limit]
        found = [(self._name(int(row)), float(scores[row])) for row in best]
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))

    def _scores(self, at: Whole, vector: Vectors) -> NDArray[np.float32]:
        """Return the cosine of each row with *vector*."""
        asked = unit_rows(vector[np.newaxis])[0] * _SCALE
        scores = np.empty(len(at), dtype=np.float32)
        buffer = np.empty((BLOCK, self._vectors.shape[1]), dtype=np.int32)
        for first in range(0, len(at), BLOCK):
            rows = at[first : first + BLOCK]
            block = buffer[: len(rows)]
            # Rows in a row are read where they lie.
            lies_whole = rows[-1] - rows[0] == len(rows) - 1
            np.copyto(
                block, self._vectors[rows[0] : rows[-1] + 1] if lies_whole else self._vectors[rows]
            )
            np.dot(_moved(block), asked, out=scores[first : first + BLOCK])
        return scores

    def _name(self, row: int) -> str:
        """Return the chunk id of the matching row of that number."""
        number = int(np.searchsorted(self._ends, row, side="right"))
        n = row - int(self._ends[number] - self._counts[number])
        document, _, generation = self._names[int(self._chosen[number])].rpartition(":")
        return chunk_id(document, int(generation), n)


def unpacked(bits: NDArray[np.int16]) -> Vectors:
    """Return float16 vectors, given as their bits, as float32."""
    vectors = _moved(bits.astype(np.int32))
    vectors *= _SCALE
    return vectors


def _moved(bits: NDArray[np.int32]) -> Vectors:
    """Return float16 vectors divided by `_SCALE`, in the place of their bits."""
    bits <<= 13
    bits &= _SIGN_AND_REST
    vectors: Vectors = bits.view(np.float32)
    return vectors


def unit_rows(vectors: Vectors) -> Vectors:
    """Return vectors of norm 1; one without direction stays as it is."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = np.divide(vectors, np.where(norms > 0, norms, 1), dtype=np.float32)
    return unit
