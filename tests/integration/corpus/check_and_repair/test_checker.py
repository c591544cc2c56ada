"""The check as a whole: what it counts, and that it harms nobody at work."""

import threading
from collections.abc import Iterator

import pytest

from corpus.current_vectors import CurrentVectors
from protocol import timings
from protocol.keys import key
from rag.documents import Chunk, chunk_id
from rag.ports import StoredChunk
from tests.support.waiting import until
from tests.support.worlds.checked_world import Found, World, damage, stray
from workers.maintenance import BackgroundCheck, GarbageCollector


def test_where_all_agrees_nothing_is_found_and_everything_is_counted(world: World) -> None:
    found = world.check()

    (shown,) = found.collections
    assert (found.consistent, found.differences) == (True, {})
    assert (shown["documents"], shown["passages"]) == (3, 7)
    assert [(r["state"], r["documents"]) for r in shown["replicas"]] == [("same", 3)]


def test_what_is_on_its_way_or_on_its_way_out_is_no_difference(world: World) -> None:
    (row,) = world.bench.ingest(world.inc, "new")[1]
    world.bench.parse(row)
    generation = int(world.bench.field(row, "generation"))
    half = StoredChunk(chunk_id("new", generation, 0), Chunk(0, 0, 3, "gas"), 2, "", {})
    world.vectors.upsert(world.inc, [half], world.embedder.embed(["gas"]))
    world.publish("oil", "Oil again.")  # the old generation is garbage, and still in both

    assert world.check().differences == {}
    assert world.check(repair=True).differences == {}
    assert half.chunk_id in world.held()


def test_a_document_replaced_in_the_middle_of_a_check_is_no_difference(world: World) -> None:
    garbage_collector = GarbageCollector(world.storage, world.vectors)
    walk = world.checker.walk(None, repair=True)
    for n, _ in enumerate(walk):
        world.publish("oil", f"Oil again, {n}.", "Twice.")
        name = key("garbage", world.inc)
        for member in world.bench.garbage(world.inc):
            world.bench.redis.zadd(name, {member: 1})
        garbage_collector.collect(world.inc)
        if n > 20:
            break

    assert Found(walk).differences == {}
    assert n > 3


@pytest.fixture
def listings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the collections whose vectors were listed whole, in order."""
    done: list[str] = []
    ids = CurrentVectors.ids

    def noted(self: CurrentVectors, collection_id: str) -> Iterator[list[str]]:
        done.append(collection_id)
        return ids(self, collection_id)

    monkeypatch.setattr(CurrentVectors, "ids", noted)
    return done


def test_vectors_are_listed_only_where_there_are_more_than_somebody_knows(
    world: World, listings: list[str]
) -> None:
    world.publish("oil", "Oil again.")  # the old generation is garbage, and still there
    world.check(repair=True)
    assert listings == []

    world.vectors.upsert(world.inc, [stray("oil", 5)], world.embedder.embed(["gas"]))
    assert world.check(repair=True).documents("orphan") == {"oil"}
    assert listings == [world.inc]


def test_while_documents_are_on_their_way_a_patient_check_lists_once_a_day(
    world: World, listings: list[str]
) -> None:
    (row,) = world.bench.ingest(world.inc, "new")[1]
    world.bench.parse(row)
    generation = int(world.bench.field(row, "generation"))
    half = StoredChunk(chunk_id("new", generation, 0), Chunk(0, 0, 3, "gas"), 2, "", {})
    world.vectors.upsert(world.inc, [half], world.embedder.embed(["gas"]))
    for _ in range(3):
        walk = world.checker.walk(None, repair=True, patient=True)
        list(walk)
        assert Found(walk).differences == {}

    assert listings == [world.inc]
    world.check()
    assert listings == [world.inc] * 2


def test_a_repair_may_be_killed_at_any_instant_and_run_again(world: World) -> None:
    steps = 1
    while True:
        damage(world)
        walk = iter(world.checker.walk(None, repair=True))
        ended = False
        for _ in range(steps):
            if next(walk, None) is None:
                ended = True
                break
        walk.close()  # type: ignore[attr-defined]  # a generator
        world.repair()
        assert world.wanted() <= world.held()
        if ended:
            break
        steps += 3
    assert steps > 6


def test_two_repairs_at_once_do_no_harm(world: World) -> None:
    damage(world)
    threads = [threading.Thread(target=world.check, kwargs={"repair": True}) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert world.check().differences == {}
    assert world.wanted() <= world.held()


def test_searches_answer_during_a_repair_and_find_nothing_wrong(world: World) -> None:
    expected = {"embargo": "oil", "forests": "trees", "coast": "maps"}
    wrong: list[object] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            for word, document in expected.items():
                try:
                    found = world.search(word, "hybrid")
                except Exception as error:  # noqa: BLE001  # any error is what this test is about
                    wrong.append(error)
                else:
                    if not found <= {document}:
                        wrong.append((word, found))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        damage(world)
        world.bench.redis.delete(key("log", world.inc))
        world.repair()
    finally:
        over.set()
        asking.join()

    assert wrong == []
    for word, document in expected.items():
        assert until(lambda word=word, document=document: world.sparse(word) == {document})


def test_the_background_check_repairs_by_itself_a_little_at_a_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timings, "CHECK_TURN_S", 0.0001)
    damage(world)
    background_check = BackgroundCheck(world.checker, world.bench.catalogue)
    turns = 0
    while background_check._rounds._ended_at == float("-inf"):
        background_check.turn()
        turns += 1

    assert turns > 3
    assert world.check().differences == {}
    assert world.wanted() <= world.held()
    background_check.turn()
    assert background_check._rounds._steps is None  # for an hour
