"""The rows beside a sparse index: exact scores, and nothing trusted that was not written whole."""

import errno
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from adapters.local_index import chunk_rows
from adapters.local_index.chunk_rows import ChunkRows
from adapters.local_index.float16_rows import unpacked
from adapters.local_index.tantivy_index import IndexUnusable
from rag.documents import Chunk, Scalar, chunk_id
from rag.metadata.filters import Filter, parse
from rag.ports import StoredChunk, Vectors

DIMENSION = 24
RED, BLUE = {"colour": "red"}, {"colour": "blue"}


def read(asked: dict[str, object]) -> Filter:
    wanted = parse(asked)
    assert wanted is not None
    return wanted


def vectors(count: int, seed: int = 1) -> Vectors:
    drawn = np.random.default_rng(seed).normal(size=(count, DIMENSION))
    return drawn.astype(np.float32)


def stored(
    document: str, count: int, known: dict[str, Scalar], *, generation: int = 1
) -> list[StoredChunk]:
    return [
        StoredChunk(chunk_id(document, generation, n), Chunk(n, 0, 1, "x"), count, "", known)
        for n in range(count)
    ]


def add(
    rows: ChunkRows, document: str, count: int, known: dict[str, Scalar], *, seed: int = 1,
    generation: int = 1,
) -> Vectors:  # fmt: skip
    given = vectors(count, seed)
    rows.add(stored(document, count, known, generation=generation), given)
    return given


def found(rows: ChunkRows, asked: dict[str, object], *, like: Vectors | None = None) -> list[str]:
    asked_for = np.ones(DIMENSION, dtype=np.float32) if like is None else like
    return [name for name, _ in rows.select(read(asked)).nearest(asked_for, limit=1_000)]


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[ChunkRows]:
    opened = ChunkRows.open(tmp_path)
    yield opened
    opened.close()


def reopened(rows: ChunkRows) -> ChunkRows:
    rows.close()
    return ChunkRows.open(rows._path)


def test_new_rows_are_empty(rows: ChunkRows) -> None:
    selection = rows.select(read(RED))

    assert (rows.cursor, rows.log_epoch, selection.rows, selection.of) == ("", "", 0, 0)
    assert selection.nearest(np.ones(DIMENSION, dtype=np.float32), limit=5) == []


def text_of(rows: ChunkRows, *names: str) -> dict[str, str]:
    return {name: stored.chunk.text for name, stored in rows.chunks(names).items()}


def told(document: str, *texts: str, generation: int = 1) -> list[StoredChunk]:
    return [
        StoredChunk(
            chunk_id(document, generation, n),
            Chunk(n, 5 * n, 5 * n + len(text), text, page=3, before="\n"),
            len(texts), "A title", {"year": 1968, "grüße": "Köln"}, "de",
        )
        for n, text in enumerate(texts)
    ]  # fmt: skip


def test_vectors_come_back_with_norm_1_for_the_chunks_that_are_there(rows: ChunkRows) -> None:
    given = vectors(3)
    rows.add(stored("a", 3, RED), given)
    before = rows.vectors(["a:1:0"])
    rows.commit(cursor="1", log_epoch="e")
    names, found = rows.vectors(["a:1:2", "b:1:0", "a:2:0", "a:1:0"])

    assert before[0] == []
    assert names == ["a:1:2", "a:1:0"]
    expected = given[[2, 0]] / np.linalg.norm(given[[2, 0]], axis=1, keepdims=True)
    assert found == pytest.approx(expected, abs=1e-3)


def test_a_chunk_comes_back_as_it_was_given(rows: ChunkRows) -> None:
    given = told("a:b", "Grüße 🌾", "zwei")
    rows.add(given, vectors(2))
    before = rows.chunks(["a:b:1:0"])
    rows.commit(cursor="1", log_epoch="e")
    again = reopened(rows)

    assert before == {}
    assert rows.chunks(["a:b:1:1", "a:b:1:0", "a:b:1:2", "a:b:2:0"]) == {
        one.chunk_id: one for one in given
    }
    assert again.chunks([one.chunk_id for one in given]) == {one.chunk_id: one for one in given}
    again.close()


