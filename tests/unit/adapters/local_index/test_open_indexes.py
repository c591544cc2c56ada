"""The indexes of a replica: closed while nobody asks, opened by who does."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from adapters.local_index import open_indexes
from adapters.local_index.errors import IndexInUse, IndexUnusable
from adapters.local_index.local_index import LocalIndex
from adapters.local_index.open_indexes import OpenIndexes, Standing
from adapters.local_index.sparse.tantivy_index import TantivyIndex
from rag.documents import Chunk
from rag.ports import StoredChunk
from rag.reading_ports import ReplicaIndex
from tests.support.waiting import until


class World:
    """Indexes of some collections, each of one chunk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.openings: list[str] = []
        self.indexes = OpenIndexes(folder, self.opened)

    def opened(self, path: Path) -> ReplicaIndex:
        self.openings.append(path.name)
        return LocalIndex.open(path)

    def made(self, *names: str) -> None:
        for name in names:
            index = LocalIndex.open(self.folder / name)
            chunk = StoredChunk("d:1:0", Chunk(0, 0, 3, f"oil {name}"), 1, "", {})
            index.add([chunk], np.ones((1, 8), dtype=np.float32))
            index.commit(cursor="1-0", log_epoch="e")
            self.indexes.put(name, index)
            self.indexes.announce(name)

    def can_be_written(self, name: str) -> bool:
        """Whether no writer is open."""
        another = TantivyIndex.open(self.folder / name)
        try:
            another.remove("nothing", 1)
        except IndexInUse:
            return False
        finally:
            another.close()
        return True

    def found(self, name: str) -> list[str] | None:
        index = self.indexes.in_step(name, "1-0")
        return None if index is None else [hit for hit, _ in index.search("oil", limit=9)]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.indexes.close()


def test_an_index_that_nobody_asks_is_closed_and_opened_by_the_next_search(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.made("a", "b")
    monkeypatch.setattr(open_indexes, "IDLE_S", -1.0)
    world.indexes.close_idle()
    closed = dict(world.indexes.all())
    told = (world.indexes.cursors(), world.indexes.counts())

    assert closed == {}
    assert told == ({"a": "1-0", "b": "1-0"}, {"a": 1, "b": 1})
    assert world.found("a") == ["d:1:0"]
    assert world.openings == ["a"]
    assert list(world.indexes.all()) == ["a"]


def test_one_that_takes_long_to_open_stays_open(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.made("a")
    monkeypatch.setattr(open_indexes, "IDLE_S", -1.0)
    monkeypatch.setattr(open_indexes, "FEW_CHUNKS", 0)
    world.indexes.close_idle()

    assert list(world.indexes.all()) == ["a"]


def test_no_more_are_open_than_the_bound_and_the_one_asked_last_stays(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_indexes, "MOST_OPEN", 2)
    world.made("a", "b", "c", "d")
    world.found("a")
    world.indexes.close_idle()

    assert set(world.indexes.all()) == {"a", "d"}
    assert [world.found(name) for name in "abcd"] == [["d:1:0"]] * 4


def test_a_search_that_read_an_index_before_it_was_closed_reads_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.made("a")
    index = world.indexes.get("a")
    assert index is not None
    matching = index.select(None)
    monkeypatch.setattr(open_indexes, "IDLE_S", -1.0)
    world.indexes.close_idle()

    assert world.indexes.peek("a") is None
    assert [name for name, _ in matching.search("oil", limit=9)] == ["d:1:0"]
    assert list(index.chunks(["d:1:0"])) == ["d:1:0"]
    assert index.vectors(["d:1:0"])[1].shape == (1, 8)


def test_the_writer_is_let_go_soon_after_the_last_commit(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.made("a")
    assert not world.can_be_written("a")
    monkeypatch.setattr(open_indexes, "WRITER_IDLE_S", -1.0)
    world.indexes.close_idle()

    assert world.can_be_written("a")
    assert world.found("a") == ["d:1:0"]


def test_a_writer_with_changes_that_are_not_committed_stays(world: World) -> None:
    world.made("a")
    index = world.indexes.peek("a")
    assert index is not None
    index.remove("d", 1)
    index.rest()
    index.commit(cursor="2-0", log_epoch="e")

    assert world.found("a") == []


def test_few_are_ready_to_be_written_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_indexes, "MOST_WRITING", 1)
    world.made("a", "b", "c")
    world.indexes.close_idle()

    assert [world.can_be_written(name) for name in "abc"] == [True, True, False]


def test_searches_that_come_together_open_an_index_once(world: World) -> None:
    world.made("a")
    index = world.indexes.peek("a")
    assert index is not None
    index.close()
    world.indexes.put_closed("a", Standing("1-0", "e", 1))
    searches = [threading.Thread(target=world.found, args=["a"]) for _ in range(8)]
    for search in searches:
        search.start()
    for search in searches:
        search.join()

    assert world.openings == ["a"]


def test_a_closed_index_whose_files_went_does_not_answer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.made("a")
    monkeypatch.setattr(open_indexes, "IDLE_S", -1.0)
    world.indexes.close_idle()
    shutil.rmtree(world.folder / "a")

    assert world.found("a") is None


def test_one_that_is_written_stays_open_though_nobody_asks_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_indexes, "MOST_OPEN", 1)
    world.made("a", "b")
    world.indexes.announce("a")
    world.indexes.close_idle()

    assert list(world.indexes.all()) == ["a"]


def test_what_cannot_be_opened_is_forgotten_for_the_follower_to_build(tmp_path: Path) -> None:
    def refused(path: Path) -> ReplicaIndex:
        raise IndexUnusable(f"{path} is corrupt")

    indexes = OpenIndexes(tmp_path, refused)
    indexes.put_closed("a", Standing("1-0", "e", 1))

    assert indexes.in_step("a", "1-0") is None
    assert indexes.cursors() == {}


def test_one_that_a_search_found_unusable_can_be_dropped(tmp_path: Path) -> None:
    def opened(path: Path) -> ReplicaIndex:
        raise IndexUnusable(path.name)

    indexes = OpenIndexes(tmp_path, opened)
    indexes.put_closed("a", Standing("1-0", "e", 1))
    indexes.get("a")
    indexes.drop("a")
    indexes.drop("a")

    assert indexes.cursors() == {}


@pytest.mark.parametrize("usable", [True, False])
def test_one_that_is_dropped_while_a_search_opens_it_is_forgotten_and_closed(
    world: World, monkeypatch: pytest.MonkeyPatch, *, usable: bool
) -> None:
    world.made("a")
    monkeypatch.setattr(open_indexes, "IDLE_S", -1.0)
    world.indexes.close_idle()
    opening, dropped = threading.Event(), threading.Event()

    def slow(path: Path) -> ReplicaIndex:
        opening.set()
        assert dropped.wait(10)
        if not usable:
            raise IndexUnusable(path.name)
        return LocalIndex.open(path)

    world.indexes._open_index = slow
    found: list[ReplicaIndex | None] = []
    search = threading.Thread(target=lambda: found.append(world.indexes.get("a")))
    search.start()
    assert opening.wait(10)
    drop = threading.Thread(target=world.indexes.drop, args=("a",))
    drop.start()
    assert until(lambda: not world.indexes.cursors())
    dropped.set()
    search.join(10)
    drop.join(10)

    assert len(found) == 1
    assert (found[0] is not None) == usable
    assert world.indexes.cursors() == {}
    assert world.indexes._open == set()
    assert world.can_be_written("a")
