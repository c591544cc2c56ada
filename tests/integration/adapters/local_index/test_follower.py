"""The follower on a real Redis: it applies all, skips nothing it needs, and waits for nobody."""

import shutil
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from adapters.local_index import follower, open_indexes
from adapters.local_index.chunk_source import ChunkSource, Fetched
from adapters.local_index.follower import Follower
from adapters.local_index.rebuilding import Rebuilder
from adapters.local_index.slot import Slot
from corpus.change_log import ChangeLog, Entry
from protocol import timings
from protocol.keys import key
from protocol.scripts import Scripts
from rag.documents import Chunk, chunk_id
from rag.errors import StoreUnavailable
from rag.in_memory_ports.vector_store import DictVectors
from rag.metadata.filters import parse
from rag.ports import Snapshot, StoredChunk, Vectors
from rag.reading_ports import ReplicaIndex
from rag.sentence_codes import encode
from tests.support.waiting import PATIENCE_S, until
from tests.support.workbench import Workbench


class Replica(Follower):
    """A follower whose turns are taken by hand."""

    def turn(self) -> None:
        """Do what the thread does in one round, without waiting for news."""
        self._open_and_sign()
        self.rebuild()
        self.apply()

    def apply(self) -> None:
        for collection_id, cursor in self._indexes.cursors().items():
            if self._change_log.read(collection_id, cursor):
                self._catch_up(collection_id)
        self.rebuild()

    def rebuild(self) -> None:
        """Do what the rebuilding thread has to do, and follow what it built."""
        while self._rebuilder.turn() is not None:
            self._open_and_sign()

    def stop(self) -> None:
        self._indexes.close()
        self._slot.close()


class World:
    """A collection, its vector store, and replicas on one disk."""

    def __init__(self, bench: Workbench, folder: Path) -> None:
        self.bench = bench
        self.folder = folder
        self.vectors = DictVectors()
        self.collection_id = bench.collection()
        self.vectors.create(self.collection_id)
        self.replicas: list[Replica] = []

    def replica(self, vectors: DictVectors | None = None) -> Replica:
        replica = Replica(
            Slot(self.folder), redis=self.bench.redis, catalogue=self.bench.catalogue,
            change_log=self.bench.change_log, vectors=vectors or self.vectors,
        )  # fmt: skip
        self.replicas.append(replica)
        return replica

    def stop(self, replica: Replica) -> None:
        self.replicas.remove(replica)
        replica.stop()

    def upsert(self, row: str, word: str) -> None:
        """Write the two chunks of a parsed row."""
        document = self.bench.field(row, "document")
        generation = int(self.bench.field(row, "generation"))
        chunks = [
            StoredChunk(chunk_id(document, generation, n), Chunk(n, 0, 9, f"{word} {n}"), 2, "", {})
            for n in range(2)
        ]
        self.vectors.upsert(self.collection_id, chunks, np.ones((2, 3), dtype=np.float32))

    def publish(self, document: str, word: str) -> str:
        (row,) = self.bench.ingest(self.collection_id, document)[1]
        self.bench.parse(row)
        self.upsert(row, word)
        unit = self.bench.take(row)
        self.bench.activate(unit, entry=self.bench.log_add(unit))
        return row

    def log_open(self, document: str, word: str) -> str:
        """Publish up to the activation."""
        (row,) = self.bench.ingest(self.collection_id, document)[1]
        self.bench.parse(row)
        self.upsert(row, word)
        self.bench.log_add(self.bench.take(row))
        return row

    def collect(self) -> None:
        """Do the garbage collector's work on all garbage, due or not."""
        for member in self.bench.garbage(self.collection_id):
            document, generation, chunks = member.rsplit(":", 2)
            names = [chunk_id(document, int(generation), n) for n in range(int(chunks))]
            self.vectors.delete(self.collection_id, names)
            self.bench.catalogue.garbage.dropped(
                self.collection_id, document, int(generation), int(chunks)
            )

    def found(self, replica: Replica, word: str) -> set[str] | None:
        hits = replica.reader.search(self.collection_id, word, limit=10)
        return None if hits is None else {name.split(":")[0] for name, _ in hits}


