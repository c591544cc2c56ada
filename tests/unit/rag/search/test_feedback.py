"""What the candidates' vectors add to the dense retriever."""

import numpy as np
import pytest

from rag.ports import Vectors
from rag.search.feedback import AMONG, completed, fed_back, promising
from rag.search.fusion import Evidence


def unit(*rows: list[float]) -> Vectors:
    vectors = np.array(rows, dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


QUESTION = unit([1.0, 0.2, 0.0])[0]
NAMES = ["near", "aside", "word"]
VECTORS = unit([1, 0, 0], [0.5, 0.5, 0], [0, 0.2, 1])
COSINES = dict(zip(NAMES, (VECTORS @ QUESTION).tolist(), strict=True))
DENSE = [("near", COSINES["near"]), ("aside", COSINES["aside"])]


def test_what_only_words_found_has_its_own_cosine() -> None:
    found = completed(DENSE, QUESTION, NAMES, VECTORS)

    assert found == pytest.approx(COSINES)


def test_a_candidate_whose_vector_is_not_here_keeps_the_cosine_that_the_retriever_told() -> None:
    found = completed([*DENSE, ("elsewhere", 0.3)], QUESTION, NAMES, VECTORS)

    assert found == pytest.approx({**COSINES, "elsewhere": 0.3})


def test_vectors_that_contradict_the_retriever_are_of_another_embedder() -> None:
    told = [("near", 0.5), ("aside", COSINES["aside"])]

    assert completed(told, QUESTION, NAMES, VECTORS) is None


def test_vectors_of_another_length_or_of_no_candidate_of_the_retriever_say_nothing() -> None:
    assert completed(DENSE, QUESTION[:2], NAMES, VECTORS) is None
    assert completed(DENSE, QUESTION, NAMES[2:], VECTORS[2:]) is None
    assert completed(DENSE, QUESTION, [], np.zeros((0, 0), np.float32)) is None


def test_cosines_are_drawn_towards_what_the_first_say() -> None:
    drawn = fed_back(COSINES, [("word", 0.9), ("near", 0.1)], NAMES, VECTORS)

    assert drawn["word"] > COSINES["word"]
    assert drawn["near"] < COSINES["near"]
    assert list(drawn) == NAMES


def test_the_better_of_the_first_say_more() -> None:
    even = fed_back(COSINES, [("word", 0.5), ("near", 0.5)], NAMES, VECTORS)
    uneven = fed_back(COSINES, [("word", 0.8), ("near", 0.4)], NAMES, VECTORS)

    assert uneven["word"] > even["word"]


def test_what_the_embedder_cannot_read_neither_says_nor_is_told_anything() -> None:
    fused = [("word", 0.9), ("near", 0.9)]
    drawn = fed_back(COSINES, fused, NAMES, VECTORS, {"word"})
    of_near = fed_back(COSINES, fused[1:], NAMES, VECTORS)

    assert drawn["word"] == COSINES["word"]
    assert drawn["near"] == pytest.approx(of_near["near"])


def test_without_vectors_of_the_first_cosines_stay() -> None:
    assert fed_back(COSINES, [("elsewhere", 1.0)], NAMES, VECTORS) == COSINES
    assert fed_back(COSINES, [("near", 0.0)], NAMES, VECTORS) == COSINES
    assert fed_back({}, [], [], np.zeros((0, 0), np.float32)) == {}


def test_the_promising_are_the_best_of_either_retriever_with_what_both_say() -> None:
    dense = [(f"d{n}", n / 100) for n in range(50)]
    sparse = [("d0", 1.0), *((f"s{n}", 0.9 - n / 100) for n in range(50))]
    kept = promising(Evidence(dense, sparse))

    assert len(kept.sparse) == AMONG
    assert ("d0", 0.0) in kept.dense
    assert ("d49", 0.49) in kept.dense
    assert ("d1", 0.01) not in kept.dense
