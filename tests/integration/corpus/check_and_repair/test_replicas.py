"""A lost change log and indexes that differ are found by the replicas, and repaired."""

import pytest

from protocol import timings
from protocol.keys import key
from tests.support.waiting import until
from tests.support.worlds.checked_world import World, stray


@pytest.mark.parametrize("lost", ["log", "log_state", "both"])
def test_a_lost_log_begins_anew_and_every_index_follows(world: World, lost: str) -> None:
    names = ("log", "log_state") if lost == "both" else (lost,)
    world.bench.redis.delete(*(key(name, world.inc) for name in names))
    assert until(lambda: world.bench.redis.exists(key("log", world.inc)))
    assert until(lambda: world.sparse("embargo") == {"oil"})
    world.repair()
    world.publish("oil", "Oil anew, and lamps.")

    assert until(lambda: world.sparse("lamps") == {"oil"})
    assert world.sparse("embargo") == set()
    assert world.bench.catalogue.generations.seq(world.inc) > 3
    assert world.check().differences == {}


def test_a_log_lost_while_no_follower_ran_is_told_and_repaired(world: World) -> None:
    def lose() -> None:
        world.publish("oil", "Oil anew, and lamps.")  # what only the lost log told of
        world.bench.redis.delete(key("log", world.inc))
        assert world.check().differences == {"log_lost": (1, 0)}
        assert world.check(repair=True).differences == {"log_lost": (1, 1)}

    world.restart_follower(lose)

    assert until(lambda: world.sparse("lamps") == {"oil"})
    assert world.check().differences == {}


def test_a_log_that_was_begun_again_before_anybody_looked_is_known_for_a_new_one(
    world: World,
) -> None:
    def lose() -> None:
        world.publish("oil", "Oil anew, and lamps.")
        world.bench.redis.delete(key("log", world.inc))
        world.publish("maps", "New maps.")

    world.restart_follower(lose)

    assert until(lambda: world.sparse("lamps") == {"oil"})
    assert world.check().differences == {}


def test_what_an_index_lacks_or_has_too_much_is_told_and_repaired(world: World) -> None:
    index = world.follower._indexes.all()[world.inc]
    current = world.bench.catalogue.generations.current(world.inc, ["oil"])["oil"]
    index.remove("oil", current.generation)
    index.add([stray("maps", 7)], world.embedder.embed(["gas"]))
    index.commit(cursor=index.cursor, log_epoch=index.log_epoch)
    found = world.check()
    assert found.differences == {"sparse_missing": (1, 0), "sparse_extra": (1, 0)}
    assert found.documents("sparse_missing") == {"oil"}
    assert found.documents("sparse_extra") == {"maps"}
    repaired = world.repair()

    assert repaired.differences == {"sparse_missing": (1, 1), "sparse_extra": (1, 1)}
    assert world.sparse("embargo") == {"oil"}


def test_an_index_that_differs_much_is_built_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.local_index.index_audit.REBUILD", 1)
    index = world.follower._indexes.all()[world.inc]
    for document, current in world.bench.catalogue.generations.every_current(world.inc):
        index.remove(document, current.generation)
    index.commit(cursor=index.cursor, log_epoch=index.log_epoch)
    repaired = world.repair()

    assert repaired.differences == {"sparse_missing": (3, 3)}
    assert world.follower._indexes.all()[world.inc] is not index
    assert world.sparse("embargo") == {"oil"}


@pytest.mark.parametrize("damage", ["deleted", "emptied"])
def test_an_index_whose_files_vanish_while_it_is_used_is_built_anew(
    world: World, damage: str
) -> None:
    folder = world.folder / "index" / "0" / world.inc
    index = world.follower._indexes.all()[world.inc]
    files = [file for file in folder.rglob("*") if file.is_file()]
    for file in files:
        file.unlink()
        if damage == "emptied":
            file.touch()

    assert until(lambda: world.follower._indexes.get(world.inc) is not index)
    assert world.sparse("embargo") == {"oil"}
    assert world.check(repair=True).consistent
    world.publish("oil", "Oil anew, and lamps.")
    assert until(lambda: world.sparse("lamps") == {"oil"})


@pytest.mark.parametrize(
    "name", ["*.pos", "rows/vectors-*", "rows/journal", "rows/records-*", "rows/places-*"]
)
def test_a_corrupt_file_is_found_by_the_check(world: World, name: str) -> None:
    folder = world.folder / "index" / "0" / world.inc
    file = next(iter(folder.glob(name)))
    # In place: the follower looks at sizes meanwhile, and would see it empty for a moment.
    with file.open("r+b") as opened:
        data = opened.read()
        opened.seek(len(data) // 3)
        opened.write(bytes([data[len(data) // 3] ^ 255]))
    assert world.check().differences == {"index_unusable": (1, 0)}
    repaired = world.repair()

    assert repaired.differences == {"index_unusable": (1, 1)}
    assert world.sparse("embargo") == {"oil"}


@pytest.mark.parametrize("damage", ["truncated", "folder gone", "one file gone"])
def test_an_index_damaged_between_two_runs_is_built_anew(world: World, damage: str) -> None:
    folder = world.folder / "index" / "0" / world.inc

    def break_it() -> None:
        for file in [file for file in folder.rglob("*") if file.is_file()]:
            if damage == "truncated":
                file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
            elif damage == "folder gone" or file.suffix == ".term":
                file.unlink()

    world.restart_follower(break_it)

    assert until(lambda: world.sparse("embargo") == {"oil"})
    assert world.check().differences == {}


def test_an_add_that_is_told_twice_is_applied(world: World) -> None:
    def tell_twice() -> None:
        current = world.bench.catalogue.generations.current(world.inc, ["oil"])["oil"]
        for _ in range(2):
            assert world.bench.change_log.add_again(
                world.inc, "oil", current.generation, current.chunks, vector_index=world.inc
            )

    world.restart_follower(tell_twice)

    assert until(lambda: world.sparse("embargo") == {"oil"})


def test_a_replica_that_does_not_answer_is_named(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timings, "AUDIT_WAIT_S", 5.0)
    world.bench.change_log.attend("elsewhere/0")
    found = world.check()

    assert found.differences == {"replica_silent": (1, 0)}
    assert "elsewhere/0" in found.told[0]["detail"]
