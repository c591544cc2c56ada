"""The rows of a collection that match a filter, and the nearest of them."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from adapters.local_index.stored_chunks.binary_codes import Codes, approximate_scores
from adapters.local_index.stored_chunks.float16_rows import SCALE, scaled_down, unit_rows
from rag.metadata.columns import Mask, Whole
from rag.metadata.filters import Filter
from rag.ports import Ranking, Vectors

#: Rows whose vectors are unpacked at once: they fit into a core's cache.
BLOCK: Final = 256
#: Rows with more numbers than this in all are not all scored exactly, but those that their binary
#: codes put first: of the fewer numbers a code is, the less it tells.
EXACT_NUMBERS: Final = 1_500_000
#: At least one row in so many is, and so many for each hit that is wanted.
LIKELY: Final = 16
LIKELY_PER_HIT: Final = 16
#: Generations of a sample, and how many of them count as near.
SAMPLE: Final = 2_048
NEAR: Final = 64


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

        codes: Their binary codes.

        rows: How many live chunks there are in all.

        spelled: The filter with values in place of bounds, where that takes few.
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
        codes: Codes,
        rows: int,
        spelled: Filter | None,
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
        self._codes = codes
        self.of = rows
        self.spelled = spelled

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
        """Return True if the chunk of that id matches."""
        number = self._numbers.get(name.rpartition(":")[0], -1)
        return 0 <= number < len(self._mask) and bool(self._mask[number])

    def among(self, hashes: Whole) -> Mask:
        """Return a mask over *hashes*: True if the generation matches."""
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
        return float(self._mask[sample[_highest(scores, NEAR)]].mean())

    def nearest(self, vector: Vectors, limit: int) -> Ranking:
        """
        Return (chunk id, cosine) of the nearest that match, best first.

        Scores are exact. Where many match, those are scored that their binary codes put first.
        """
        rows = self.rows
        if not rows or limit < 1:
            return []
        # Row numbers of all the spans, one after the other.
        at = np.arange(rows) + np.repeat(self._starts - (self._ends - self._counts), self._counts)
        likely = np.arange(rows)
        most = max(EXACT_NUMBERS // len(vector), rows // LIKELY, limit * LIKELY_PER_HIT)
        if rows > most:
            likely = np.sort(_highest(approximate_scores(self._codes, at, vector), most))
        scores = self._scores(at[likely], vector)
        best = _highest(scores, limit)
        found = zip(self._ids(likely[best]), scores[best].tolist(), strict=True)
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))

    def _scores(self, at: Whole, vector: Vectors) -> NDArray[np.float32]:
        """Return the cosine of each row with *vector*."""
        asked = unit_rows(vector[np.newaxis])[0] * SCALE
        # Always of whole blocks: of the last rows of a product BLAS reckons some in another order,
        # and equal vectors would differ in the last bit.
        scores = np.empty(-(-len(at) // BLOCK) * BLOCK, dtype=np.float32)
        buffer = np.zeros((BLOCK, self._vectors.shape[1]), dtype=np.int32)
        for first in range(0, len(at), BLOCK):
            rows = at[first : first + BLOCK]
            block = buffer[: len(rows)]
            # Rows in a row are read where they lie.
            lies_whole = rows[-1] - rows[0] == len(rows) - 1
            np.copyto(
                block, self._vectors[rows[0] : rows[-1] + 1] if lies_whole else self._vectors[rows]
            )
            scaled_down(block)
            np.dot(buffer.view(np.float32), asked, out=scores[first : first + BLOCK])
        return scores[: len(at)]

    def _ids(self, rows: Whole) -> list[str]:
        """Return the chunk ids of the matching rows of those numbers."""
        numbers = np.searchsorted(self._ends, rows, side="right")
        places = rows - (self._ends[numbers] - self._counts[numbers])
        names = [self._names[number] for number in self._chosen[numbers].tolist()]
        # A chunk's id is its generation's name and its place there.
        return [f"{name}:{n}" for name, n in zip(names, places.tolist(), strict=True)]


def _highest(scores: NDArray[np.float32], count: int) -> Whole:
    """Return the places of the *count* highest scores, in no order."""
    if len(scores) <= count:
        return np.arange(len(scores))
    places: Whole = np.argpartition(-scores, count - 1)[:count]
    return places
