"""What a replica keeps of a collection: both parts say the same, whenever it was killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adapters.local_index import local_index
from adapters.local_index.errors import IndexUnusable
from adapters.local_index.local_index import LocalIndex, NothingThere
from adapters.local_index.stored_chunks import committed_rows
from rag.documents import Chunk, Value, chunk_id
from rag.metadata.filters import Filter, parse
from rag.ports import Ranking, StoredChunk

COLOURS = ("red", "green", "blue")


def read(asked: dict[str, object]) -> Filter:
    wanted = parse(asked)
    assert wanted is not None
    return wanted


def add(index: LocalIndex, document: str, *texts: str, known: dict[str, Value]) -> None:
    chunks = [
        StoredChunk(chunk_id(document, 1, n), Chunk(n, 0, len(text), text), len(texts), "", known)
        for n, text in enumerate(texts)
    ]
    seed = sum(document.encode())
    vectors = np.random.default_rng(seed).normal(size=(len(texts), 8)).astype(np.float32)
    index.add(chunks, vectors)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[LocalIndex]:
    opened = LocalIndex.open(tmp_path / "index")
    yield opened
    opened.close()


@pytest.fixture
def coloured(index: LocalIndex) -> LocalIndex:
    """Return an index of 300 documents, of which one in three is of each colour."""
    for n in range(300):
        words = " ".join(["oil"] * (n % 7) + ["price"] * (n % 5) + ["gas"] * (n % 3))
        add(index, f"d{n}", words, "coal", known={"colour": COLOURS[n % 3]})
    index.commit(cursor="1-0", log_epoch="e")
    return index


def restricted(hits: Ranking, colour: str) -> Ranking:
    return [hit for hit in hits if COLOURS[int(hit[0][1:].split(":")[0]) % 3] == colour]


@pytest.mark.parametrize("ways", [(1, 0, 0), (0, 10**6, 0), (0, 0, 10**6), (0, 0, 0.3)])
@pytest.mark.parametrize("limit", [1, 20, 1_000])
def test_a_filtered_sparse_ranking_is_the_whole_one_without_what_does_not_match(
    coloured: LocalIndex,
    ways: tuple[int, int, float],
    limit: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values, few, each = ways
    monkeypatch.setattr(committed_rows, "FEW_VALUES", values)
    monkeypatch.setattr(local_index, "FEW_NAMES", few)
    monkeypatch.setattr(local_index, "HITS_PER_NAME", each)
    whole = coloured.search("oil price gas", limit=10_000)
    for colour in COLOURS:
        found = coloured.select(read({"colour": colour})).search("oil price gas", limit=limit)
        expected = restricted(whole, colour)[:limit]

        assert [score for _, score in found] == [score for _, score in expected]
        # Of equal scores at the cut, which ones come is as open as without a filter.
        assert set(found) <= set(restricted(whole, colour))
    assert coloured.select(read({"colour": "white"})).search("oil", limit=limit) == []


def test_what_matches_is_counted_and_searched_by_meaning(coloured: LocalIndex) -> None:
    matching = coloured.select(read({"colour": "red", "document_id": {"in": ["d0", "d1", "d3"]}}))
    hits = matching.nearest(np.ones(8, dtype=np.float32), limit=10)

    assert (matching.rows, matching.of, coloured.count()) == (4, 600, 600)
    assert {name for name, _ in hits} == {"d0:1:0", "d0:1:1", "d3:1:0", "d3:1:1"}
    assert matching.keeps("d3:1:1")
    assert not matching.keeps("d1:1:1")


def test_a_sample_tells_what_matches_near_a_question(index: LocalIndex) -> None:
    rng = np.random.default_rng(1)
    towards = {"red": 0, "blue": 1}
    for n in range(400):
        colour = ("red", "blue")[n % 2]
        vector = rng.normal(scale=0.1, size=(1, 8)).astype(np.float32)
        vector[0, towards[colour]] += 1
        chunk = StoredChunk(f"d{n}:1:0", Chunk(0, 0, 3, "oil"), 1, "", {"colour": colour})
        index.add([chunk], vector)
    index.commit(cursor="1-0", log_epoch="e")
    for n in range(0, 400, 4):  # what is gone is neither near nor far
        index.remove(f"d{n}", 1)
    index.commit(cursor="2-0", log_epoch="e")
    asked = np.eye(8, dtype=np.float32)

    assert index.select(read({"colour": "red"})).share_near(asked[0]) == 1
    assert index.select(read({"colour": "red"})).share_near(asked[1]) == 0
    assert index.select(read({"colour": {"in": ["red", "blue"]}})).share_near(asked[1]) == 1
    assert index.select(read({"colour": "white"})).share_near(asked[1]) == 0


def test_a_document_that_changes_its_metadata_is_found_by_the_new_ones(index: LocalIndex) -> None:
    add(index, "a", "oil", known={"colour": "red"})
    index.commit(cursor="1-0", log_epoch="e")
    index.remove("a", 1)
    index.add(
        [StoredChunk("a:2:0", Chunk(0, 0, 3, "oil"), 1, "", {"colour": "blue"})],
        np.ones((1, 8), dtype=np.float32),
    )
    index.commit(cursor="2-0", log_epoch="e")

    assert index.select(read({"colour": "red"})).search("oil", limit=9) == []
    assert [n for n, _ in index.select(read({"colour": "blue"})).search("oil", limit=9)] == [
        "a:2:0"
    ]


def test_a_list_is_found_by_each_of_its_values_also_after_a_restart(
    index: LocalIndex, tmp_path: Path
) -> None:
    add(index, "a", "oil", known={"tags": ["pump", "outdoor"], "year": [1968, 1973]})
    add(index, "b", "oil", known={"tags": "pump", "year": 1999})
    add(index, "c", "oil", known={"tags": []})
    index.commit(cursor="1-0", log_epoch="e")
    asked: dict[str, dict[str, Any]] = {
        "ab": {"tags": "pump"}, "a": {"tags": {"in": ["outdoor", "x"]}},
        "bc": {"not": {"tags": "outdoor"}}, "c": {"tags": {"exists": False}},
        "": {"tags": "pum"}, "b": {"year": {"gt": 1990}},
    }  # fmt: skip

    def found(opened: LocalIndex) -> list[str]:
        vector = np.ones(8, dtype=np.float32)
        by_words, by_meaning = [], []
        for each in asked.values():
            matching = opened.select(read(each))
            by_words.append("".join(sorted(n[0] for n, _ in matching.search("oil", limit=9))))
            by_meaning.append("".join(sorted(n[0] for n, _ in matching.nearest(vector, limit=9))))
        assert by_words == by_meaning
        return by_words

    assert found(index) == list(asked)
    index.close()
    again = LocalIndex.open(tmp_path / "index")
    assert found(again) == list(asked)
    assert again.chunks(["a:1:0"])["a:1:0"].metadata["tags"] == ["pump", "outdoor"]
    again.close()


def test_what_matches_tells_which_fields_there_are(index: LocalIndex) -> None:
    add(index, "a", "oil", known={"colour": "red", "n": [1, "x"]})
    add(index, "b", "oil", known={"shape": "round"})
    index.remove("b", 1)
    index.commit(cursor="1-0", log_epoch="e")

    assert index.select(read({"colour": "blue"})).fields() == {
        "metadata.colour": {"text"},
        "metadata.n": {"number", "text"},
        "document_id": {"text"},
        "title": {"text"},
    }
    assert NothingThere().fields() == {}


def test_the_cursor_is_the_older_of_both_parts(index: LocalIndex) -> None:
    index.commit(cursor="5-0", log_epoch="e")
    index._rows.commit(cursor="9-0", log_epoch="e")
    ahead = index.cursor
    index._words.commit(cursor="10-0", log_epoch="e")
    behind = index.cursor
    index._words.commit(cursor="10-0", log_epoch="another")
    apart = index.log_epoch

    assert (ahead, behind, apart) == ("5-0", "9-0", "")


def test_corrupt_rows_make_the_whole_index_unusable(index: LocalIndex, tmp_path: Path) -> None:
    add(index, "a", "oil", known={})
    index.commit(cursor="1-0", log_epoch="e")
    index.close()
    (tmp_path / "index" / "rows" / "vectors-0").write_bytes(b"")

    for _ in range(2):  # the first try must leave no lock behind
        with pytest.raises(IndexUnusable, match="vectors-0"):
            LocalIndex.open(tmp_path / "index")


def test_an_index_from_before_there_were_rows_has_no_cursor(index: LocalIndex) -> None:
    index.commit(cursor="5-0", log_epoch="e")
    folder = index._rows._path
    index.close()
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    again = LocalIndex.open(folder.parent)

    assert (again.cursor, again.log_epoch) == ("", "")
    again.close()


WRITER = """
import sys
from pathlib import Path
from tests.unit.adapters.local_index.test_local_index import add
from adapters.local_index.local_index import LocalIndex

