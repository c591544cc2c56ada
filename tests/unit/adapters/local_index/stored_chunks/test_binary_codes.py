"""Binary codes: they put rows in about the right order, whatever sign the numbers have."""

import numpy as np
import pytest
from numpy.typing import NDArray

from adapters.local_index.stored_chunks.binary_codes import (
    BLOCK,
    QUESTION_BITS,
    BinaryCodes,
    approximate_scores,
)
from adapters.local_index.stored_chunks.float16_rows import unit_rows, unpacked
from rag.ports import Vectors


def stored(vectors: Vectors) -> NDArray[np.int16]:
    return unit_rows(vectors).astype(np.float16).view(np.int16)


def codes_of(bits: NDArray[np.int16]) -> BinaryCodes:
    codes = BinaryCodes()
    codes.follow(bits)
    return codes


class Texts:
    """Vectors as those of texts are: made of far fewer things than they have numbers."""

    def __init__(self, rng: np.random.Generator, dimension: int) -> None:
        self._rng = rng
        self._things = rng.normal(size=(40, dimension))

    def some(self, rows: int) -> Vectors:
        mixed = self._rng.normal(size=(rows, len(self._things))) @ self._things
        return (mixed + self._rng.normal(size=mixed.shape)).astype(np.float32)


@pytest.mark.parametrize("dimension", [2, 8, 63, 64, 65, 384])
def test_an_estimate_is_near_the_product_and_exact_along_the_common_direction(
    dimension: int,
) -> None:
    rng = np.random.default_rng(dimension)
    bits = stored(rng.normal(size=(300, dimension)).astype(np.float32) + 0.5)
    codes, vectors = codes_of(bits).all, unpacked(bits)
    question = rng.normal(size=dimension).astype(np.float32)
    at = np.flatnonzero(rng.random(300) < 0.4)
    rest = vectors[at] - np.outer(vectors[at] @ codes.direction, codes.direction)
    factors = (rest**2).sum(axis=1) / np.abs(rest).sum(axis=1)
    signs = np.where(rest < 0, -1, 1)
    towards = question @ codes.direction
    other = question - towards * codes.direction
    step = (other.max() - other.min()) / (2**QUESTION_BITS - 1)

    found = approximate_scores(codes, at, question)

    along = vectors[at] @ codes.direction * towards
    np.testing.assert_allclose(
        approximate_scores(codes, at, codes.direction * towards), along, atol=1e-5
    )
    # No number of the question is rounded by more than half a step.
    difference = np.abs(found - along - factors * (signs @ other))
    assert (difference <= factors * dimension * step / 2 + 1e-5).all()


@pytest.mark.parametrize("more", [0.0, 40.0])
def test_what_is_nearest_is_among_the_likeliest(more: float) -> None:
    texts = Texts(np.random.default_rng(7), 384)
    bits = stored(texts.some(20_000) + more)  # with so much more no number is below 0
    codes, rows = codes_of(bits).all, unpacked(bits)
    at, found = np.arange(len(rows)), 0
    for question in unit_rows(texts.some(40) + more):
        nearest = set(np.argsort(-(rows @ question))[:10].tolist())
        likeliest = set(np.argsort(-approximate_scores(codes, at, question))[:1_250].tolist())
        found += len(nearest & likeliest)

    assert (unpacked(bits).min() > 0) == (more > 0)
    assert found >= 0.99 * 400


def test_rows_that_come_later_have_codes_as_if_they_had_been_there() -> None:
    rng = np.random.default_rng(3)
    texts = Texts(rng, 384)
    bits = stored(texts.some(2 * BLOCK + 5))
    (question,) = texts.some(1)
    codes = BinaryCodes()
    codes.follow(bits[:0])
    codes.follow(bits[:10])
    early = codes.all
    before = approximate_scores(early, np.arange(10), question)
    for end in (11, BLOCK, BLOCK + 1, 2 * BLOCK + 5):
        codes.follow(bits[:end])

    whole = np.arange(len(bits))
    np.testing.assert_array_equal(
        approximate_scores(codes.all, whole[BLOCK:], question),
        approximate_scores(codes.all, whole, question)[BLOCK:],
    )
    # Handed out before the room became too small, and used since.
    np.testing.assert_array_equal(approximate_scores(early, np.arange(10), question), before)
    assert (
        np.corrcoef(approximate_scores(codes.all, whole, question), unpacked(bits) @ question)[0, 1]
        > 0.9
    )


def test_while_codes_are_made_anew_the_former_ones_are_handed_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bits = stored(Texts(np.random.default_rng(5), 64).some(BLOCK + 1))
    codes, seen = codes_of(bits[:10]), []
    former = codes.all

    def looked(rows: NDArray[np.int16]) -> Vectors:
        seen.append(codes.all is former)
        return unpacked(rows)

    monkeypatch.setattr("adapters.local_index.stored_chunks.binary_codes.unpacked", looked)
    codes.follow(bits)

    assert seen == [True] * 3  # the average, and two blocks
    assert codes.all is not former


def test_a_question_without_direction_finds_all_rows_alike() -> None:
    bits = stored(np.random.default_rng(1).normal(size=(50, 16)).astype(np.float32))

    assert not approximate_scores(
        codes_of(bits).all, np.arange(50), np.zeros(16, dtype=np.float32)
    ).any()
