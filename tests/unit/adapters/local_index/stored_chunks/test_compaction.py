"""Compaction: rows that were dropped are given back, and those that live stay as they are."""

import errno
import threading
from pathlib import Path

import pytest

from adapters.local_index.stored_chunks import chunk_rows
from adapters.local_index.stored_chunks.chunk_rows import ChunkRows
from adapters.local_index.stored_chunks.journal import Journal
from tests.unit.adapters.local_index.stored_chunks.made_rows import (
    BLUE,
    DIMENSION,
    RED,
    add,
    file_of,
    found,
    reopened,
    text_of,
    told,
    vectors,
)


def test_texts_outlive_a_compaction(rows: ChunkRows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunk_rows, "MOST_DEAD", 5)
    rows.add(told("kept", "one", "two"), vectors(2))
    for generation in range(1, 9):
        rows.add(told("b", f"text {generation}", generation=generation), vectors(1, generation))
        rows.commit(cursor=str(generation), log_epoch="e")
        rows.remove("b", generation)
    rows.commit(cursor="9", log_epoch="e")
    again = reopened(rows)

    assert rows._store.files.number > 0
    assert text_of(rows, "kept:1:0", "kept:1:1", "b:8:0") == {
        "kept:1:0": "one", "kept:1:1": "two",
    }  # fmt: skip
    assert text_of(again, "kept:1:1") == {"kept:1:1": "two"}
    again.close()


def test_dropped_rows_are_given_back(rows: ChunkRows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunk_rows, "MOST_DEAD", 20)
    kept = add(rows, "kept", 10, BLUE, seed=5)
    for generation in range(1, 20):
        add(rows, "a", 10, RED, seed=generation, generation=generation)
        rows.remove("a", generation - 1)
        rows.commit(cursor=f"{generation}-0", log_epoch="e")
    largest = file_of(rows, "vectors").stat().st_size
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


def test_a_compaction_that_fails_leaves_the_rows_as_they_were_and_is_tried_again(
    rows: ChunkRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunk_rows, "MOST_DEAD", 5)
    add(rows, "kept", 3, BLUE)
    add(rows, "a", 20, RED)
    rows.commit(cursor="1", log_epoch="e")
    rows.remove("a", 1)

    def refused(_journal: Journal, _path: Path) -> None:
        raise OSError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as failing:
        failing.setattr(Journal, "rename", refused)
        with pytest.raises(OSError, match="denied"):
            rows.commit(cursor="2", log_epoch="e")
    between = (rows.cursor, len(found(rows, BLUE)), rows.intact(thorough=True))
    rows.commit(cursor="3", log_epoch="e")
    again = reopened(rows)

    assert between == ("2", 3, True)
    assert {file.name for file in again._path.iterdir()} == {
        "journal", "vectors-1", "records-1", "places-1",
    }  # fmt: skip
    assert (again.cursor, len(found(again, BLUE)), found(again, RED)) == ("3", 3, [])
    again.close()
