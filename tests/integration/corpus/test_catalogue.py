"""The catalogue on a real Redis: names, what is current, what is garbage, what a log forgets."""

from dataclasses import asdict, replace

import pytest

from corpus.catalogue import Catalogue, Current, split_member
from jobs.ledger import CollectionGone
from protocol import timings
from protocol.ids import new_id
from protocol.keys import key
from rag.errors import EmbedderMismatch
from rag.ports import Edition, EmbedderIdentity, HnswSettings, Look
from tests.support.workbench import Workbench

MODEL = EmbedderIdentity("model", "1", "torch", 384, 254)


@pytest.fixture
def inc(bench: Workbench) -> str:
    return bench.collection()


# Collections ---------------------------------------------------------------------------------


def test_a_name_is_made_once_and_points_at_one_incarnation(bench: Workbench) -> None:
    first, is_new = bench.catalogue.create("papers")
    again, is_newer = bench.catalogue.create("papers")

    assert (again, is_new, is_newer) == (first, True, False)
    assert bench.catalogue.incarnation("papers") == first
    assert [c.name for c in bench.catalogue.collections()] == ["papers"]


def test_a_deleted_name_is_free_at_once_for_a_new_incarnation(bench: Workbench) -> None:
    first = bench.collection()

    assert bench.catalogue.drop("papers") == first
    assert bench.catalogue.drop("papers") is None
    assert not bench.catalogue.exists(first)
    assert bench.collection() != first


def test_one_collection_has_one_embedder(bench: Workbench, inc: str) -> None:
    bench.catalogue.agree_on_embedder(inc, MODEL)
    bench.catalogue.agree_on_embedder(inc, MODEL)

    with pytest.raises(EmbedderMismatch, match=r"quern reindex, or set .* QUERN_EMBEDDING_ENGINE"):
        bench.catalogue.agree_on_embedder(inc, replace(MODEL, revision="2"))


def test_a_collection_keeps_the_vector_settings_it_was_made_with(bench: Workbench) -> None:
    old, new = HnswSettings(), HnswSettings("ip", 400, 300, 64)
    before = bench.collection("before")
    catalogue = Catalogue(bench.redis, bench.scripts, hnsw=new)
    after, _ = catalogue.create("after")

    assert catalogue.create("before") == (before, False)
    assert catalogue.agree_on_embedder(before, MODEL) == Edition(before, MODEL, old)
    assert catalogue.agree_on_embedder(after, MODEL) == Edition(after, MODEL, new)
    assert catalogue.edition(after) == Edition(after, MODEL, new)
    assert [c.hnsw for c in catalogue.collections()] == [asdict(new), asdict(old)]


def test_a_collection_made_before_settings_were_recorded_has_none(
    bench: Workbench, inc: str
) -> None:
    bench.redis.hdel(key("collection", inc), "hnsw")

    assert bench.catalogue.agree_on_embedder(inc, MODEL).hnsw is None
    assert bench.catalogue.collections()[0].hnsw is None


def test_a_deleted_collection_does_not_exist_again_because_an_embedder_is_recorded(
    bench: Workbench, inc: str
) -> None:
    bench.catalogue.drop("papers")
    bench.catalogue.agree_on_embedder(inc, MODEL)

    assert not bench.catalogue.exists(inc)


def test_a_forgotten_incarnation_leaves_no_key(bench: Workbench, inc: str) -> None:
    _, (a, b) = bench.ingest(inc, "a", "b")
    bench.publish(a)
    bench.parse(b)
    bench.ledger.log_add(bench.take(b))
    bench.change_log.follow(inc, "follower", "1-1")
    bench.publish(bench.ingest(inc, "a")[1][0])
    bench.catalogue.drop("papers")
    bench.catalogue.forget(inc)

    assert list(bench.redis.scan_iter(match=f"*{inc}*")) == []


