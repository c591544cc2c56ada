"""The nearest of what matches: scores are exact, wherever a row lies."""

from pathlib import Path

import numpy as np
import pytest

from adapters.local_index.stored_chunks.chunk_rows import ChunkRows
from adapters.local_index.stored_chunks.float16_rows import unpacked
from tests.unit.adapters.local_index.stored_chunks.made_rows import (
    BLUE,
    DIMENSION,
    RED,
    add,
    read,
    stored,
    vectors,
)


def test_the_nearest_of_what_matches_come_first_by_their_cosine(rows: ChunkRows) -> None:
    red, blue = add(rows, "a:b", 700, RED), add(rows, "c", 300, BLUE, seed=2)
    rows.commit(cursor="1", log_epoch="e")
    asked = vectors(1, seed=3)[0]
    selection = rows.committed.select(read(RED))
    best = selection.nearest(asked, limit=50)
    cosines = red @ asked / np.linalg.norm(red, axis=1) / np.linalg.norm(asked)
    expected = np.argsort(-cosines)[:50]

    assert [name for name, _ in best] == [f"a:b:1:{n}" for n in expected]
    assert [score for _, score in best] == pytest.approx(cosines[expected], abs=1e-3)
    assert (selection.rows, selection.of, selection.names()) == (700, 1_000, ["a:b:1"])
    assert [selection.keeps(name) for name in ("a:b:1:0", "c:1:0", "d:1:0")] == [True, False, False]
    assert len(blue) == len(rows.committed.select(read(BLUE)).nearest(asked, limit=1_000))


def test_of_many_that_match_those_are_scored_that_their_codes_put_first(
    rows: ChunkRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    red = add(rows, "a", 1_000, RED)
    add(rows, "b", 300, BLUE, seed=2)
    rows.remove("b", 1)
    red = np.concatenate([red, add(rows, "c", 1_000, RED, seed=3)])
    rows.commit(cursor="1", log_epoch="e")
    asked = vectors(1, seed=4)[0]
    exactly = rows.committed.select(read(RED)).nearest(asked, limit=2_000)
    scored = []
    monkeypatch.setattr(
        "adapters.local_index.stored_chunks.selection.EXACT_NUMBERS", 200 * DIMENSION
    )
    monkeypatch.setattr("adapters.local_index.stored_chunks.selection.LIKELY_PER_HIT", 1)
    selection = rows.committed.select(read(RED))
    exact = selection._scores
    monkeypatch.setattr(
        selection, "_scores", lambda at, vector: scored.append(len(at)) or exact(at, vector)
    )
    likely = selection.nearest(asked, limit=10)
    more = selection.nearest(asked, limit=1_500)

    assert scored == [200, 1_500]
    # A product of some rows may differ in its last bit from that of all.
    names, right = [name for name, _ in likely], dict(exactly)
    assert names == [name for name, _ in exactly if name in names]
    assert exactly[0][0] in names
    assert len(more) == 1_500
    assert all(score == pytest.approx(right[name], abs=1e-6) for name, score in likely + more)
    assert len(dict(more[:10]).keys() & dict(exactly[:10]).keys()) >= 9


def test_every_float16_is_read_as_its_value(rows: ChunkRows) -> None:
    bits = np.arange(2**16, dtype=np.uint16).view(np.float16)
    halves = bits[np.isfinite(bits) & (np.abs(bits) <= 1)]
    halves = np.resize(halves, (len(halves) // DIMENSION, DIMENSION))
    packed = rows.committed.select(read(RED))
    packed._vectors = halves.view(np.int16)
    for place in range(DIMENSION):
        axis = np.eye(DIMENSION, dtype=np.float32)[place]

        assert (packed._scores(np.arange(len(halves)), axis) == halves[:, place]).all()


def test_every_float16_unpacks_to_its_value() -> None:
    # Infinities and what is no number are never kept.
    every = np.arange(65_536, dtype=np.uint16).view(np.float16)
    finite = every[np.isfinite(every)]

    np.testing.assert_array_equal(unpacked(finite.view(np.int16)), finite.astype(np.float32))


def test_equal_vectors_have_equal_scores_wherever_they_lie(tmp_path: Path) -> None:
    for count in range(1, 20):
        drawn = np.random.default_rng(count).normal(size=(count, 384)).astype(np.float32)
        rows = ChunkRows.open(tmp_path / str(count))
        for document in ("d", "e", "f"):
            rows.add(stored(document, count, RED), drawn)
        rows.commit(cursor="1-0", log_epoch="e")
        scores = dict(rows.committed.select(None).nearest(drawn[0] + np.float32(0.3), limit=100))
        rows.close()

        for n in range(count):
            assert scores[f"d:1:{n}"] == scores[f"e:1:{n}"] == scores[f"f:1:{n}"]