index = LocalIndex.open(Path(sys.argv[1]))
for n in range(int(index.cursor.split("-")[0] or 0) + 1, 10**6):
    add(index, f"d{n}", "oil", known={"n": n})
    if n > 5:
        index.remove(f"d{n - 5}", 1)
    index.commit(cursor=f"{n}-0", log_epoch="e")
    print("ready", flush=True)
"""


def test_an_index_killed_at_any_moment_opens_as_of_a_commit(tmp_path: Path) -> None:
    place = tmp_path / "index"
    ends: list[int] = []
    for turn in range(5):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(place)], stdout=subprocess.PIPE, cwd=Path.cwd()
        )
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(0.15 + 0.037 * turn)
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        index = LocalIndex.open(place)
        last = int(index.cursor.split("-")[0] or 0)
        matching = index.select(read({"n": {"gte": 0}}))
        # Either part may be one commit ahead of the other: the log is applied again from here.
        assert matching.rows == len(matching.nearest(np.ones(8, dtype=np.float32), limit=99))
        assert {last - 1, last} & {
            int(name[1:].split(":")[0]) for name in matching._selected.names()
        }
        add(index, f"d{last + 1}", "oil", known={"n": last + 1})
        index.remove(f"d{last - 4}", 1)
        index.commit(cursor=f"{last + 1}-0", log_epoch="e")
        names = {f"d{n}:1:0" for n in range(max(last - 3, 1), last + 2)}

        assert {
            n for n, _ in index.select(read({"n": {"gte": 0}})).search("oil", limit=99)
        } == names
        index.close()
        ends.append(last)

    assert ends == sorted(set(ends))


def test_nothing_matches_where_nothing_is() -> None:
    nothing = NothingThere()

    assert (nothing.rows, nothing.of, nothing.keeps("a:1:0")) == (0, 0, False)
    assert nothing.nearest(np.ones(8, dtype=np.float32), limit=9) == []
    assert nothing.search("oil", limit=9) == []
