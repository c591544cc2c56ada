"""Binary quantization (RaBitQ): approximate scores choose the rows to score exactly."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from adapters.local_index.stored_chunks.float16_rows import unpacked
from rag.metadata.columns import Whole
from rag.ports import Vectors

#: Of a question's numbers so many bits are kept: with fewer more rows must be scored exactly.
QUESTION_BITS: Final = 4
#: Rows whose codes are looked at in one go: they fit into a core's cache.
BLOCK: Final = 8_192
WORD: Final = 64


class Codes(NamedTuple):
    """
    What is known of each row beside its vector, and room for more rows.

    A row is its part along the rows' common direction, and a rest of which the signs are kept.
    """

    direction: Vectors
    """Of norm 1; shape (dimension,)."""

    along: NDArray[np.float32]
    """Length of each row's part along it; shape (rows,)."""

    signs: NDArray[np.uint64]
    """Which numbers of the rest are below 0, shape (words, rows): a word of many rows together."""

    factors: NDArray[np.float32]
    """What products with a row's signs are multiplied with, to be those with its rest."""


class BinaryCodes:
    """
    The codes of a growing number of rows.

    The common direction is that of the rows' average: of models whose vectors all point one way the
    signs alone would tell little. It is taken anew, and all codes with it, whenever the rows have
    doubled.
    """

    def __init__(self) -> None:
        self._count = 0
        self._kept = _room(np.zeros(0, dtype=np.float32), 0)

    @property
    def all(self) -> Codes:
        """The codes of all rows as of the last `follow`, without a copy; they never change."""
        return self._kept  # with its room: numpy copies what has gaps before it takes from it

    def follow(self, vectors: NDArray[np.int16]) -> None:
        """
        Make the codes of those rows that are new.

        Args:
            vectors: All rows as the bits of float16, the known ones as they were; shape (rows,
                dimension).
        """
        rows, kept, known = len(vectors), self._kept, self._count
        if rows > len(kept.along):
            average = unpacked(vectors[:: max(1, rows // BLOCK)]).mean(axis=0)
            length = float(np.linalg.norm(average))
            # What was handed out stays as it is, and is handed out until this is whole.
            kept, known = _room(average / length if length else average, max(2 * rows, BLOCK)), 0
        direction, along, signs, factors = kept
        for first in range(known, rows, BLOCK):
            these = slice(first, min(first + BLOCK, rows))
            rest = unpacked(vectors[these])
            along[these] = rest @ direction
            rest -= np.outer(along[these], direction)
            signs[:, these] = _words(rest < 0)
            sizes = np.abs(rest).sum(axis=1)
            squares = np.einsum("rd,rd->r", rest, rest)
            factors[these] = np.divide(squares, sizes, out=np.zeros_like(sizes), where=sizes > 0)
        self._kept, self._count = kept, rows


def approximate_scores(codes: Codes, at: Whole, vector: Vectors) -> NDArray[np.float32]:
    """
    Estimate the inner products of rows with a vector.

    That along the common direction is exact. Of the rest, the question's numbers are rounded to a
    few bits and multiplied with signs by counting common bits: RaBitQ (Gao and Long, SIGMOD 2024)
    without its random rotation.

    Args:
        codes: Of the rows.

        at: Rows, ascending.

        vector: The question's; shape (dimension,).
    """
    towards = np.float32(vector @ codes.direction)
    rest = vector - towards * codes.direction
    least = rest.min()
    step = max(float(rest.max() - least) / (2**QUESTION_BITS - 1), 1e-12)
    levels = np.rint((rest - least) / step).astype(np.uint8)
    # From the highest bit down: what was counted is doubled before the next is added.
    planes = [_words((levels >> bit & 1)[np.newaxis]) for bit in reversed(range(QUESTION_BITS))]
    found = np.empty(len(at), dtype=np.float32)
    for first in range(0, len(at), BLOCK):
        rows = at[first : first + BLOCK]
        signs = codes.signs.take(rows, axis=1)
        common, low = (np.zeros(len(rows), dtype=np.uint32) for _ in range(2))
        for plane in planes:
            common <<= 1
            _add_ones(common, signs & plane)
        _add_ones(low, signs)
        # The sum of all numbers, less twice those that meet a sign.
        product = rest.sum() - common * np.float32(2 * step) - low * np.float32(2 * least)
        product *= codes.factors[rows]
        found[first : first + BLOCK] = product + codes.along[rows] * towards
    return found


def _room(direction: Vectors, rows: int) -> Codes:
    """Make room for the codes of so many rows."""
    return Codes(
        direction,
        along=np.zeros(rows, dtype=np.float32),
        signs=np.zeros((-(-len(direction) // WORD), rows), dtype=np.uint64),
        factors=np.zeros(rows, dtype=np.float32),
    )


def _words(bits: NDArray[np.bool_] | NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Pack bits, shape (rows, dimension), into words."""
    packed = np.packbits(bits, axis=1)
    missing = -packed.shape[1] % (WORD // 8)
    if missing:
        packed = np.pad(packed, ((0, 0), (0, missing)))
    words: NDArray[np.uint64] = packed.view(np.uint64).T
    return words


def _add_ones(counts: NDArray[np.uint32], signs: NDArray[np.uint64]) -> None:
    """Add to *counts* how many ones each row has."""
    for ones in np.bitwise_count(signs):
        counts += ones