def test_a_row_of_a_deleted_collection_fails_and_publishes_nothing(
    bench: Workbench, inc: str
) -> None:
    job, (row, waiting) = bench.ingest(inc, "a", "b")
    bench.parse(row)
    unit = bench.take(row)
    entry = bench.ledger.log_add(unit)
    bench.catalogue.drop("papers")
    bench.catalogue.forget(inc)

    assert bench.flip(unit, entry=entry) == "failed"
    assert bench.catalogue.current(inc, ["a"]) == {}
    bench.parse(waiting)
    unit = bench.take(waiting)
    with pytest.raises(CollectionGone):
        bench.ledger.log_add(unit)
    assert bench.flip(unit) == "failed"
    assert bench.job_state(job) == "failed"
    # What its rows left behind is cleared with the grave.
    assert bench.catalogue.graves() == [inc]
    bench.catalogue.forget(inc)
    assert list(bench.redis.scan_iter(match=f"*{inc}*")) == []


def test_a_grave_is_forgotten_when_all_work_on_it_must_have_ended(
    bench: Workbench, inc: str
) -> None:
    bench.catalogue.drop("papers")
    bench.catalogue.bury(older_than_s=timings.GRAVE_S)
    kept = bench.catalogue.graves()
    bench.catalogue.bury(older_than_s=-1)

    assert kept == [inc]
    assert bench.catalogue.graves() == []


def test_a_collection_that_was_deleted_accepts_nothing(bench: Workbench, inc: str) -> None:
    bench.catalogue.drop("papers")

    with pytest.raises(CollectionGone):
        bench.ingest(inc, "a")


# Documents -----------------------------------------------------------------------------------


def test_the_first_publish_creates_the_next_updates_and_a_delete_removes(
    bench: Workbench, inc: str
) -> None:
    (first,) = bench.ingest(inc, "a:b")[1]
    (second,) = bench.ingest(inc, "a:b")[1]
    outcomes = [bench.publish(first), bench.publish(second, chunks=3, language="es")]
    now = bench.catalogue.current(inc, ["a:b", "nothing"])
    outcomes.append(bench.flip(bench.take(bench.delete(inc, "a:b")[1])))
    tombstone = bench.catalogue.current(inc, ["a:b"])["a:b"]

    assert outcomes == ["created", "updated", "removed"]
    assert list(now) == ["a:b"]
    assert (now["a:b"].chunks, now["a:b"].seq, now["a:b"].language) == (3, 2, "es")
    assert (tombstone.chunks, tombstone.seq, tombstone.language) == (0, 3, "")
    assert bench.catalogue.seq(inc) == 3
    assert bench.catalogue.document(inc, "a:b") is None
    assert bench.garbage(inc) == {bench.member(first), bench.member(second)}


def test_many_documents_of_any_name_are_looked_at_at_once(bench: Workbench, inc: str) -> None:
    odd = ['a"b', "a\\b", "ü:ß", "語", "a b", "\t", "\x00", "[1]", "null"]
    names = [*odd, *(f"d{n}" for n in range(2_500))]
    there = {name: f"{n + 1}:1:{n}:en" for n, name in enumerate(names)}
    bench.redis.hset(key("current", inc), mapping=there)
    now = bench.catalogue.current(inc, [*names, "nothing"])

    assert now == {name: Current(n + 1, 1, n, "en") for n, name in enumerate(names)}
    assert bench.catalogue.current(inc, ["nothing"]) == {}


def test_a_look_is_of_the_newest_flip_and_the_edition_in_use(bench: Workbench, inc: str) -> None:
    before = bench.catalogue.look(inc)
    bench.catalogue.agree_on_embedder(inc, MODEL)
    bench.publish(bench.ingest(inc, "a")[1][0])
    after = bench.catalogue.look(inc)
    entry, epoch = bench.change_log.newest(inc)

    assert (before.seq, before.entry, before.edition.embedder) == (0, "0-0", None)
    assert after == Look(1, bench.catalogue.edition(inc), entry, epoch, documents=1, waiting=0)
    assert (after.edition.embedder, entry != "0-0") == (MODEL, True)


