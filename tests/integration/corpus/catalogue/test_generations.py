"""Generations on a real Redis: which one of each document is current."""

import pytest

from corpus.catalogue.generations import Current
from protocol.keys import key
from rag.ports import EmbedderIdentity, Snapshot
from tests.support.workbench import Workbench

MODEL = EmbedderIdentity("model", "1", "torch", 384, 254)


@pytest.fixture
def inc(bench: Workbench) -> str:
    return bench.collection()


def test_the_first_publish_creates_the_next_updates_and_a_delete_removes(
    bench: Workbench, inc: str
) -> None:
    (first,) = bench.ingest(inc, "a:b")[1]
    (second,) = bench.ingest(inc, "a:b")[1]
    outcomes = [bench.publish(first), bench.publish(second, chunks=3, language="es")]
    now = bench.catalogue.generations.current(inc, ["a:b", "nothing"])
    outcomes.append(bench.activate(bench.take(bench.delete(inc, "a:b")[1])))
    tombstone = bench.catalogue.generations.current(inc, ["a:b"])["a:b"]

    assert outcomes == ["created", "updated", "removed"]
    assert list(now) == ["a:b"]
    assert (now["a:b"].chunks, now["a:b"].seq, now["a:b"].language) == (3, 2, "es")
    assert (tombstone.chunks, tombstone.seq, tombstone.language) == (0, 3, "")
    assert bench.catalogue.generations.seq(inc) == 3
    assert bench.catalogue.documents.record(inc, "a:b") is None
    assert bench.garbage(inc) == {bench.member(first), bench.member(second)}


def test_many_documents_of_any_name_are_looked_at_at_once(bench: Workbench, inc: str) -> None:
    odd = ['a"b', "a\\b", "ü:ß", "語", "a b", "\t", "\x00", "[1]", "null"]
    names = [*odd, *(f"d{n}" for n in range(2_500))]
    there = {name: f"{n + 1}:1:{n}:en" for n, name in enumerate(names)}
    bench.redis.hset(key("current", inc), mapping=there)
    now = bench.catalogue.generations.current(inc, [*names, "nothing"])

    assert now == {name: Current(n + 1, 1, n, "en") for n, name in enumerate(names)}
    assert bench.catalogue.generations.current(inc, ["nothing"]) == {}


def test_a_snapshot_is_of_the_newest_activation_and_the_vector_index_in_use(
    bench: Workbench, inc: str
) -> None:
    before = bench.catalogue.generations.snapshot(inc)
    bench.catalogue.vector_indexes.register_embedder(inc, MODEL)
    bench.publish(bench.ingest(inc, "a")[1][0])
    after = bench.catalogue.generations.snapshot(inc)
    entry, epoch = bench.change_log.newest(inc)

    assert (before.seq, before.entry, before.vector_index.embedder) == (0, "0-0", None)
    assert after == Snapshot(
        1, bench.catalogue.vector_indexes.in_use(inc), entry, epoch, documents=1, waiting=0
    )
    assert (after.vector_index.embedder, entry != "0-0") == (MODEL, True)


def test_a_look_counts_the_documents_that_are_there_and_those_on_their_way(
    bench: Workbench, inc: str
) -> None:
    _, rows = bench.ingest(inc, "a", "b", "c")
    bench.publish(rows[0])

    snapshot = bench.catalogue.generations.snapshot(inc)

    assert (snapshot.documents, snapshot.waiting) == (1, 2)


def test_a_recheck_tells_which_vector_index_is_searched_by_then(bench: Workbench, inc: str) -> None:
    assert bench.catalogue.generations.recheck(inc, []) == (
        {},
        bench.catalogue.vector_indexes.in_use(inc),
    )
    bench.catalogue.vector_indexes.register_embedder(inc, MODEL)
    bench.publish(bench.ingest(inc, "a")[1][0])
    current, vector_index = bench.catalogue.generations.recheck(inc, ["a", "b"])

    assert current == bench.catalogue.generations.current(inc, ["a"])
    assert vector_index == bench.catalogue.vector_indexes.in_use(inc)
    assert vector_index.embedder == MODEL


