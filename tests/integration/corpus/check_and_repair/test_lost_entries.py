"""Entries that the catalogue lost come back; what it never knew becomes garbage."""

import pytest

from protocol.keys import key
from tests.support.worlds.checked_world import TEXTS, World, stray
from workers.maintenance import BackgroundCheck, GarbageCollector


def test_rows_that_nobody_knows_become_garbage(world: World) -> None:
    world.vectors.upsert(world.inc, [stray("oil", 5)], world.embedder.embed(["gas"]))
    assert world.check().differences == {"orphan": (1, 0)}
    repaired = world.repair()

    assert repaired.differences == {"orphan": (1, 1)}
    assert world.bench.garbage(world.inc) == {"oil:5:1"}


@pytest.mark.parametrize("lost", ["one entry", "all entries", "all but the rows"])
def test_a_lost_catalogue_is_restored_and_no_text_is_thrown_away(world: World, lost: str) -> None:
    redis, inc = world.bench.redis, world.inc
    expected = world.held()
    if lost == "one entry":
        redis.hdel(key("current", inc), "oil")
    elif lost == "all entries":
        redis.delete(key("current", inc))
    else:
        redis.delete(*(key(name, inc) for name in ("current", "documents", "names", "contents")))
    number = 1 if lost == "one entry" else 3
    assert world.check().differences == {"entry_missing": (number, 0)}
    GarbageCollector(world.storage, world.vectors).turn()
    repaired = world.repair()

    assert repaired.differences["entry_missing"] == (number, number)
    assert world.held() == expected == world.wanted()
    assert world.bench.garbage(inc) == set()
    records, _ = world.bench.catalogue.documents.page(inc, after="", limit=10)
    assert [record["document_id"] for record in records] == sorted(TEXTS)
    for mode in ("dense", "sparse", "hybrid"):
        assert world.search("embargo", mode) == {"oil"}
    assert world.bench.field(world.publish("oil", "Oil anew."), "outcome") == "updated"


def test_of_a_lost_document_the_newest_whole_generation_comes_back(world: World) -> None:
    redis, inc = world.bench.redis, world.inc
    expected = world.ids("oil")
    world.store.upsert(inc, [stray("oil", 5)], world.embedder.embed(["gas"]))
    redis.delete(*(key(name, inc) for name in ("current", "documents", "names", "contents")))
    world.repair()

    assert world.ids("oil") == expected
    assert world.bench.garbage(inc) == {"oil:5:1"}


def test_a_lost_document_of_which_half_is_left_is_named(world: World) -> None:
    redis, inc = world.bench.redis, world.inc
    world.vectors.delete(inc, world.ids("oil")[:1])
    redis.delete(*(key(name, inc) for name in ("current", "documents", "names", "contents")))
    found = world.check(repair=True)

    assert found.differences["entry_missing"] == (3, 2)
    assert any("only 2 of its 3 passages are left" in f["detail"] for f in found.told)
    assert world.search("prices", "hybrid") == set()


def test_a_deleted_document_stays_away_when_the_catalogue_is_restored(world: World) -> None:
    _, row = world.bench.delete(world.inc, "oil")
    world.bench.activate(world.bench.take(row))
    world.bench.redis.delete(key("current", world.inc))
    world.repair()

    assert world.search("embargo", "hybrid") == set()
    assert world.search("forests", "hybrid") == {"trees"}


def test_a_new_document_after_the_loss_does_not_make_the_old_ones_orphans(world: World) -> None:
    redis, inc = world.bench.redis, world.inc
    expected = world.held()
    redis.delete(*(key(name, inc) for name in ("current", "documents", "names", "contents")))
    BackgroundCheck(world.checker, world.bench.catalogue).turn()
    world.publish("new", "Something new.")
    world.repair()

    assert expected <= world.held()
    assert world.search("embargo", "hybrid") == {"oil"}


def test_what_is_repaired_while_vectors_are_made_anew_is_noted_for_them(world: World) -> None:
    current = world.bench.catalogue.generations.current(world.inc, list(TEXTS))
    with world.leases.claim(world.ask_reindex(), "reindex") as lease:
        assert lease is not None
        world.bench.catalogue.vector_indexes.begin(
            lease, world.embedder.identity, world.bench.catalogue.collections.hnsw
        )
        world.bench.redis.hdel(key("current", world.inc), "oil")
        world.vectors.delete(world.inc, world.ids("trees")[:1])
        world.blob("maps", "text_blob").unlink()
        world.vectors.delete(world.inc, world.ids("maps")[:1])
        world.check(repair=True)
        behind = world.bench.catalogue.vector_indexes.behind(world.inc, most=10)

    assert behind == {name: entry.generation for name, entry in current.items()}


def test_nobody_changes_over_while_the_catalogue_lacks_its_entries(world: World) -> None:
    world.bench.redis.delete(key("current", world.inc))
    job = world.ask_reindex()
    assert world.reindex(job) == world.inc
    assert world.bench.state(job) == "failed"
    assert "check --repair" in world.bench.field(job, "error")
    world.repair()

    assert world.bench.catalogue.vector_indexes.in_use(world.inc).name == world.inc
    assert world.reindex() != world.inc
    assert world.search("embargo", "hybrid") == {"oil"}
