"""Tombstones end, and no late write, look or loss brings a deleted document back."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from protocol import timings
from protocol.keys import key
from rag.ports import StoredChunk, Vectors
from tests.support.workbench import Workbench
from tests.support.worlds.reindexed_house import House

#: What was deleted is old at once.
AT_ONCE = ((r"NOW - \(RETENTION_S \+ DELETED_COLLECTION_S\) \* 1000000", "NOW"),)
DOCUMENTS = ("a", "b:1")


@pytest.fixture
def house(redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr(timings, "PUBLISH_WAIT_S", 0.0)
    monkeypatch.setattr(timings, "AUDIT_WAIT_S", 0.0)
    return House(Workbench(redis_url, without=AT_ONCE), tmp_path)


def entries(house: House) -> dict[str, int]:
    """Return the documents that have an entry, with their chunks."""
    every = house.bench.catalogue.generations.every_current(house.collection_id)
    return {document: current.chunks for document, current in every}


def rows(house: House, document: str) -> dict[str, tuple[StoredChunk, Vectors]]:
    held = house.vectors.collections.get(house.collection_id, {})
    return {name: row for name, row in held.items() if name.rsplit(":", 2)[0] == document}


def write(house: House, found: dict[str, tuple[StoredChunk, Vectors]]) -> None:
    """Write rows again, as a worker does that was asleep."""
    house.vectors.collections[house.collection_id].update(found)


def collect(house: House) -> None:
    """Let a minute pass for the garbage collector."""
    name = key("garbage", house.collection_id)
    for member in house.bench.redis.zrange(name, 0, -1):
        house.bench.redis.zadd(name, {member: 1})
    house.garbage_collector.collect(house.collection_id)


def test_the_tombstone_of_a_delete_ends_and_what_is_written_late_is_garbage(house: House) -> None:
    house.put("a", "a one")
    house.put("b", "b one")
    late = rows(house, "a")
    house.remove("a")
    collect(house)
    house.check()
    write(house, late)
    found = house.check()["collections"][0]["differences"]
    collect(house)

    assert entries(house) == {"b": 1}
    assert found == {"orphan": {"found": 1, "repaired": 1}}
    assert rows(house, "a") == {}
    assert house.put("a", "a again") == "created"


def test_with_the_tombstone_goes_what_is_known_of_an_ingest_that_failed_after_it(
    house: House,
) -> None:
    house.put("a", "a one")
    house.put("b", "b one")
    house.remove("a")
    row = house.accept("a", "a two")
    house.check()
    while_open = entries(house)
    house.bench.ledger.submissions.cancel(row)
    house.check()

    assert while_open == {"a": 0, "b": 1}
    assert entries(house) == {"b": 1}
    assert not house.bench.redis.exists(key("newest", house.collection_id))


def test_what_is_known_of_a_document_that_only_ever_failed_ends(house: House) -> None:
    newest = key("newest", house.collection_id)
    house.put("b", "b one")
    failed, waits = house.accept("a", "a one"), house.accept("c", "c one")
    house.bench.ledger.submissions.cancel(failed)
    house.check()
    with_an_open_row = set(house.bench.redis.hkeys(newest))
    house.bench.ledger.submissions.cancel(waits)
    house.check()

    # The floor is not above the oldest open row, which is younger than the one that failed.
    assert with_an_open_row == {"c"}
    assert not house.bench.redis.exists(newest)
    assert entries(house) == {"b": 1}
    assert house.put("a", "a again") == "created"


def test_what_is_known_of_a_young_one_stays(bench: Workbench, tmp_path: Path) -> None:
    house = House(bench, tmp_path)
    house.put("b", "b one")
    house.bench.ledger.submissions.cancel(house.accept("a", "a one"))
    house.check()

    assert bench.redis.hkeys(key("newest", house.collection_id)) == ["a"]


def test_a_young_tombstone_stays(bench: Workbench, tmp_path: Path) -> None:
    house = House(bench, tmp_path)
    house.put("a", "a one")
    house.put("b", "b one")
    house.remove("a")
    house.check()

    assert entries(house) == {"a": 0, "b": 1}


def test_the_last_entry_stays_so_that_an_empty_catalogue_is_a_lost_one(house: House) -> None:
    for name in ("a", "b"):
        house.put(name, f"{name} one")
        house.remove(name)
    collect(house)
    house.check()
    first = entries(house)
    house.put("c", "c one")
    house.check()

    assert list(first.values()) == [0]
    assert house.reindex(house.ask()) == "succeeded"
    assert entries(house) == {"c": 1}


def test_a_tombstone_stays_while_an_older_row_of_any_document_is_open(house: House) -> None:
    house.put("b", "b one")
    row = house.accept("a", "a slow")
    house.put("a", "a quick")
    house.remove("a")
    house.check()
    stays = entries(house)
    outcome = house.publish(row)
    house.check()

    assert stays == {"a": 0, "b": 1}
    assert outcome == "superseded"
    assert entries(house) == {"b": 1}


def test_no_generation_is_given_below_the_floor_though_the_clock_goes_back(house: House) -> None:
    house.put("b", "b one")
    ahead = int(house.bench.redis.time()[0] + 86_400) * 1_000_000
    house.bench.redis.hset(key("log_state", house.collection_id), "floor", ahead)

    assert house.put("a", "a one") == "created"
    assert entries(house) == {"a": 1, "b": 1}


def test_what_the_catalogue_lost_is_restored_though_it_is_older_than_the_floor(
    house: House,
) -> None:
    house.put("a", "a one")
    house.put("b", "b one")
    house.put("d", "d one")
    house.remove("d")
    collect(house)
    house.check()
    house.bench.redis.delete(*(key(n, house.collection_id) for n in ("current", "newest")))
    house.bench.redis.hdel(key("documents", house.collection_id), "a")
    house.put("new", "new one")  # hides that there is no entry left
    house.check()

    assert entries(house) == {"a": 1, "b": 1, "new": 1}


def buried(house: House) -> dict[str, Any]:
    """Return the record that a document had whose tombstone has ended."""
    house.put("a", "a one")
    house.put("b", "b one")
    record = house.bench.catalogue.documents.record(house.collection_id, "a")
    assert record is not None
    house.remove("a")
    collect(house)
    house.check()
    return record


def test_a_look_from_before_the_tombstone_ended_restores_nothing(house: House) -> None:
    record = buried(house)

    assert not house.bench.catalogue.repairs.restore(house.collection_id, record)
    assert entries(house) == {"b": 1}


def test_an_activation_below_the_floor_is_superseded(house: House) -> None:
    row = house.accept("a", "a one")
    house.put("b", "b one")
    floor = int(house.bench.field(row, "generation")) + 1
    house.bench.redis.hset(key("log_state", house.collection_id), "floor", floor)

    assert house.publish(row) == "superseded"
    assert entries(house) == {"b": 1}


def test_while_entries_are_lost_no_tombstone_ends_and_the_floor_stays(house: House) -> None:
    house.put("a", "a one")
    house.put("b", "b one")
    house.remove("a")
    state = key("log_state", house.collection_id)
    house.bench.redis.hset(state, "entries_lost", "1")

    assert house.bench.catalogue.tombstones.bury(house.collection_id, ["a"]) == 0
    assert house.bench.redis.hget(state, "floor") is None
    house.bench.redis.hset(state, "floor", int(house.bench.redis.time()[0] + 60) * 1_000_000)
    assert house.bench.catalogue.tombstones.bury(house.collection_id, ["a"]) == 0
    assert entries(house) == {"a": 0, "b": 1}


class Deletes(RuleBasedStateMachine):
    """Documents put, deleted, written late, lost and restored, in any order of steps."""

    bench: Workbench
    folder: Path

    def __init__(self) -> None:
        super().__init__()
        self.bench.redis.flushdb()
        self.house = House(self.bench, self.folder)
        self.house.put("stays", "stays here")
        self.newest: dict[str, tuple[int, bool]] = {}  # generation, whether it has a text
        self.puts: list[str] = []
        self.deletes: list[str] = []
        self.seen: dict[str, tuple[StoredChunk, Vectors]] = {}  # every row ever written
        self.lost = False
        self.uncertain: set[str] = set()  # deletes that a loss may have undone
        self.count = 0

    def remember(self) -> None:
        held = self.house.vectors.collections.get(self.house.collection_id, {})
        self.seen |= {name: row for name, row in held.items() if not name.startswith("stays")}

    def applied(self, row: str, *, text: bool) -> None:
        document = self.bench.field(row, "document")
        generation = int(self.bench.field(row, "generation"))
        if generation > self.newest.get(document, (0, False))[0]:
            self.newest[document] = generation, text
            self.uncertain.discard(document)

    @rule(document=st.sampled_from(DOCUMENTS))
    def accept(self, document: str) -> None:
        self.count += 1
        self.puts.append(self.house.accept(document, f"{document} {self.count}"))

    @precondition(lambda self: self.puts)
    @rule(data=st.data())
    def publish(self, data: st.DataObject) -> None:
        self.put_through(self.puts.pop(data.draw(st.integers(0, len(self.puts) - 1))))

    def put_through(self, row: str) -> None:
        self.house.publish(row)
        self.remember()
        self.applied(row, text=True)

    @rule(document=st.sampled_from(DOCUMENTS))
    def begin_delete(self, document: str) -> None:
        self.deletes.append(self.bench.delete(self.house.collection_id, document)[1])

    @precondition(lambda self: self.deletes)
    @rule(data=st.data())
    def end_delete(self, data: st.DataObject) -> None:
        self.delete_through(self.deletes.pop(data.draw(st.integers(0, len(self.deletes) - 1))))

    def delete_through(self, row: str) -> None:
        self.house.ingestion(self.house.old).remove(row)
        self.applied(row, text=False)

    @precondition(lambda self: self.seen)
    @rule(document=st.sampled_from(DOCUMENTS))
    def write_late(self, document: str) -> None:
        """A worker that was asleep writes all it ever had of a document."""
        of = f"{document}:"
        write(self.house, {name: row for name, row in self.seen.items() if name.startswith(of)})
        if self.lost and not self.newest.get(document, (0, False))[1]:
            self.uncertain.add(document)

    @rule(document=st.sampled_from(DOCUMENTS))
    def put(self, document: str) -> None:
        self.accept(document)
        self.put_through(self.puts.pop())

    @rule(document=st.sampled_from(DOCUMENTS))
    def delete(self, document: str) -> None:
        self.begin_delete(document)
        self.delete_through(self.deletes.pop())

    @rule()
    def check(self) -> None:
        self.house.check()
        self.lost = False

    @rule()
    def rest(self) -> None:
        """All that is open ends; a check and the garbage collector come by."""
        while self.puts:
            self.put_through(self.puts.pop())
        while self.deletes:
            self.delete_through(self.deletes.pop())
        collect(self.house)
        self.check()

    @rule(document=st.sampled_from(DOCUMENTS))
    def come_late_to_a_delete(self, document: str) -> None:
        """All of it happens seldom by chance: the tombstone has ended, and rows come back."""
        self.put(document)
        self.delete(document)
        self.rest()
        self.write_late(document)

    @precondition(lambda self: not self.puts and not self.deletes and not self.lost)
    @rule(also=st.sampled_from([(), ("newest",), ("newest", "documents")]))
    def lose(self, also: tuple[str, ...]) -> None:
        inc = self.house.collection_id
        self.bench.redis.delete(*(key(name, inc) for name in ("current", *also)))
        self.lost = True
        for document, (_, text) in self.newest.items():
            if not text and rows(self.house, document):
                self.uncertain.add(document)

    @invariant()
    def what_is_read_is_what_was_put_last_and_not_deleted(self) -> None:
        if self.lost:
            return
        read = {document for document, chunks in entries(self.house).items() if chunks}
        wanted = {document for document, (_, text) in self.newest.items() if text} | {"stays"}

        assert read - self.uncertain == wanted - self.uncertain

    def teardown(self) -> None:
        for row in [*self.puts, *self.deletes]:
            self.bench.ledger.submissions.cancel(row)
        for _ in range(3):
            self.house.check()
            collect(self.house)
        self.lost = False
        self.what_is_read_is_what_was_put_last_and_not_deleted()

        assert all(entries(self.house).values())
        assert self.house.held() == self.house.wanted()


def test_no_order_of_deletes_late_writes_and_losses_brings_a_document_back_or_loses_one(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timings, "PUBLISH_WAIT_S", 0.0)
    monkeypatch.setattr(timings, "AUDIT_WAIT_S", 0.0)
    bench = Workbench(redis_url, without=AT_ONCE)

    class Machine(Deletes):
        pass

    Machine.bench, Machine.folder = bench, tmp_path
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=15, stateful_step_count=30, deadline=None, database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
    bench.close()