def test_a_generation_is_above_every_earlier_one_even_when_they_come_at_once(
    bench: Workbench, inc: str
) -> None:
    _, rows = bench.ingest(inc, *["a"] * 20)
    given = [int(bench.field(row, "generation")) for row in rows]

    assert given == sorted(set(given))


def test_a_generation_is_not_given_twice_when_redis_loses_its_last_second(
    bench: Workbench, inc: str
) -> None:
    (lost,) = bench.ingest(inc, "a")[1]
    bench.redis.delete(key("newest", inc))
    (again,) = bench.ingest(inc, "a")[1]

    assert int(bench.field(again, "generation")) > int(bench.field(lost, "generation"))


def test_what_was_accepted_is_noted_apart_only_while_it_is_not_current(
    bench: Workbench, inc: str
) -> None:
    newest = key("newest", inc)
    _, (first, second) = bench.ingest(inc, "a", "b")
    on_their_way = bench.redis.hkeys(newest)
    bench.publish(first)
    bench.publish(second)
    settled = bench.redis.hkeys(newest)
    _, (older,) = bench.ingest(inc, "a")
    _, (failed,) = bench.ingest(inc, "a")
    bench.ledger.work.finish(bench.take(failed), state="failed", fields={"error": "{}"})
    bench.publish(older)

    assert (sorted(on_their_way), settled) == (["a", "b"], [])
    # The newest is known although an older one became current after its end.
    assert bench.redis.hget(newest, "a").split(":")[0] == bench.field(failed, "generation")


@pytest.mark.parametrize("language", ["", "en"])
def test_an_unchanged_document_is_known_by_its_entry_until_it_is_distrusted(
    bench: Workbench, inc: str, language: str
) -> None:
    def again(content: str) -> str:
        return bench.ingest(inc, rows=[bench.row("a", content=content)])[1][0]

    bench.publish(again("same"), language=language)
    current = bench.catalogue.generations.current(inc, ["a"])["a"]
    outcome = bench.field(again("same"), "outcome")
    bench.catalogue.repairs.distrust(inc, "a", current.generation - 1)  # another generation
    still = bench.field(again("same"), "outcome")
    bench.catalogue.repairs.distrust(inc, "a", current.generation)

    assert (outcome, still) == ("unchanged", "unchanged")
    assert bench.catalogue.generations.current(inc, ["a"])["a"] == current
    assert bench.publish(again("same"), language=language) == "updated"
    assert current.language == language


def test_a_collection_whose_documents_are_all_current_is_not_taken_for_an_empty_one(
    bench: Workbench, inc: str
) -> None:
    bench.publish(bench.ingest(inc, "a")[1][0])
    lost = "01ARZ3NDEKTSV4RRFFQ69G5FAV"

    adopted = bench.catalogue.repairs.adopt(
        lost, vector_index=lost, name="papers", other_name="papers-restored", about={}
    )
    assert adopted == "papers-restored"
    assert bench.catalogue.collections.collection_id("papers") == inc
    assert bench.catalogue.generations.current(inc, ["a"])["a"].chunks == 2


@pytest.mark.parametrize("lost", [[], ["documents"], ["documents", "names", "contents"]])
def test_entries_that_were_lost_with_the_log_are_known_to_be(
    bench: Workbench, inc: str, lost: list[str]
) -> None:
    bench.catalogue.vector_indexes.register_embedder(inc, MODEL)
    bench.publish(bench.ingest(inc, "a")[1][0])
    bench.redis.delete(*(key(name, inc) for name in ("current", "log", "log_state", *lost)))
    if "contents" in lost:
        bench.redis.delete(key("by_hash", inc, "first"))
    bench.change_log.follow(inc, "follower", "")

    assert bench.redis.hget(key("log_state", inc), "entries_lost") == "1"
