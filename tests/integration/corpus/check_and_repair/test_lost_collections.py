"""Collections that no catalogue knows come back, where they are ours."""

from protocol.keys import key
from tests.support.waiting import until
from tests.support.worlds.checked_world import World, stray
from workers.maintenance import BackgroundCheck, GarbageCollector


def test_what_others_keep_in_the_same_vector_store_is_left_alone(world: World) -> None:
    world.store.create("somebody-elses")
    world.store.upsert("somebody-elses", [stray("gas", 1)], world.embedder.embed(["gas"]))
    assert world.check(repair=True).differences == {}

    assert world.store.count("somebody-elses") == 1
    assert set(world.bench.catalogue.collections.collection_ids()) == {"papers"}


def test_after_redis_was_emptied_collections_come_back_with_their_names(world: World) -> None:
    world.check(repair=True)  # as it runs in the background: it writes the labels
    expected = world.held()
    world.bench.redis.flushall()
    other, _ = world.bench.catalogue.collections.create(
        "papers"
    )  # made by the first question after that
    found = world.check()
    assert found.differences == {"collection_unknown": (1, 0)}
    assert world.check(repair=True, adopt=False).differences == {}
    repaired = world.check(repair=True)

    assert repaired.differences["collection_unknown"] == (1, 1)
    assert repaired.differences["entry_missing"] == (3, 3)
    assert world.bench.catalogue.collections.collection_ids() == {"papers": world.inc}
    assert not world.bench.catalogue.collections.exists(other)
    assert world.held() == expected
    assert until(lambda: world.sparse("embargo") == {"oil"})
    assert world.check().differences == {}
    kept = world.bench.catalogue.collections.all()[0].embedder
    assert kept is not None
    assert kept["model"] == "hashing"


def test_a_name_taken_meanwhile_is_left_to_who_has_it(world: World) -> None:
    world.check(repair=True)
    world.bench.redis.flushall()
    other, _ = world.bench.catalogue.collections.create("papers")
    world.bench.ingest(other, "new")
    world.check(repair=True)

    names = world.bench.catalogue.collections.collection_ids()
    assert names.pop("papers") == other
    ((name, collection_id),) = names.items()
    assert (name.startswith("papers-restored-"), collection_id) == (True, world.inc)


def test_unfinished_and_retired_vector_indexes_are_never_taken_for_lost_collections(
    world: World,
) -> None:
    with world.leases.claim(world.ask_reindex(), "reindex") as lease:
        assert lease is not None
        catalogue = world.bench.catalogue
        begun = world.bench.catalogue.vector_indexes.begin(
            lease, world.embedder.identity, catalogue.collections.hnsw
        )
        world.store.create(begun.name)
        world.store.upsert(begun.name, [stray("half", 1)], world.embedder.embed(["gas"]))
        assert world.check(repair=True).differences == {}
        world.store.label(begun.name, {"unfinished": world.inc})
        lease.finish(state="cancelled", fields={})
    GarbageCollector(world.storage, world.vectors).turn()
    assert world.bench.redis.zscore(key("retired"), begun.name)
    assert world.check(repair=True).differences == {}
    world.bench.redis.flushall()
    world.check(repair=True)

    assert world.bench.catalogue.collections.collection_ids() == {"papers": world.inc}


def test_after_redis_was_emptied_vectors_made_anew_come_back_under_their_collection(
    world: World,
) -> None:
    vector_index = world.reindex()
    world.store.drop(world.inc)  # as the garbage collector does
    BackgroundCheck(world.checker, world.bench.catalogue).turn()
    world.bench.redis.flushall()
    assert world.check().differences == {"collection_unknown": (1, 0)}
    world.check(repair=True)

    assert world.bench.catalogue.collections.collection_ids() == {"papers": world.inc}
    assert world.bench.catalogue.vector_indexes.in_use(world.inc).name == vector_index
    assert world.check().differences == {}
    assert until(lambda: world.sparse("embargo") == {"oil"})
    assert world.search("embargo", "hybrid") == {"oil"}
