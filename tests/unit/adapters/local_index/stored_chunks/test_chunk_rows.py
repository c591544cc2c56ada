"""Writing rows: nothing is trusted that was not written whole, and nothing changes that is."""

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from adapters.local_index.errors import IndexUnusable
from adapters.local_index.stored_chunks.chunk_rows import ChunkRows
from tests.unit.adapters.local_index.stored_chunks.made_rows import (
    BLUE,
    DIMENSION,
    RED,
    add,
    file_of,
    found,
    read,
    reopened,
    stored,
    told,
    vectors,
)


def test_new_rows_are_empty(rows: ChunkRows) -> None:
    selection = rows.committed.select(read(RED))

    assert (rows.cursor, rows.log_epoch, selection.rows, selection.of) == ("", "", 0, 0)
    assert selection.nearest(np.ones(DIMENSION, dtype=np.float32), limit=5) == []


def test_vectors_of_sentences_come_back_and_replace_a_chunk_that_had_none(rows: ChunkRows) -> None:
    (bare,) = told("a", "One. Two.")
    whole = replace(bare, sentences=b"\x01\x00{\xff}\xff")
    for cursor, given in (("1", bare), ("2", whole), ("3", whole)):
        rows.add([given], vectors(1))
        rows.commit(cursor=cursor, log_epoch="e")
    size = file_of(rows, "vectors").stat().st_size
    again = reopened(rows)

    assert size == 2 * DIMENSION * 2  # the third is the second
    assert again.committed.chunks([bare.chunk_id]) == {bare.chunk_id: whole}
    again.close()


@pytest.mark.parametrize("kind", ["records", "places"])
def test_a_file_cut_short_is_never_mapped(rows: ChunkRows, kind: str) -> None:
    rows.add(told("a", "one", "two"), vectors(2))
    rows.commit(cursor="1", log_epoch="e")
    rows.close()
    file = file_of(rows, kind)
    os.truncate(file, file.stat().st_size - 1)
    with pytest.raises(IndexUnusable, match="cut short"):
        ChunkRows.open(rows._path)


def test_closed_rows_open_where_the_last_commit_left_them(rows: ChunkRows) -> None:
    asked = add(rows, "a", 3, RED)[1]
    add(rows, "b", 3, BLUE, seed=2)
    rows.commit(cursor="5-1", log_epoch="e9")
    rows.remove("b", 1)
    rows.commit(cursor="5-2", log_epoch="e9")
    before = rows.committed.select(read(RED)).nearest(asked, limit=9)
    add(rows, "c", 3, RED, seed=3)  # never committed
    rows.remove("a", 1)
    again = reopened(rows)
    after = again.committed.select(read(RED)).nearest(asked, limit=9)
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
    size = file_of(rows, "vectors").stat().st_size
    add(rows, "a", 2, RED)
    rows.commit(cursor="2", log_epoch="e")
    same_size = file_of(rows, "vectors").stat().st_size
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
        lambda path: activate(path / "vectors-0", 77),
        lambda path: activate(path / "journal", 12),
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


def activate(file: Path, place: int) -> None:
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