def test_a_look_counts_the_documents_that_are_there_and_those_on_their_way(
    bench: Workbench, inc: str
) -> None:
    _, rows = bench.ingest(inc, "a", "b", "c")
    bench.publish(rows[0])

    look = bench.catalogue.look(inc)

    assert (look.documents, look.waiting) == (1, 2)


def test_a_second_look_tells_which_edition_is_searched_by_then(bench: Workbench, inc: str) -> None:
    assert bench.catalogue.look_again(inc, []) == ({}, bench.catalogue.edition(inc))
    bench.catalogue.agree_on_embedder(inc, MODEL)
    bench.publish(bench.ingest(inc, "a")[1][0])
    current, edition = bench.catalogue.look_again(inc, ["a", "b"])

    assert current == bench.catalogue.current(inc, ["a"])
    assert edition == bench.catalogue.edition(inc)
    assert edition.embedder == MODEL


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


def test_documents_are_listed_in_order_page_by_page(bench: Workbench, inc: str) -> None:
    for name in ("b", "a", "c:d"):
        bench.publish(bench.ingest(inc, name)[1][0])
    first, cursor = bench.catalogue.documents(inc, after="", limit=2)
    assert cursor is not None
    second, end = bench.catalogue.documents(inc, after=cursor, limit=2)

    assert [d["document_id"] for d in first + second] == ["a", "b", "c:d"]
    assert end is None
    assert dict(bench.catalogue.hashes(inc, made_by="")).keys() == {"a", "b", "c:d"}
    assert {name for name, _ in bench.catalogue.every_current(inc)} == {"a", "b", "c:d"}


def test_the_bytes_of_a_replaced_document_are_no_longer_a_duplicate(
    bench: Workbench, inc: str
) -> None:
    bench.publish(bench.ingest(inc, rows=[bench.row("a", content="old")])[1][0])
    bench.publish(bench.ingest(inc, rows=[bench.row("a", content="new")])[1][0])

    assert bench.redis.hgetall(key("contents", inc)) == {"sha-new": "a"}


# Garbage -------------------------------------------------------------------------------------


def test_garbage_is_due_after_a_minute_and_its_drop_is_logged_once(
    bench: Workbench, inc: str
) -> None:
    first, second = (bench.ingest(inc, "a:b")[1][0] for _ in range(2))
    bench.publish(first)
    bench.publish(second)
    assert bench.catalogue.garbage_due(inc) == []
    bench.redis.zadd(key("garbage", inc), {bench.member(first): 1})
    ((document, generation, chunks),) = bench.catalogue.garbage_due(inc)
    for _ in range(2):
        bench.catalogue.dropped(inc, document, generation, chunks)

    ops = [(e.op, e.document, e.generation) for e in bench.change_log.read(inc, "0-0")]
    old, new = (int(bench.field(row, "generation")) for row in (first, second))
    assert ops == [("add", "a:b", old), ("add", "a:b", new), ("drop", "a:b", old)]


@pytest.mark.parametrize("kind", ["open", "current", "garbage"])
def test_the_check_leaves_alone_what_somebody_knows(bench: Workbench, inc: str, kind: str) -> None:
    (row,) = bench.ingest(inc, "a")[1]
    bench.parse(row)
    if kind == "current":
        unit = bench.take(row)
        bench.flip(unit, entry=bench.ledger.log_add(unit))
    elif kind == "garbage":
        bench.ledger.cancel(row)
    document, generation, chunks = split_member(bench.member(row))

    assert bench.catalogue.orphan(inc, document, generation, chunks) == "known"
    assert bench.catalogue.orphan(inc, document, generation - 1, chunks) == "orphan"


