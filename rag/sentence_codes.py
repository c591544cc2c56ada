"""
The sentences of a passage as vectors of a few bytes each, made when the passage is embedded.

The vector of a sentence is the average of its tokens' states in the pass that embeds the whole
passage (late chunking: Günther et al., 2024), so it knows what stands around it, and costs no pass
of its own. It is kept as its part along the passage's vector, and of the rest the signs and their
common size (as RaBitQ, Gao and Long, SIGMOD 2024, without its random rotation). Most sentences
point where their passage does, so little of a product with a question is estimated at all.
"""

import math
import struct
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

VERSION: Final = 1
_HEAD: Final = struct.Struct("<BBH")  # version, unused, dimension
_FURTHEST: Final = 0xFFFF


class SentenceCosines(NamedTuple):
    """
    How near the sentences of a passage are to a question.

    Args:
        ends: Where each ends in the passage's text, code points, ascending.

        cosines: Of each to the question.
    """

    ends: NDArray[np.int64]
    cosines: Vectors

    def of(self, start: int, end: int) -> float:
        """Return the cosine of the sentence that shares most of `text[start:end]`."""
        count = len(self.ends)
        row = best = min(bisect_right(self.ends, start), count - 1)
        most, begin = 0, start
        while row < count and begin < end:
            until = int(self.ends[row])
            if min(until, end) - begin > most:
                best, most = row, min(until, end) - begin
            row, begin = row + 1, max(begin, until)
        return float(self.cosines[best])


def encode(passage: Vectors, sentences: Vectors, ends: Sequence[int] | NDArray[np.int64]) -> bytes:
    """
    Pack the vectors of a passage's sentences.

    Args:
        passage: The passage's vector, of norm 1; shape (dimension,).

        sentences: Theirs, of norm 1; shape (sentences, dimension).

        ends: Where each ends in the passage's text, code points; one beyond 65,535 counts as that.
    """
    along = np.clip(sentences @ passage, 0, 1)
    rest = sentences - along[:, None] * passage
    sums = np.abs(rest).sum(axis=1)
    squares = np.einsum("sd,sd->s", rest, rest)
    sizes = np.divide(squares, sums, out=np.zeros_like(sums), where=sums > 0)
    scaled = np.stack([along, sizes / _largest(passage.shape[0])], axis=1)
    return b"".join(
        [
            _HEAD.pack(VERSION, 0, passage.shape[0]),
            np.minimum(np.asarray(ends), _FURTHEST).astype("<u2").tobytes(),
            np.rint(np.clip(scaled, 0, 1) * 255).astype(np.uint8).tobytes(),
            np.packbits(rest < 0, axis=1).tobytes(),
        ]
    )


def cosines(codes: bytes, passage: Vectors, question: Vectors) -> SentenceCosines | None:
    """
    Estimate the cosines of a passage's sentences to a question.

    None where *codes* are none, are of another version, or belong to vectors of another dimension.

    Args:
        codes: As `encode` made them.

        passage: The passage's vector, of norm 1; shape (dimension,).

        question: Of norm 1; shape (dimension,).
    """
    if len(codes) <= _HEAD.size:
        return None
    version, _, dimension = _HEAD.unpack_from(codes)
    packed = -(-dimension // 8)
    count, left_over = divmod(len(codes) - _HEAD.size, 4 + packed)
    if version != VERSION or left_over or not question.shape == passage.shape == (dimension,):
        return None
    at = _HEAD.size
    ends = np.frombuffer(codes, "<u2", count, at).astype(np.int64)
    scaled = np.frombuffer(codes, np.uint8, 2 * count, at + 2 * count).reshape(count, 2)
    along, sizes = scaled.astype(np.float32).T / 255
    bits = np.frombuffer(codes, np.uint8, packed * count, at + 4 * count).reshape(count, packed)
    negative = np.unpackbits(bits, axis=1, count=dimension)
    # The sum of all numbers, less twice those that meet a sign.
    products = question.sum() - 2 * (negative @ question)
    sizes *= _largest(dimension)
    return SentenceCosines(ends, along * float(passage @ question) + sizes * products)


def _largest(dimension: int) -> float:
    """Return the most that a sign of a unit vector's rest counts for, but for spiky ones."""
    # For normally distributed numbers it is 1.25 divided by the root.
    return 1.28 / math.sqrt(dimension)
