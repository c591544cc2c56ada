"""Collections on a real Redis: names, collections, and what is left of deleted ones."""

import pytest

from jobs.errors import CollectionGone
from protocol import timings
from tests.support.workbench import Workbench


@pytest.fixture
def inc(bench: Workbench) -> str:
    return bench.collection()


def test_a_name_is_made_once_and_points_at_one_collection_id(bench: Workbench) -> None:
    first, is_new = bench.catalogue.collections.create("papers")
    again, is_newer = bench.catalogue.collections.create("papers")

    assert (again, is_new, is_newer) == (first, True, False)
    assert bench.catalogue.collections.collection_id("papers") == first
    assert [c.name for c in bench.catalogue.collections.all()] == ["papers"]


def test_a_deleted_name_is_free_at_once_for_a_new_collection(bench: Workbench) -> None:
    first = bench.collection()

    assert bench.catalogue.collections.drop("papers") == first
    assert bench.catalogue.collections.drop("papers") is None
    assert not bench.catalogue.collections.exists(first)
    assert bench.collection() != first


def test_a_forgotten_collection_leaves_no_key(bench: Workbench, inc: str) -> None:
    _, (a, b) = bench.ingest(inc, "a", "b")
    bench.publish(a)
    bench.parse(b)
    bench.log_add(bench.take(b))
    bench.change_log.follow(inc, "follower", "1-1")
    bench.publish(bench.ingest(inc, "a")[1][0])
    bench.catalogue.collections.drop("papers")
    bench.catalogue.collections.forget(inc)

    assert list(bench.redis.scan_iter(match=f"*{inc}*")) == []


def test_a_row_of_a_deleted_collection_fails_and_publishes_nothing(
    bench: Workbench, inc: str
) -> None:
    job, (row, waiting) = bench.ingest(inc, "a", "b")
    bench.parse(row)
    unit = bench.take(row)
    entry = bench.log_add(unit)
    bench.catalogue.collections.drop("papers")
    bench.catalogue.collections.forget(inc)

    assert bench.activate(unit, entry=entry) == "failed"
    assert bench.catalogue.generations.current(inc, ["a"]) == {}
    bench.parse(waiting)
    unit = bench.take(waiting)
    with pytest.raises(CollectionGone):
        bench.log_add(unit)
    assert bench.activate(unit) == "failed"
    assert bench.job_state(job) == "failed"
    # What its rows left behind is cleared with the deleted collection.
    assert bench.catalogue.collections.deleted_collections() == [inc]
    bench.catalogue.collections.forget(inc)
    assert list(bench.redis.scan_iter(match=f"*{inc}*")) == []


def test_a_deleted_collection_is_forgotten_when_all_work_on_it_must_have_ended(
    bench: Workbench, inc: str
) -> None:
    bench.catalogue.collections.drop("papers")
    bench.catalogue.collections.forget_deleted(older_than_s=timings.DELETED_COLLECTION_S)
    kept = bench.catalogue.collections.deleted_collections()
    bench.catalogue.collections.forget_deleted(older_than_s=-1)

    assert kept == [inc]
    assert bench.catalogue.collections.deleted_collections() == []


def test_a_collection_that_was_deleted_accepts_nothing(bench: Workbench, inc: str) -> None:
    bench.catalogue.collections.drop("papers")

    with pytest.raises(CollectionGone):
        bench.ingest(inc, "a")
