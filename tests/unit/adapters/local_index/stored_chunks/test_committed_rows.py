"""Reading rows: chunks, vectors and selections are those of the last commit."""

import numpy as np
import pytest

from adapters.local_index.stored_chunks.chunk_rows import ChunkRows
from rag.documents import Chunk
from rag.ports import StoredChunk
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
    text_of,
    told,
    vectors,
)


def test_vectors_come_back_with_norm_1_for_the_chunks_that_are_there(rows: ChunkRows) -> None:
    given = vectors(3)
    rows.add(stored("a", 3, RED), given)
    before = rows.committed.vectors(["a:1:0"])
    rows.commit(cursor="1", log_epoch="e")
    names, found = rows.committed.vectors(["a:1:2", "b:1:0", "a:2:0", "a:1:0"])

    assert before[0] == []
    assert names == ["a:1:2", "a:1:0"]
    expected = given[[2, 0]] / np.linalg.norm(given[[2, 0]], axis=1, keepdims=True)
    assert found == pytest.approx(expected, abs=1e-3)


def test_a_chunk_comes_back_as_it_was_given(rows: ChunkRows) -> None:
    given = told("a:b", "Grüße 🌾", "zwei")
    rows.add(given, vectors(2))
    before = rows.committed.chunks(["a:b:1:0"])
    rows.commit(cursor="1", log_epoch="e")
    again = reopened(rows)

    assert before == {}
    assert rows.committed.chunks(["a:b:1:1", "a:b:1:0", "a:b:1:2", "a:b:2:0"]) == {
        one.chunk_id: one for one in given
    }
    assert again.committed.chunks([one.chunk_id for one in given]) == {
        one.chunk_id: one for one in given
    }
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


def test_a_damaged_record_is_no_chunk(rows: ChunkRows) -> None:
    rows.add(told("a", "one", "two"), vectors(2))
    rows.commit(cursor="1", log_epoch="e")
    file = file_of(rows, "records")
    data = bytearray(file.read_bytes())
    data[data.index(b"one")] ^= 1
    file.write_bytes(data)

    assert text_of(rows, "a:1:0", "a:1:1") == {"a:1:1": "two"}


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
    selection = rows.committed.select(read(RED))
    rows.remove("a", 1)
    add(rows, "b", 2, RED, seed=2)
    rows.commit(cursor="2", log_epoch="e")
    hits = selection.nearest(np.ones(DIMENSION, dtype=np.float32), limit=5)

    assert {name for name, _ in hits} == {"a:1:0", "a:1:1"}
    assert not selection.keeps("b:1:0")


def test_without_a_filter_everything_is_selected_as_of_the_last_commit(rows: ChunkRows) -> None:
    given = add(rows, "a", 3, RED)
    assert rows.committed.select(None).rows == 0
    rows.commit(cursor="1-0", log_epoch="e")
    first = rows.committed.select(None)
    add(rows, "b", 2, BLUE, seed=2)
    rows.remove("a", 1)
    rows.commit(cursor="2-0", log_epoch="e")

    assert (first.rows, first.of) == (3, 3)
    assert [name for name, _ in first.nearest(given[1], limit=1)] == ["a:1:1"]
    assert rows.committed.select(None).rows == 2
    assert {name for name, _ in rows.committed.select(None).nearest(given[1], limit=9)} == {
        "b:1:0",
        "b:1:1",
    }
