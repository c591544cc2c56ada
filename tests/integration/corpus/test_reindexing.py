"""Reindexing on a real Redis: vectors made anew while everything goes on, and at no moment less."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest

from corpus import reindexing
from corpus.catalogue.vector_indexes import VectorIndexes
from corpus.reindexing import Reindexer
from jobs.errors import AlreadyRunning
from protocol import timings
from protocol.keys import key
from rag.errors import StoreUnavailable
from rag.in_memory_ports.embedder import HashingEmbedder
from rag.in_memory_ports.vector_store import DictVectors
from rag.ports import VectorIndex
from tests.support.workbench import Workbench
from tests.support.worlds.reindexed_house import NEW, House, Killed, Picky, kill


@pytest.fixture
def house(bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr(timings, "PUBLISH_WAIT_S", 0.02)
    house = House(bench, tmp_path)
    for name in ("a", "b:c", "d"):
        house.put(name, f"{name} one", f"{name} two")
    return house


def test_a_reindex_makes_new_vectors_and_keeps_everything_else(house: House) -> None:
    before = house.wanted()
    seq = house.bench.catalogue.generations.seq(house.collection_id)
    job = house.ask()

    assert house.reindex(job) == "succeeded"
    assert house.vector_index == VectorIndex(house.vector_index.name, house.new.identity, NEW)
    assert house.vector_index.name != house.collection_id
    assert house.held() == before == house.wanted()
    assert house.bench.catalogue.generations.seq(house.collection_id) == seq
    assert house.bench.catalogue.collections.collection_id("papers") == house.collection_id
    (shown,) = house.bench.catalogue.collections.all()
    assert shown.embedder is not None
    assert shown.embedder["model"] == "another"
    vectors = house.vectors.collections[house.vector_index.name]
    assert {vector.shape for _, vector in vectors.values()} == {(64,)}
    assert '"documents":3' in house.bench.field(job, "result")
    assert house.leftovers() == []


def test_the_old_vectors_stay_for_searches_that_had_begun_with_them_and_then_go(
    house: House,
) -> None:
    house.reindex(house.ask())
    house.garbage_collector.turn()
    assert house.collection_id in house.vectors.collections
    house.clean()

    assert set(house.vectors.collections) == {house.vector_index.name}
    assert house.held() == house.wanted()


def test_an_empty_collection_is_reindexed_too(house: House) -> None:
    house.collection_id = house.bench.collection("empty")

    assert house.reindex(house.ask()) == "succeeded"
    assert house.vector_index.embedder == house.new.identity


def changes(house: House) -> None:
    """What may happen while a reindex runs: new, replaced, deleted, and deleted and back."""
    house.put("new", "new one")
    house.put("a", "a three", "a four", "a five")
    house.remove("b:c")
    house.remove("d")
    house.put("d", "d again")


def steps_of_a_reindex(house: House) -> int:
    assert house.reindex(house.ask()) == "succeeded"
    return house.fuse.steps


def test_a_reindex_survives_a_kill_between_any_two_steps_and_changes_at_any_of_them(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reindexing, "PAGE", 2)
    quiet = steps_of_a_reindex(house)
    ways = [
        (changed, killed)
        for changed in range(1, quiet + 1, 3)
        for killed in range(1 + changed % 2, quiet + 12, 2)
    ]

    for way in ways:
        house.bench.redis.flushall()
        fresh = House(house.bench, tmp_path)
        for name in ("a", "b:c", "d"):
            fresh.put(name, f"{name} one", f"{name} two")
        fresh.fuse.at = {way[1]: kill, way[0]: partial(changes, fresh)}

        assert fresh.until_it_ends(fresh.ask()) == "succeeded", way
        assert way[0] not in fresh.fuse.at, way
        assert fresh.vector_index.embedder == fresh.new.identity, way
        assert fresh.wanted() <= fresh.held(), way
        assert fresh.leftovers() == [], way
        fresh.clean()
        assert fresh.held() == fresh.wanted(), way
        assert set(fresh.vectors.collections) == {fresh.vector_index.name}, way


def test_a_worker_of_another_embedder_does_not_go_on_with_a_dead_ones_vectors(
    house: House,
) -> None:
    third = HashingEmbedder(dimension=32)
    third.identity = replace(third.identity, model="a third")
    job = house.ask()
    house.fuse.at = {12: kill}
    with pytest.raises(Killed):
        house.reindex(job)
    unfinished = house.bench.catalogue.vector_indexes.building(house.collection_id)
    house.bench.die_and_be_found(job)

    assert house.reindex(job, third) == "succeeded"
    assert house.vector_index.embedder == third.identity
    assert unfinished in house.retired()
    assert house.held() == house.wanted()


def test_what_a_disk_lost_of_unfinished_vectors_is_copied_again(house: House) -> None:
    job = house.ask()
    unfinished: list[str] = []

    def lose() -> None:
        unfinished.append(house.bench.catalogue.vector_indexes.building(house.collection_id) or "")
        house.vectors.drop(unfinished[0])
        kill()

    # After the page of all three documents was copied and recorded.
    house.fuse.at = {14: lose}
    with pytest.raises(Killed):
        house.reindex(job)
    assert house.bench.redis.hget(key("building", house.collection_id), "at") == "d"
    house.bench.die_and_be_found(job)

    assert house.reindex(job) == "succeeded"
    assert house.vector_index.name == unfinished[0]
    assert house.held() == house.wanted()


def test_a_worker_that_lost_its_lease_changes_nothing_over(house: House) -> None:
    job = house.ask()

    def lapse() -> None:
        house.bench.die_and_be_found(job)
        house.bench.take(job)

    house.fuse.at = {15: lapse}
    house.reindex(job)

    assert house.bench.state(job) == "running"
    assert house.vector_index.name == house.collection_id


def test_what_was_copied_before_a_death_makes_it_none_of_the_jobs_last(house: House) -> None:
    job = house.ask()
    for _ in range(timings.MAX_DEATHS + 2):
        house.fuse.at = {house.fuse.steps + 14: kill}
        with pytest.raises(Killed):
            house.reindex(job)
        house.bench.die_and_be_found(job)
        house.put(f"more {house.fuse.steps}", "text")
        house.bench.redis.hdel(key("building", house.collection_id), "at")

    assert house.until_it_ends(job) == "succeeded"


def test_a_document_that_kills_its_worker_again_and_again_ends_the_job_and_leaves_nothing(
    house: House,
) -> None:
    job = house.ask()
    for _ in range(timings.MAX_DEATHS):
        house.fuse.at = {house.fuse.steps + 10: kill}
        with pytest.raises(Killed):
            house.reindex(job)
        house.bench.die_and_be_found(job)
    house.garbage_collector.turn()

    assert house.bench.state(job) == "failed"
    assert "too_many_attempts" in house.bench.field(job, "error")
    assert house.leftovers() == []
    house.clean()
    assert set(house.vectors.collections) == {house.collection_id}
    assert house.held() == house.wanted()


def test_a_publish_that_began_before_the_change_over_is_done_again_after_it(
    house: House,
) -> None:
    row = house.accept("late", "late one", "late two")

    class Late(DictVectors):
        def upsert(self, *given: Any) -> None:
            house.vectors.upsert(*given)
            house.reindex(house.ask(), same)

    same = HashingEmbedder()
    late = Late()
    late.collections = house.vectors.collections
    house.ingestion(house.old, late).publish(row)
    assert house.bench.state(row) == "running"
    assert "late" not in house.bench.catalogue.generations.current(house.collection_id, ["late"])
    house.bench.end_pauses("embed")

    assert house.publish(row) == "created"
    assert house.wanted() <= house.held()
    adds = [e for e in house.bench.change_log.read(house.collection_id, "0-0") if e.op == "add"]
    assert [e.document for e in adds] == ["a", "b:c", "d", "late", "late"]
    assert house.bench.change_log.last_add(house.collection_id) == adds[-1].id


def test_a_publish_by_the_new_embedder_waits_for_the_change_over(house: House) -> None:
    row = house.accept("e", "e one")
    job = house.ask()
    assert house.publish(row, house.new) == ""
    assert house.bench.state(row) == "running"
    house.reindex(job)
    house.bench.end_pauses("embed")

    assert house.publish(row, house.new) == "created"
    assert house.held() == house.wanted()


def test_without_a_reindex_a_publish_by_another_embedder_is_refused(house: House) -> None:
    row = house.accept("e", "e one")
    house.publish(row, house.new)
    error = house.bench.field(row, "error")

    assert house.bench.state(row) == "failed"
    assert "embedder_mismatch" in error
    assert "quern reindex" in error
    assert "e" not in house.bench.catalogue.generations.current(house.collection_id, ["e"])


def test_activations_wait_for_the_last_moment_of_a_reindex_and_not_for_ever(
    house: House,
) -> None:
    row, job = house.accept("e", "e one"), house.ask()
    vector_index = house.bench.catalogue.vector_indexes
    with house.leases.claim(job, "reindex") as lease:
        assert lease is not None
        building = vector_index.begin(lease, house.new.identity, NEW)
        house.remove("a")
        lacking = vector_index.swap(lease, building.name, hold=True, fields={})
        held = house.bench.redis.pexpire(key("held", house.collection_id), 300)  # lapses by itself
        outcome = house.publish(row)
        lacking_later = vector_index.swap(lease, building.name, hold=False, fields={})
        house.bench.die(job)

    assert (lacking, held, outcome, lacking_later) == (1, 1, "created", 2)


def test_a_steady_stream_of_changes_does_not_keep_a_reindex_from_its_end(house: House) -> None:
    """Each look finds another document changed, but for the hold at the end."""
    job, puts = house.ask(), []

    class Stream(VectorIndexes):
        def behind(self, collection_id: str, *, most: int) -> dict[str, int]:
            if not house.bench.redis.exists(key("held", collection_id)):
                puts.append(house.put("a", f"a version {len(puts)}"))
            return super().behind(collection_id, most=most)

        def swap(self, *given: Any, **named: Any) -> int:
            if not house.bench.redis.exists(key("held", house.collection_id)):
                puts.append(house.put("d", f"d version {len(puts)}"))
            return super().swap(*given, **named)

    stream = Stream(house.bench.ledger)
    with house.leases.claim(job, "reindex") as lease:
        assert lease is not None
        Reindexer(
            vectors=house.vectors, embedder=house.new,
            catalogue=replace(house.bench.catalogue, vector_indexes=stream), blobs=house.blobs,
        ).reindex(lease)  # fmt: skip

    assert house.bench.state(job) == "succeeded"
    assert len(puts) > 2
    assert house.wanted() <= house.held()


def test_one_collection_is_reindexed_by_one_job_at_a_time(house: House) -> None:
    job = house.ask()
    with pytest.raises(AlreadyRunning, match=job):
        house.ask()
    house.reindex(job)

    assert house.reindex(house.ask(), house.old) == "succeeded"
    assert house.vector_index.embedder == house.old.identity
    assert house.held() == house.wanted()


def test_a_second_job_that_came_in_all_the_same_stands_back(house: House) -> None:
    job = house.ask()
    house.fuse.at = {12: kill}
    with pytest.raises(Killed):
        house.reindex(job)
    house.bench.redis.delete(key("alone", f"reindex:{house.collection_id}"))
    second = house.ask()

    assert house.reindex(second) == "failed"
    assert job in house.bench.field(second, "error")
    house.bench.die_and_be_found(job)
    assert house.reindex(job) == "succeeded"


def test_a_cancelled_reindex_leaves_the_old_vectors_in_use_and_nothing_behind(
    house: House,
) -> None:
    job = house.ask()

    def cancel() -> None:
        house.bench.ledger.submissions.cancel(job)

    house.fuse.at = {house.fuse.steps + 14: cancel}
    house.reindex(job)
    house.clean()

    assert house.bench.state(job) == "cancelled"
    assert house.vector_index.name == house.collection_id
    assert house.leftovers() == []
    assert set(house.vectors.collections) == {house.collection_id}


@pytest.mark.parametrize("step", range(1, 19))
def test_deleting_the_collection_at_any_step_ends_the_reindex_and_leaves_nothing(
    house: House, step: int
) -> None:
    def delete() -> None:
        house.bench.catalogue.collections.drop("papers")
        house.vectors.drop(house.collection_id)
        house.bench.catalogue.collections.forget(house.collection_id)

    job = house.ask()
    house.fuse.at = {step: delete}
    state = house.until_it_ends(job)
    house.age_retired()
    house.garbage_collector.turn()

    assert house.fuse.at == {}
    if step < 16:
        assert state == "failed"
        assert "collection_deleted" in house.bench.field(job, "error")
    assert house.vectors.collections == {}
    kept = set(house.bench.redis.scan_iter(match=f"*:{house.collection_id}"))
    assert kept <= {key("alone", f"reindex:{house.collection_id}")}


def test_passages_that_the_new_model_cannot_read_end_the_job_in_plain_words(house: House) -> None:
    house.new.identity = replace(house.new.identity, max_tokens=2)
    job = house.ask()
    house.reindex(job)

    assert house.bench.state(job) == "failed"
    assert "QUERN_CHUNK_TOKENS" in house.bench.field(job, "error")
    assert house.vector_index.name == house.collection_id


def test_passages_that_are_lost_are_no_reason_to_change_over_without_them(house: House) -> None:
    house.vectors.delete(house.collection_id, [min(house.held())])
    job = house.ask()
    house.reindex(job)

    assert house.bench.state(job) == "failed"
    assert "passages_missing" in house.bench.field(job, "error")
    assert house.vector_index.name == house.collection_id


def test_a_store_that_is_away_makes_the_reindex_wait(house: House) -> None:
    job = house.ask()

    def away() -> None:
        raise StoreUnavailable("away")

    house.fuse.at = {10: away}
    house.reindex(job)
    assert house.bench.state(job) == "running"
    house.bench.end_pauses("embed")

    assert house.reindex(job) == "succeeded"


def result(house: House, job: str) -> dict[str, Any]:
    told: dict[str, Any] = orjson.loads(house.bench.field(job, "result"))
    return told


def test_a_document_that_the_new_model_gives_no_vector_is_left_out_and_named(house: House) -> None:
    house.put("c:d", "c one", "mute", "c three")
    before = house.wanted()
    job = house.ask()

    assert house.reindex(job, Picky()) == "partial"
    assert house.vector_index.embedder == Picky().identity
    assert result(house, job)["left_out"] == ["c:d"]
    assert result(house, job)["documents"] == 3
    assert {name for name in before if not name.startswith("c:d:")} == house.wanted()
    assert house.bench.catalogue.documents.record(house.collection_id, "c:d") is None
    assert house.bench.catalogue.documents.names(house.collection_id, after="", limit=9) == [
        "a", "b:c", "d",
    ]  # fmt: skip
    assert house.leftovers() == []
    house.new = Picky()
    house.clean()
    assert house.held() == house.wanted()
    assert house.put("c:d", "c one", "c two") == "created"


def test_a_reindex_that_leaves_one_out_survives_a_kill_between_any_two_steps(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reindexing, "PAGE", 2)
    monkeypatch.setattr(reindexing, "BATCH", 3)
    house.put("c", "c one", "c two", "c three", "mute")
    house.reindex(house.ask(), Picky())

    for step in range(1, house.fuse.steps):
        house.bench.redis.flushall()
        fresh = House(house.bench, tmp_path)
        fresh.new = Picky()
        for name in ("a", "b:c", "d"):
            fresh.put(name, f"{name} one", f"{name} two")
        fresh.put("c", "c one", "c two", "c three", "mute")
        fresh.fuse.at = {step: kill}
        job = fresh.ask()

        assert fresh.until_it_ends(job) == "partial", step
        assert result(fresh, job)["left_out"] == ["c"], step
        assert {name.rsplit(":", 2)[0] for name in fresh.wanted()} == {"a", "b:c", "d"}, step
        fresh.clean()
        assert fresh.held() == fresh.wanted(), step


@pytest.mark.parametrize("text", ["now it speaks", "again mute", None])
def test_what_was_left_out_and_changes_before_the_change_over_is_looked_at_again(
    house: House, text: str | None
) -> None:
    house.put("c", "mute")

    class Slow(VectorIndexes):
        changed = False

        def swap(self, *given: Any, **named: Any) -> int:
            if not self.changed:
                self.changed = True
                house.put("c", text) if text else house.remove("c")
            return super().swap(*given, **named)

    job = house.ask()
    with house.leases.claim(job, "reindex") as lease:
        assert lease is not None
        Reindexer(
            vectors=house.vectors, embedder=Picky(), blobs=house.blobs,
            catalogue=replace(house.bench.catalogue, vector_indexes=Slow(house.bench.ledger)),
        ).reindex(lease)  # fmt: skip

    still_left_out = text == "again mute"
    assert house.bench.state(job) == ("partial" if still_left_out else "succeeded")
    assert result(house, job).get("left_out") == (["c"] if still_left_out else None)
    assert house.wanted() <= house.held()
    assert ("c" in {name.rsplit(":", 2)[0] for name in house.wanted()}) == (text == "now it speaks")


def test_a_model_that_gives_many_documents_no_vector_is_not_changed_over_to(house: House) -> None:
    before = house.wanted()
    house.put("c", "mute one")
    house.put("e", "mute two")
    job = house.ask()

    assert house.reindex(job, Picky()) == "failed"
    assert "no_vector" in house.bench.field(job, "error")
    assert "QUERN_EMBEDDING_MODEL" in house.bench.field(job, "error")
    assert house.vector_index.name == house.collection_id
    assert before < house.wanted() == house.held()