def test_vectors_of_sentences_come_back_and_replace_a_chunk_that_had_none(rows: ChunkRows) -> None:
    (bare,) = told("a", "One. Two.")
    whole = replace(bare, sentences=b"\x01\x00{\xff}\xff")
    for cursor, given in (("1", bare), ("2", whole), ("3", whole)):
        rows.add([given], vectors(1))
        rows.commit(cursor=cursor, log_epoch="e")
    size = rows._vector_file.stat().st_size
    again = reopened(rows)

    assert size == 2 * DIMENSION * 2  # the third is the second
    assert again.chunks([bare.chunk_id]) == {bare.chunk_id: whole}
    again.close()


def test_a_dropped_generation_has_no_texts(rows: ChunkRows) -> None:
    rows.add(told("a", "one"), vectors(1))
    rows.add(told("a", "two", generation=2), vectors(1, seed=2))
    rows.commit(cursor="1", log_epoch="e")
    rows.remove("a", 1)
    rows.commit(cursor="2", log_epoch="e")

    assert text_of(rows, "a:1:0", "a:2:0") == {"a:2:0": "two"}


def test_a_chunk_that_the_store_had_lost_has_no_text(rows: ChunkRows) -> None:
    rows.add([one for one in told("a", "one", "two", "three") if one.chunk.n != 1], vectors(2))
    rows.commit(cursor="1", log_epoch="e")

    assert text_of(rows, "a:1:0", "a:1:1", "a:1:2") == {"a:1:0": "one", "a:1:2": "three"}


def test_texts_outlive_a_compaction(rows: ChunkRows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunk_rows, "MOST_DEAD", 5)
    rows.add(told("kept", "one", "two"), vectors(2))
    for generation in range(1, 9):
        rows.add(told("b", f"text {generation}", generation=generation), vectors(1, generation))
        rows.commit(cursor=str(generation), log_epoch="e")
        rows.remove("b", generation)
    rows.commit(cursor="9", log_epoch="e")
    again = reopened(rows)

    assert rows._files > 0
    assert text_of(rows, "kept:1:0", "kept:1:1", "b:8:0") == {
        "kept:1:0": "one", "kept:1:1": "two",
    }  # fmt: skip
    assert text_of(again, "kept:1:1") == {"kept:1:1": "two"}
    again.close()


def test_a_damaged_record_is_no_chunk(rows: ChunkRows) -> None:
    rows.add(told("a", "one", "two"), vectors(2))
    rows.commit(cursor="1", log_epoch="e")
    file = rows._file("records")
    data = bytearray(file.read_bytes())
    data[data.index(b"one")] ^= 1
    file.write_bytes(data)

    assert text_of(rows, "a:1:0", "a:1:1") == {"a:1:1": "two"}


@pytest.mark.parametrize("kind", ["records", "places"])
def test_a_file_cut_short_is_never_mapped(rows: ChunkRows, kind: str) -> None:
    rows.add(told("a", "one", "two"), vectors(2))
    rows.commit(cursor="1", log_epoch="e")
    rows.close()
    file = rows._file(kind)
    os.truncate(file, file.stat().st_size - 1)
    with pytest.raises(IndexUnusable, match="cut short"):
        ChunkRows.open(rows._path)


def test_the_nearest_of_what_matches_come_first_by_their_cosine(rows: ChunkRows) -> None:
    red, blue = add(rows, "a:b", 700, RED), add(rows, "c", 300, BLUE, seed=2)
    rows.commit(cursor="1", log_epoch="e")
    asked = vectors(1, seed=3)[0]
    selection = rows.select(read(RED))
    best = selection.nearest(asked, limit=50)
    cosines = red @ asked / np.linalg.norm(red, axis=1) / np.linalg.norm(asked)
    expected = np.argsort(-cosines)[:50]

    assert [name for name, _ in best] == [f"a:b:1:{n}" for n in expected]
    assert [score for _, score in best] == pytest.approx(cosines[expected], abs=1e-3)
    assert (selection.rows, selection.of, selection.names()) == (700, 1_000, ["a:b:1"])
    assert [selection.keeps(name) for name in ("a:b:1:0", "c:1:0", "d:1:0")] == [True, False, False]
    assert len(blue) == len(rows.select(read(BLUE)).nearest(asked, limit=1_000))


