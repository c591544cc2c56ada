"""Vectors of sentences in a few bytes: near what they stand for, and never misread."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.ports import Vectors
from rag.sentence_codes import SentenceCosines, cosines, encode


def unit(*shape: int, seed: int) -> Vectors:
    numbers = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    vectors: Vectors = numbers / np.linalg.norm(numbers, axis=-1, keepdims=True)
    return vectors


def sentences_of(passage: Vectors, count: int, *, seed: int) -> Vectors:
    """Return unit vectors that point where the passage does, more or less."""
    mixed = passage + unit(count, len(passage), seed=seed)
    vectors: Vectors = mixed / np.linalg.norm(mixed, axis=1, keepdims=True)
    return vectors


@pytest.mark.parametrize("dimension", [384, 768, 100])
def test_estimates_are_near_the_cosines(dimension: int) -> None:
    passage, question = unit(dimension, seed=1), unit(dimension, seed=2)
    sentences = sentences_of(passage, 400, seed=3)

    found = cosines(encode(passage, sentences, range(1, 401)), passage, question)

    assert found is not None
    assert list(found.ends) == list(range(1, 401))
    # The rest of a vector has a length of 0.7 here; RaBitQ's error falls with the root of the
    # dimension, and the signs of one vector are an unbiased estimate for many.
    error = found.cosines - sentences @ question
    assert np.abs(error).max() < 3 / np.sqrt(dimension)
    assert abs(error.mean()) < 0.3 / np.sqrt(dimension)


def test_a_sentence_takes_52_bytes_of_384_numbers() -> None:
    passage = unit(384, seed=1)

    sizes = [len(encode(passage, sentences_of(passage, n, seed=2), range(n))) for n in (1, 2, 10)]

    assert np.diff(sizes).tolist() == [52, 52 * 8]
    assert sizes[0] == 56


def test_a_sentence_that_is_its_passage_is_exact() -> None:
    passage, question = unit(384, seed=1), unit(384, seed=2)

    found = cosines(encode(passage, passage[np.newaxis], [9]), passage, question)

    assert found is not None
    assert found.cosines[0] == pytest.approx(passage @ question, abs=1e-3)


@given(st.binary(max_size=200), st.integers(1, 40))
def test_bytes_that_are_no_codes_are_never_misread(data: bytes, dimension: int) -> None:
    vector = unit(dimension, seed=1)

    found = cosines(data, vector, vector)

    assert found is None or found.cosines.shape == found.ends.shape


def test_codes_of_vectors_of_another_dimension_are_none() -> None:
    passage = unit(384, seed=1)
    codes = encode(passage, passage[np.newaxis], [9])

    assert cosines(codes, unit(383, seed=1), unit(383, seed=1)) is None
    assert cosines(codes, passage, unit(383, seed=1)) is None
    assert cosines(codes[:-1], passage, passage) is None
    assert cosines(b"", passage, passage) is None
    assert cosines(bytes([99]) + codes[1:], passage, passage) is None


def test_a_span_takes_the_cosine_of_the_sentence_it_shares_most_with() -> None:
    near = SentenceCosines(np.array([10, 20, 65_535]), np.array([0.1, 0.2, 0.3], np.float32))

    assert [round(near.of(*span), 1) for span in ((0, 10), (9, 19), (8, 13), (30, 90_000))] == [
        0.1, 0.2, 0.2, 0.3,
    ]  # fmt: skip


def test_ends_beyond_what_two_bytes_hold_count_as_the_last() -> None:
    passage = unit(8, seed=1)

    found = cosines(encode(passage, np.stack([passage] * 2), [9, 70_000]), passage, passage)

    assert found is not None
    assert list(found.ends) == [9, 65_535]
