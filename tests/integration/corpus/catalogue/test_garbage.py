"""Garbage on a real Redis: what may be deleted, and what is all there is of a document."""

import pytest

from corpus.catalogue.garbage import split_member
from protocol.keys import key
from tests.support.workbench import Workbench


@pytest.fixture
def inc(bench: Workbench) -> str:
    return bench.collection()


def test_garbage_is_due_after_a_minute_and_its_drop_is_logged_once(
    bench: Workbench, inc: str
) -> None:
    first, second = (bench.ingest(inc, "a:b")[1][0] for _ in range(2))
    bench.publish(first)
    bench.publish(second)
    assert bench.catalogue.garbage.due(inc) == []
    bench.redis.zadd(key("garbage", inc), {bench.member(first): 1})
    ((document, generation, chunks),) = bench.catalogue.garbage.due(inc)
    for _ in range(2):
        bench.catalogue.garbage.dropped(inc, document, generation, chunks)

    ops = [(e.op, e.document, e.generation) for e in bench.change_log.read(inc, "0-0")]
    old, new = (int(bench.field(row, "generation")) for row in (first, second))
    assert ops == [("add", "a:b", old), ("add", "a:b", new), ("drop", "a:b", old)]


@pytest.mark.parametrize("kind", ["open", "current", "garbage"])
def test_the_check_leaves_alone_what_somebody_knows(bench: Workbench, inc: str, kind: str) -> None:
    (row,) = bench.ingest(inc, "a")[1]
    bench.parse(row)
    if kind == "current":
        unit = bench.take(row)
        bench.activate(unit, entry=bench.log_add(unit))
    elif kind == "garbage":
        bench.ledger.submissions.cancel(row)
    document, generation, chunks = split_member(bench.member(row))

    assert bench.catalogue.garbage.orphan(inc, document, generation, chunks) == "known"
    assert bench.catalogue.garbage.orphan(inc, document, generation - 1, chunks) == "orphan"


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
        assert bench.catalogue.garbage.orphan(inc, document, generation, chunks) == "lost"
    assert bench.garbage(inc) == set()


def test_what_is_published_after_a_loss_does_not_make_garbage_of_the_rest(
    bench: Workbench, inc: str
) -> None:
    first, second = (bench.ingest(inc, name)[1][0] for name in "ab")
    bench.publish(first)
    bench.publish(second)
    bench.redis.delete(key("current", inc), key("documents", inc))
    assert bench.catalogue.garbage.orphan(inc, *split_member(bench.member(first))) == "lost"
    bench.publish(bench.ingest(inc, "c")[1][0])

    assert bench.catalogue.garbage.orphan(inc, *split_member(bench.member(second))) == "lost"
    assert bench.garbage(inc) == set()