def test_of_many_that_match_those_are_scored_that_their_codes_put_first(
    rows: ChunkRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    red = add(rows, "a", 1_000, RED)
    add(rows, "b", 300, BLUE, seed=2)
    rows.remove("b", 1)
    red = np.concatenate([red, add(rows, "c", 1_000, RED, seed=3)])
    rows.commit(cursor="1", log_epoch="e")
    asked = vectors(1, seed=4)[0]
    exactly = rows.select(read(RED)).nearest(asked, limit=2_000)
    scored = []
    monkeypatch.setattr("adapters.local_index.selection.EXACT_NUMBERS", 200 * DIMENSION)
    monkeypatch.setattr("adapters.local_index.selection.LIKELY_PER_HIT", 1)
    selection = rows.select(read(RED))
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
    packed = rows.select(read(RED))
    packed._vectors = halves.view(np.int16)
    for place in range(DIMENSION):
        axis = np.eye(DIMENSION, dtype=np.float32)[place]

        assert (packed._scores(np.arange(len(halves)), axis) == halves[:, place]).all()


def test_every_float16_unpacks_to_its_value() -> None:
    # Infinities and what is no number are never kept.
    every = np.arange(65_536, dtype=np.uint16).view(np.float16)
    finite = every[np.isfinite(every)]

    np.testing.assert_array_equal(unpacked(finite.view(np.int16)), finite.astype(np.float32))


def test_documents_are_selected_by_what_quern_knows_of_them(rows: ChunkRows) -> None:
    chunk = StoredChunk("a:1:0", Chunk(0, 0, 1, "x"), 1, "Öl", {"language": "none"}, "de")
    rows.add([chunk], vectors(1))
    rows.commit(cursor="1", log_epoch="e")
    again = reopened(rows)

    for asked in ({"document_id": "a"}, {"title": "Öl"}, {"language": "de"}):
        assert found(again, asked) == ["a:1:0"]
        assert found(again, {"not": asked}) == []
    assert found(again, {"metadata.language": "de"}) == []
    again.close()


def test_rows_are_selected_after_the_commit_and_not_before(rows: ChunkRows) -> None:
    add(rows, "a", 2, RED)
    before = found(rows, RED)
    rows.commit(cursor="7-0", log_epoch="e1")
    rows.remove("a", 1)
    between = found(rows, RED)
    rows.commit(cursor="8-0", log_epoch="e1")

    assert (before, sorted(between), found(rows, RED)) == ([], ["a:1:0", "a:1:1"], [])
    assert (rows.cursor, rows.log_epoch) == ("8-0", "e1")


def test_a_selection_stays_what_it_was_while_rows_come_and_go(rows: ChunkRows) -> None:
    add(rows, "a", 2, RED)
    rows.commit(cursor="1", log_epoch="e")
    selection = rows.select(read(RED))
    rows.remove("a", 1)
    add(rows, "b", 2, RED, seed=2)
    rows.commit(cursor="2", log_epoch="e")
    hits = selection.nearest(np.ones(DIMENSION, dtype=np.float32), limit=5)

    assert {name for name, _ in hits} == {"a:1:0", "a:1:1"}
    assert not selection.keeps("b:1:0")


def test_without_a_filter_everything_is_selected_as_of_the_last_commit(rows: ChunkRows) -> None:
    given = add(rows, "a", 3, RED)
    assert rows.select(None).rows == 0
    rows.commit(cursor="1-0", log_epoch="e")
    first = rows.select(None)
    add(rows, "b", 2, BLUE, seed=2)
    rows.remove("a", 1)
    rows.commit(cursor="2-0", log_epoch="e")

    assert (first.rows, first.of) == (3, 3)
    assert [name for name, _ in first.nearest(given[1], limit=1)] == ["a:1:1"]
    assert rows.select(None).rows == 2
    assert {name for name, _ in rows.select(None).nearest(given[1], limit=9)} == {"b:1:0", "b:1:1"}


def test_equal_vectors_have_equal_scores_wherever_they_lie(tmp_path: Path) -> None:
    for count in range(1, 20):
        drawn = np.random.default_rng(count).normal(size=(count, 384)).astype(np.float32)
        rows = ChunkRows.open(tmp_path / str(count))
        for document in ("d", "e", "f"):
            rows.add(stored(document, count, RED), drawn)
        rows.commit(cursor="1-0", log_epoch="e")
        scores = dict(rows.select(None).nearest(drawn[0] + np.float32(0.3), limit=100))
        rows.close()

        for n in range(count):
            assert scores[f"d:1:{n}"] == scores[f"e:1:{n}"] == scores[f"f:1:{n}"]


def test_closed_rows_open_where_the_last_commit_left_them(rows: ChunkRows) -> None:
    asked = add(rows, "a", 3, RED)[1]
    add(rows, "b", 3, BLUE, seed=2)
    rows.commit(cursor="5-1", log_epoch="e9")
    rows.remove("b", 1)
    rows.commit(cursor="5-2", log_epoch="e9")
    before = rows.select(read(RED)).nearest(asked, limit=9)
    add(rows, "c", 3, RED, seed=3)  # never committed
    rows.remove("a", 1)
    again = reopened(rows)
    after = again.select(read(RED)).nearest(asked, limit=9)
    add(again, "d", 1, RED, seed=4)
    again.commit(cursor="5-3", log_epoch="e9")
    last = reopened(again)

    assert before == after
    assert before[0][0] == "a:1:1"
    assert (again.cursor, again.log_epoch) == ("5-3", "e9")
    assert sorted(found(last, RED)) == ["a:1:0", "a:1:1", "a:1:2", "d:1:0"]
    assert found(last, BLUE) == []
    last.close()


def test_adding_the_same_again_changes_nothing_and_other_vectors_replace(rows: ChunkRows) -> None:
    add(rows, "a", 2, RED)
    rows.commit(cursor="1", log_epoch="e")
    size = rows._vector_file.stat().st_size
    add(rows, "a", 2, RED)
    rows.commit(cursor="2", log_epoch="e")
    same_size = rows._vector_file.stat().st_size
    add(rows, "a", 1, RED, seed=2)
    rows.commit(cursor="3", log_epoch="e")

    assert size == same_size
    assert found(rows, RED) == ["a:1:0"]


def test_a_chunk_that_the_store_lost_leaves_the_others_in_their_places(rows: ChunkRows) -> None:
    given = vectors(3)
    chunks = stored("a", 3, RED)
    rows.add([chunks[2], chunks[0]], given[[2, 0]])
    rows.commit(cursor="1", log_epoch="e")

    assert found(rows, RED, like=given[2])[0] == "a:1:2"
    assert found(rows, RED, like=given[0])[0] == "a:1:0"


def test_vectors_of_another_dimension_are_refused(rows: ChunkRows) -> None:
    add(rows, "a", 2, RED)

    with pytest.raises(IndexUnusable, match="dimensions"):
        rows.add(stored("b", 1, RED), np.ones((1, DIMENSION + 1), dtype=np.float32))


@pytest.mark.parametrize("keep", range(0, 400, 7))
def test_a_journal_that_ends_anywhere_is_that_of_an_earlier_commit_or_unusable(
    tmp_path: Path, keep: int
) -> None:
    rows = ChunkRows.open(tmp_path)
    states = {"": set[str]()}
    for n in range(3):
        add(rows, f"d{n}", 2, RED, seed=n)
        if n == 2:
            rows.remove("d0", 1)
        rows.commit(cursor=f"{n}-0", log_epoch="e")
        states[rows.cursor] = set(found(rows, RED))
    rows.close()
    journal = tmp_path / "journal"
    journal.write_bytes(journal.read_bytes()[:-keep] if keep else journal.read_bytes())
    try:
        again = ChunkRows.open(tmp_path)
    except IndexUnusable:
        assert keep > 300
        return
    cursor = again.cursor
    add(again, "late", 1, RED, seed=9)
    again.commit(cursor="9-0", log_epoch="e")
    last = reopened(again)

    assert last.cursor == "9-0"
    assert set(found(last, RED)) == states[cursor] | {"late:1:0"}
    last.close()


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: os.truncate(path / "vectors-0", 100),
        lambda path: (path / "vectors-0").unlink(),
        lambda path: flip(path / "vectors-0", 77),
        lambda path: flip(path / "journal", 12),
        lambda path: (path / "journal").write_bytes(b""),
        lambda path: (path / "journal").write_bytes(b"rows of something else\n"),
    ],
    ids=["cut", "gone", "one bit of a vector", "one bit of the format", "empty", "other journal"],
)
def test_corrupt_rows_are_unusable(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    rows = ChunkRows.open(tmp_path)
    add(rows, "a", 4, RED)
    rows.commit(cursor="1", log_epoch="e")
    rows.close()
    damage(tmp_path)

    with pytest.raises(IndexUnusable, match=str(tmp_path)):
        ChunkRows.open(tmp_path)


def flip(file: Path, place: int) -> None:
    data = bytearray(file.read_bytes())
    data[place] ^= 1
    file.write_bytes(data)


def test_a_full_disk_is_an_error_and_the_next_try_goes_on(
    rows: ChunkRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(rows, "a", 2, RED)
    write = os.pwrite

    def half(file: int, data: bytes, at: int) -> int:
        write(file, data[: len(data) // 2], at)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "pwrite", half)
        with pytest.raises(OSError, match="No space"):
            rows.commit(cursor="1", log_epoch="e")
    rows.commit(cursor="2", log_epoch="e")
    again = reopened(rows)

    assert again.cursor == "2"
    assert sorted(found(again, RED)) == ["a:1:0", "a:1:1"]
    again.close()


def test_dropped_rows_are_given_back(rows: ChunkRows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunk_rows, "MOST_DEAD", 20)
    kept = add(rows, "kept", 10, BLUE, seed=5)
    for generation in range(1, 20):
        add(rows, "a", 10, RED, seed=generation, generation=generation)
        rows.remove("a", generation - 1)
        rows.commit(cursor=f"{generation}-0", log_epoch="e")
    largest = rows._vector_file.stat().st_size
    names = {file.name for file in rows._path.iterdir()}
    again = reopened(rows)

    assert largest <= (20 + 2 * 20 + 10) * DIMENSION * 2
    assert len(names) == 4  # one journal, and one file of each kind
    assert again.cursor == "19-0"
    assert set(found(again, RED)) == {f"a:19:{n}" for n in range(10)}
    assert found(again, BLUE, like=kept[4])[0] == "kept:1:4"
    again.close()


def test_a_compaction_that_did_not_end_leaves_no_files(rows: ChunkRows) -> None:
    add(rows, "a", 2, RED)
    rows.commit(cursor="1", log_epoch="e")
    for name in ("vectors-1", "records-1", "places-1", "journal.new"):
        (rows._path / name).write_bytes(b"half")
    again = reopened(rows)

    assert {file.name for file in rows._path.iterdir()} == {
        "journal", "vectors-0", "records-0", "places-0",
    }  # fmt: skip
    assert len(found(again, RED)) == 2
    again.close()


def test_selections_run_beside_commits(rows: ChunkRows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunk_rows, "MOST_DEAD", 20)
    like = add(rows, "kept", 5, BLUE)[2]
    rows.commit(cursor="0", log_epoch="e")
    wrong: list[object] = []
    done = threading.Event()

    def select() -> None:
        while not done.is_set():
            hits = found(rows, BLUE, like=like)
            if len(hits) != 5 or hits[0] != "kept:1:2":
                wrong.append(hits)

    threads = [threading.Thread(target=select) for _ in range(3)]
    for thread in threads:
        thread.start()
    for generation in range(1, 40):
        add(rows, "a", 10, RED, seed=generation, generation=generation)
        rows.remove("a", generation - 1)
        rows.commit(cursor=str(generation), log_epoch="e")
    done.set()
    for thread in threads:
        thread.join()

    assert wrong == []