@pytest.mark.parametrize(
    "lost", [["current"], ["current", "documents"], ["current", "newest", "documents"]]
)
def test_rows_whose_entry_the_catalogue_lost_are_no_garbage(
    bench: Workbench, inc: str, lost: list[str]
) -> None:
    (row,) = bench.ingest(inc, "a")[1]
    bench.publish(row)
    document, generation, chunks = split_member(bench.member(row))
    for name in lost:
        bench.redis.delete(key(name, inc))

    for _ in range(2):
        assert bench.catalogue.orphan(inc, document, generation, chunks) == "lost"
    assert bench.garbage(inc) == set()


def test_what_is_published_after_a_loss_does_not_make_garbage_of_the_rest(
    bench: Workbench, inc: str
) -> None:
    first, second = (bench.ingest(inc, name)[1][0] for name in "ab")
    bench.publish(first)
    bench.publish(second)
    bench.redis.delete(key("current", inc), key("documents", inc))
    assert bench.catalogue.orphan(inc, *split_member(bench.member(first))) == "lost"
    bench.publish(bench.ingest(inc, "c")[1][0])

    assert bench.catalogue.orphan(inc, *split_member(bench.member(second))) == "lost"
    assert bench.garbage(inc) == set()


# The change log ------------------------------------------------------------------------------


def test_the_log_is_trimmed_to_the_slowest_live_follower(bench: Workbench, inc: str) -> None:
    for name in "abc":
        bench.publish(bench.ingest(inc, name)[1][0])
    entries = [entry.id for entry in bench.change_log.read(inc, "0-0")]
    bench.change_log.follow(inc, "quick", entries[2])
    bench.change_log.follow(inc, "slow", entries[1])
    bench.change_log.trim(inc)
    told = bench.change_log.follow(inc, "slow", entries[1])

    # The entry at the slowest cursor itself stays; the newest that went is what is told.
    assert [entry.id for entry in bench.change_log.read(inc, "0-0")] == entries[1:]
    assert told is not None
    assert told[1] == entries[0]


def test_a_follower_that_is_not_live_holds_nothing_up(bench: Workbench, inc: str) -> None:
    for name in "ab":
        bench.publish(bench.ingest(inc, name)[1][0])
    entries = [entry.id for entry in bench.change_log.read(inc, "0-0")]
    bench.change_log.follow(inc, "live", entries[1])
    bench.change_log.follow(inc, "dead", entries[0])
    bench.redis.zincrby(key("followers", inc), -2 * timings.FOLLOWER_LIVE_MS, "dead")
    bench.change_log.trim(inc)

    assert [entry.id for entry in bench.change_log.read(inc, "0-0")] == entries[1:]


def test_a_trim_that_removes_nothing_moves_nobody_out(bench: Workbench, inc: str) -> None:
    bench.change_log.follow(inc, "new", "")
    for _ in range(2):
        bench.change_log.trim(inc)

    assert bench.redis.hget(key("log_state", inc), "trimmed_to") is None


def test_the_log_holds_a_bounded_number_of_entries(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timings, "LOG_ENTRIES", 2)
    bench = Workbench(redis_url)
    inc = bench.collection()
    bench.change_log.follow(inc, "stuck", "0-1")
    for name in "abcde":
        bench.publish(bench.ingest(inc, name)[1][0])
    bench.change_log.trim(inc)
    left = len(bench.change_log.read(inc, "0-0"))
    bench.close()

    assert left <= 3


def test_a_publish_waits_for_live_followers_only_and_not_for_ever(
    bench: Workbench, inc: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timings, "PUBLISH_WAIT_S", 1.0)
    (row,) = bench.ingest(inc, "a")[1]
    bench.parse(row)
    entry = bench.ledger.log_add(bench.take(row))
    looks: list[str] = []

    def wait() -> bool:
        return bench.change_log.wait_for_followers(
            inc, entry, give_up=lambda: looks.append(new_id())
        )

    assert wait() is False
    assert looks == []
    bench.change_log.follow(inc, "behind", "0-1")
    assert wait() is False
    assert looks
    bench.change_log.follow(inc, "there", entry)
    assert wait() is True
    bench.change_log.unfollow(inc, "behind")
    looks.clear()
    assert wait() is True
    assert looks == []