@pytest.fixture
def world(redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(timings, "SPARSE_WAIT_S", 0.05)
    monkeypatch.setattr(timings, "PUBLISH_WAIT_S", 5.0)
    world = World(Workbench(redis_url), tmp_path)
    yield world
    for replica in world.replicas:
        replica.stop()
    world.bench.close()


@pytest.fixture
def rebuilds(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the collections rebuilt, in order."""
    done: list[str] = []
    rebuild = Rebuilder.rebuild

    def noted(self: Rebuilder, collection_id: str) -> None:
        done.append(collection_id)
        rebuild(self, collection_id)

    monkeypatch.setattr(Rebuilder, "rebuild", noted)
    return done


def test_adds_and_drops_are_applied_and_the_cursor_is_told(world: World) -> None:
    replica = world.replica()
    replica.turn()
    world.publish("a", "oil")
    world.publish("b", "oil")
    replica.turn()
    assert world.found(replica, "oil") == {"a", "b"}
    world.publish("a", "gas")
    world.collect()
    replica.turn()

    assert world.found(replica, "oil") == {"b"}
    assert world.found(replica, "gas") == {"a"}
    told = world.bench.redis.hgetall(key("cursors", world.collection_id))
    log = world.bench.change_log.read(world.collection_id, "0-0")
    assert list(told.values()) == [log[-1].id]


def test_how_near_sentences_are_is_told_of_the_chunks_that_are_here(world: World) -> None:
    replica = world.replica()
    (row,) = world.bench.ingest(world.collection_id, "d")[1]
    world.bench.parse(row)
    generation = int(world.bench.field(row, "generation"))
    drawn = np.random.default_rng(1).standard_normal((2, 384)).astype(np.float32)
    vectors = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    codes = [encode(vectors[0], vectors[:2], [4, 9]), b""]
    chunks = [
        StoredChunk(chunk_id("d", generation, n), Chunk(n, 0, 9, "a. b."), 2, "", {}, sentences=one)
        for n, one in enumerate(codes)
    ]
    world.vectors.upsert(world.collection_id, chunks, vectors[:2])
    unit = world.bench.take(row)
    world.bench.activate(unit, entry=world.bench.log_add(unit))
    replica.turn()

    names = [*(chunk.chunk_id for chunk in chunks), "nothing:1:0"]
    near = replica.reader.sentences(world.collection_id, names, vectors[0])

    assert list(near) == [chunks[0].chunk_id]
    assert near[chunks[0].chunk_id].of(0, 4) == pytest.approx(1, abs=0.01)
    assert near[chunks[0].chunk_id].of(5, 9) == pytest.approx(vectors[0] @ vectors[1], abs=0.1)
    assert replica.reader.sentences("unknown", names, vectors[0]) == {}


def test_a_generation_that_the_log_tells_of_twice_in_one_read_is_applied(world: World) -> None:
    replica = world.replica()
    replica.turn()
    (row,) = world.bench.ingest(world.collection_id, "a")[1]
    world.bench.parse(row)
    world.upsert(row, "oil")
    world.bench.log_add(world.bench.take(row))  # by a publish that dies here
    world.bench.die(row)
    unit = world.bench.take(row)
    world.bench.activate(unit, entry=world.bench.log_add(unit))
    assert len(world.bench.change_log.read(world.collection_id, "0-0")) == 2
    replica.turn()

    assert world.found(replica, "oil") == {"a"}


def test_a_replica_that_lacks_a_activated_document_says_so(world: World) -> None:
    replica = world.replica()
    assert world.found(replica, "oil") == set()
    replica.turn()
    world.publish("a", "oil")

    assert world.found(replica, "oil") is None
    replica.turn()
    assert world.found(replica, "oil") == {"a"}


def test_a_replica_answers_for_what_was_activated_before_the_search_looked(world: World) -> None:
    replica = world.replica()
    world.publish("a", "oil")
    replica.turn()
    before = world.bench.catalogue.generations.snapshot(world.collection_id)
    world.publish("b", "oil")
    after = world.bench.catalogue.generations.snapshot(world.collection_id)
    wanted = parse({"document_id": "a"})
    assert wanted is not None

    def found(snapshot: Snapshot) -> tuple[bool, bool]:
        hits = replica.reader.search(world.collection_id, "oil", limit=9, snapshot=snapshot)
        matching = replica.reader.select(world.collection_id, wanted, snapshot=snapshot)
        return hits is not None, matching is not None

    assert (found(before), found(after)) == ((True, True), (False, False))
    replica.turn()
    assert found(after) == (True, True)


def test_a_search_waits_a_moment_for_the_follower(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timings, "SPARSE_WAIT_S", 5.0)
    replica = world.replica()
    replica.turn()
    world.publish("a", "oil")
    timer = threading.Timer(0.2, replica.turn)
    timer.start()

    assert world.found(replica, "oil") == {"a"}
    timer.join()


def test_a_collection_without_documents_costs_no_index(world: World) -> None:
    replica = world.replica()
    replica.turn()
    replica.turn()

    assert replica._indexes.all() == {}
    assert not (world.folder / "0" / world.collection_id).exists()
    assert world.found(replica, "oil") == set()


def test_the_first_publish_of_a_collection_is_followed_without_a_rebuild(
    world: World, rebuilds: list[str]
) -> None:
    replica = world.replica()
    replica.turn()
    world.publish("a", "oil")
    replica.turn()

    assert world.found(replica, "oil") == {"a"}
    assert rebuilds == []


def closed(world: World, monkeypatch: pytest.MonkeyPatch) -> Replica:
    """Return a replica that has closed its index, with one document in it."""
    replica = world.replica()
    replica.turn()
    world.publish("a", "oil")
    replica.turn()
    monkeypatch.setattr(open_indexes, "IDLE_S", -1.0)
    replica._open_and_sign()
    return replica


def test_an_idle_collection_is_closed_and_answers_and_follows_as_before(
    world: World, monkeypatch: pytest.MonkeyPatch, rebuilds: list[str]
) -> None:
    replica = closed(world, monkeypatch)
    assert replica._indexes.all() == {}

    assert world.found(replica, "oil") == {"a"}
    replica._open_and_sign()
    world.publish("b", "oil")
    replica.turn()
    assert world.found(replica, "oil") == {"a", "b"}
    assert rebuilds == []


def test_the_log_of_a_closed_index_is_kept_for_it(world: World, rebuilds: list[str]) -> None:
    replica = world.replica()
    replica.turn()
    world.publish("a", "oil")
    last = world.bench.change_log.read(world.collection_id, "0-0")[-1].id
    world.bench.change_log.follow(world.collection_id, "another", last)
    world.bench.change_log.trim([world.collection_id])
    replica.apply()

    assert world.found(replica, "oil") == {"a"}
    assert rebuilds == []


def test_a_closed_index_whose_log_began_anew_is_built_anew(
    world: World, monkeypatch: pytest.MonkeyPatch, rebuilds: list[str]
) -> None:
    replica = closed(world, monkeypatch)
    world.bench.redis.delete(key("log", world.collection_id))
    replica._look_at = 0.0
    replica._open_and_sign()
    replica.rebuild()

    assert rebuilds == [world.collection_id]
    assert world.found(replica, "oil") == {"a"}


def test_an_index_of_another_embedder_is_built_anew_as_soon_as_its_log_is_announced(
    world: World, monkeypatch: pytest.MonkeyPatch, rebuilds: list[str]
) -> None:
    replica = closed(world, monkeypatch)
    # As the script says it that swaps the vector indexes.
    world.bench.redis.hset(key("log_state", world.collection_id), "epoch", "1")
    world.bench.redis.xadd(key("news"), {"made": world.collection_id})
    replica._apply_waiting()
    replica.rebuild()

    assert rebuilds == [world.collection_id]


def test_a_turn_asks_redis_as_often_for_many_quiet_collections_as_for_one(world: World) -> None:
    replica = world.replica()
    replica.turn()
    one = _trips(world, replica)
    for n in range(40):
        world.bench.collection(f"quiet {n}")
    replica._open_and_sign()

    assert _trips(world, replica) == one


def _trips(world: World, replica: Replica) -> int:
    """Return how many commands a turn sends."""

    def told() -> int:
        return int(world.bench.redis.info("stats")["total_commands_processed"])

    before = told()
    replica._open_and_sign()
    return told() - before


def test_a_restart_goes_on_where_it_was(world: World, rebuilds: list[str]) -> None:
    first = world.replica()
    first.turn()
    world.publish("a", "oil")
    first.turn()
    world.stop(first)
    world.publish("b", "oil")
    rebuilds.clear()
    second = world.replica()
    second.turn()

    assert world.found(second, "oil") == {"a", "b"}
    assert rebuilds == []


def test_two_replicas_on_one_disk_have_a_slot_each(world: World) -> None:
    first, second = world.replica(), world.replica()
    world.publish("a", "oil")
    for replica in (first, second):
        replica.turn()

    assert first._slot.name != second._slot.name
    assert world.found(first, "oil") == world.found(second, "oil") == {"a"}


def test_an_index_of_a_quiet_collection_is_not_rebuilt_when_its_log_grew_too_old(
    world: World, rebuilds: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    replica = world.replica()
    world.publish("a", "oil")
    replica.turn()
    rebuilds.clear()
    monkeypatch.setattr(timings, "LOG_AGE_MS", -1_000)
    aged = Scripts(world.bench.redis, retention_s=9, event_retention_s=9)
    ChangeLog(world.bench.redis, aged).trim([world.collection_id])
    assert world.bench.redis.xlen(key("log", world.collection_id)) == 0
    replica.turn()

    assert rebuilds == []
    assert world.found(replica, "oil") == {"a"}


def test_what_was_trimmed_while_the_replica_slept_is_not_skipped(
    world: World, rebuilds: list[str]
) -> None:
    replica = world.replica()
    replica.turn()
    world.publish("a", "oil")
    replica.turn()
    world.publish("b", "oil")
    world.publish("c", "oil")
    # Asleep for longer than it counts as live, it holds the trim up no more.
    last = world.bench.change_log.read(world.collection_id, "0-0")[-1].id
    world.bench.redis.delete(key("followers", world.collection_id), key("replicas"))
    world.bench.change_log.follow(world.collection_id, "another", last)
    world.bench.change_log.trim([world.collection_id])
    rebuilds.clear()
    # It wakes in its wait for news, not at the start of a round.
    replica.apply()

    assert rebuilds == [world.collection_id]
    assert world.found(replica, "oil") == {"a", "b", "c"}


def test_another_log_epoch_means_a_rebuild(world: World, rebuilds: list[str]) -> None:
    replica = world.replica()
    world.publish("a", "oil")
    replica.turn()
    rebuilds.clear()
    world.bench.redis.hset(key("log_state", world.collection_id), "epoch", "1")
    replica.turn()
    replica.turn()

    assert rebuilds == [world.collection_id]
    assert world.found(replica, "oil") == {"a"}


def test_a_corrupt_index_is_built_anew(world: World, rebuilds: list[str]) -> None:
    replica = world.replica()
    world.publish("a", "oil")
    replica.turn()
    world.stop(replica)
    meta = world.folder / "0" / world.collection_id / "meta.json"
    meta.write_text("{")
    rebuilds.clear()
    replica = world.replica()
    replica.turn()

    assert rebuilds == [world.collection_id]
    assert world.found(replica, "oil") == {"a"}


def test_an_index_that_is_to_be_built_anew_is_not_written_any_more(world: World) -> None:
    replica = world.replica()
    replica.turn()
    assert replica._audit_answer(world.collection_id, repair=False) is not None
    replica._rebuilder.ask(world.collection_id)
    assert replica._audit_answer(world.collection_id, repair=False) is None
    replica.rebuild()
    world.publish("a", "oil")
    world.bench.change_log.ask_audit(world.collection_id, repair=True)
    shutil.rmtree(world.folder / "0" / world.collection_id)
    replica._attempt(world.collection_id, replica._sign)

    assert replica._rebuilder.has(world.collection_id)
    assert not replica._setbacks.waits(world.collection_id)


def test_a_rebuild_that_a_stop_ends_is_not_told_as_done(world: World) -> None:
    replica = world.replica()
    told: list[str] = []
    world.publish("a", "oil")
    replica._rebuilder.ask(world.collection_id, then=lambda: told.append("repaired"))
    replica._rebuilder.thread.close()
    replica._rebuilder.turn()

    assert told == []


def test_a_deleted_collection_leaves_no_index(world: World) -> None:
    replica = world.replica()
    world.publish("a", "oil")
    replica.turn()
    world.bench.catalogue.collections.drop("papers")
    replica.turn()

    assert not (world.folder / "0" / world.collection_id).exists()
    assert world.found(replica, "oil") is None


class Demanding(ChunkSource):
    """Adds only what is whole, whoever it is of: the rule of the skip taken out."""

    def add(self, collection_id: str, index: ReplicaIndex, entry: Entry, fetched: Fetched) -> None:
        if sum(name.startswith(f"{entry.document}:") for name in fetched) != entry.chunks:
            raise StoreUnavailable("not all chunks are there yet")
        super().add(collection_id, index, entry, fetched)


@pytest.mark.parametrize(("kind", "goes_on"), [(ChunkSource, True), (Demanding, False)])
def test_an_add_that_is_neither_open_nor_current_is_skipped_and_blocks_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: type[ChunkSource], goes_on: bool
) -> None:
    monkeypatch.setattr(follower, "ChunkSource", kind)
    replica = world.replica()
    replica.turn()
    row = world.log_open("a", "gas")
    world.bench.die(row)
    world.bench.ledger.submissions.cancel(row)
    world.collect()
    world.publish("b", "oil")
    for _ in range(3):
        try:
            replica.turn()
        except StoreUnavailable:
            assert not goes_on

    assert (world.found(replica, "oil") == {"b"}) is goes_on


class Forgetful(Rebuilder):
    """Builds from what is current alone: the rule of the pending adds taken out."""

    def rebuild(self, collection_id: str) -> None:
        log = self._change_log
        whole = log.rebuild_start

        def without_pending(name: str, follower: str) -> object:
            start = whole(name, follower)
            if start is not None:
                start.pending.clear()
            return start

        log.rebuild_start = without_pending  # type: ignore[method-assign, assignment]  # for this rebuild
        try:
            super().rebuild(collection_id)
        finally:
            log.rebuild_start = whole  # type: ignore[method-assign]  # back again


@pytest.mark.parametrize(("kind", "whole"), [(Rebuilder, True), (Forgetful, False)])
def test_an_add_before_a_rebuild_whose_activation_comes_after_it_is_not_lost(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: type[Rebuilder], whole: bool
) -> None:
    monkeypatch.setattr(follower, "Rebuilder", kind)
    row = world.log_open("a", "oil")
    replica = world.replica()
    replica.turn()  # the first build, its cursor behind the add
    # The same worker activations, or another that claims the unit and logs no second add in time.
    entry = world.bench.change_log.read(world.collection_id, "0-0")[-1].id
    world.bench.die(row)
    world.bench.redis.zadd(key("inflight", "embed"), {row: 1})
    world.bench.activate(world.bench.take(row), entry=entry)
    replica.turn()

    assert (world.found(replica, "oil") == {"a"}) is whole


class Interrupted(DictVectors):
    """A store in which something happens during the first fetch."""

    def __init__(self, other: DictVectors) -> None:
        super().__init__()
        self.collections = other.collections
        self.during: list[object] = []

    def get(self, collection_id: str, chunk_ids: Sequence[str]) -> dict[str, StoredChunk]:
        while self.during:
            self.during.pop()()  # type: ignore[operator]  # callables of the test
        return super().get(collection_id, chunk_ids)


def test_a_document_replaced_during_a_rebuild_ends_as_the_new_one(world: World) -> None:
    world.publish("a", "oil")
    vectors = Interrupted(world.vectors)
    replica = world.replica(vectors)

    def replace() -> None:
        world.publish("a", "gas")
        world.collect()
        world.bench.change_log.trim([world.collection_id])

    vectors.during = [replace]
    replica.turn()
    replica.turn()

    assert world.found(replica, "gas") == {"a"}
    assert world.found(replica, "oil") == set()


def test_the_thread_follows_by_itself_and_signs_off(world: World) -> None:
    replica = world.replica()
    with replica:
        row = world.log_open("a", "oil")
        entry = world.bench.change_log.read(world.collection_id, "0-0")[-1].id
        until(
            lambda: world.bench.change_log.wait_for_followers(
                world.collection_id, entry, give_up=lambda: None
            )
        )
        world.bench.die(row)
        world.bench.activate(world.bench.take(row), entry=entry)

        assert until(lambda: world.found(replica, "oil") == {"a"})
        assert "follower" in {thread.name for thread in threading.enumerate()}
    world.replicas.remove(replica)
    assert world.bench.redis.zcard(key("followers", world.collection_id)) == 0


class Foreign(DictVectors):
    """A store in which one collection has a row that cannot be read."""

    bad = ""

    def get_with_vectors(
        self, collection_id: str, chunk_ids: Sequence[str]
    ) -> tuple[list[StoredChunk], Vectors]:
        if collection_id == self.bad:
            raise KeyError("metadata of somebody else")
        return super().get_with_vectors(collection_id, chunk_ids)


def test_a_collection_that_cannot_be_read_keeps_no_other_from_its_index(world: World) -> None:
    vectors = Foreign()
    vectors.collections = world.vectors.collections
    names = [world.bench.collection(f"c{n}") for n in range(5)]
    for world.collection_id in names:
        world.vectors.create(world.collection_id)
        world.publish("a", "oil")
    vectors.bad = names[2]
    replica = world.replica(vectors)
    with replica:
        healthy = [name for name in names if name != vectors.bad]
        assert until(lambda: set(healthy) <= replica._indexes.all().keys())
        for world.collection_id in healthy:
            assert world.found(replica, "oil") == {"a"}
        # No publish waits for a replica that does not follow.
        assert until(lambda: not world.bench.change_log.live(vectors.bad))
        log = world.bench.change_log
        assert not log.wait_for_followers(vectors.bad, "9-0", give_up=lambda: None)
        vectors.bad = ""
        assert until(lambda: names[2] in replica._indexes.all())
    world.replicas.remove(replica)


class Slow(DictVectors):
    """A store that reads one collection only once it is let."""

    slow = ""

    def __init__(self) -> None:
        super().__init__()
        self.read = threading.Event()
        self.go = threading.Event()

    def get_with_vectors(
        self, collection_id: str, chunk_ids: Sequence[str]
    ) -> tuple[list[StoredChunk], Vectors]:
        if collection_id == self.slow:
            self.read.set()
            assert self.go.wait(PATIENCE_S)
        return super().get_with_vectors(collection_id, chunk_ids)


def test_a_rebuild_stops_neither_other_collections_nor_publishes_into_its_own(
    world: World,
) -> None:
    vectors = Slow()
    vectors.collections = world.vectors.collections
    other, vectors.slow = world.collection_id, world.bench.collection("large")
    world.collection_id = vectors.slow
    world.vectors.create(vectors.slow)
    world.publish("a", "oil")
    replica, log = world.replica(vectors), world.bench.change_log
    with replica:
        assert vectors.read.wait(PATIENCE_S)
        world.publish("b", "gas")
        assert not log.wait_for_followers(
            vectors.slow, log.last_add(vectors.slow), give_up=lambda: None
        )
        assert replica.report()["rebuilding"] == ["large"]
        world.collection_id = other
        world.publish("c", "tar")
        assert until(lambda: world.found(replica, "tar") == {"c"})
        vectors.go.set()
        world.collection_id = vectors.slow
        assert until(lambda: world.found(replica, "gas") == {"b"})
        assert world.found(replica, "oil") == {"a"}
        assert until(lambda: replica.report()["rebuilding"] == [])
        assert log.live(vectors.slow)
    world.replicas.remove(replica)


def test_the_first_publish_into_a_new_collection_waits_for_its_replicas(world: World) -> None:
    replica = world.replica()
    replica._change_log.attend(replica._slot.name)
    live = world.bench.change_log.live(world.collection_id)
    replica.turn()

    assert live == {replica._slot.name: "0-0"}
    assert world.bench.change_log.live(world.collection_id).keys() == live.keys()
    assert not world.bench.redis.exists(key("set_aside", world.collection_id))
