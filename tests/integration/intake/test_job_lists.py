"""Lists of jobs: what is rare is found without a look at all that is not."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from corpus.blobs import BlobStore
from intake.lookup.jobs import NEWEST, JobLookup
from intake.lookup.views import JobView
from jobs.heartbeats import WorkerState
from protocol import timings
from protocol.keys import key
from tests.support.workbench import Workbench, window

USUAL = 450  # more than are looked at together


class Lists:
    """Asks for pages of jobs, and counts the rows that are looked at for them."""

    def __init__(self, bench: Workbench, folder: Path) -> None:
        rows = bench.ledger.rows
        self.looked_at = 0

        def kept(names: list[str]) -> list[dict[str, str]]:
            self.looked_at += len(names)
            return rows.kept(names)

        counting = SimpleNamespace(kept=kept, sights=rows.sights)
        view = JobView(bench.redis, BlobStore(folder), bench.change_log)
        self._lookup = JobLookup(bench.redis, counting, view, retention_s=3_600)  # type: ignore[arg-type]

    def all(
        self, *, state: str | None = None, kind: str | None = None, given_up: bool = False
    ) -> list[str]:
        """Return the ids of all jobs of a state and kind, page by page."""
        self.looked_at, found, after = 0, [], NEWEST
        while True:
            page, last = self._lookup.page(
                state=state, kind=kind, collection=None, given_up=given_up, after=after, limit=7
            )
            found += [job["id"] for job in page]
            if last is None:
                return found
            after = last

    def first(self, *, workers: Sequence[WorkerState] = ()) -> list[dict[str, Any]]:
        """Return the newest jobs."""
        page, _ = self._lookup.page(
            state=None, kind=None, collection=None, limit=10, workers=workers
        )
        return page


@pytest.fixture
def lists(bench: Workbench, tmp_path: Path) -> Iterator[Lists]:
    return Lists(bench, tmp_path / "blobs")


def cancelled(bench: Workbench) -> str:
    unit = bench.ask()
    bench.ledger.submissions.cancel(unit)
    return unit


def failed_ingest(bench: Workbench, collection_id: str) -> str:
    job, (row,) = bench.ingest(collection_id, "a.md")
    bench.ledger.work.finish(bench.take(row), state="failed", fields={"error": "{}"})
    return job


def kill(bench: Workbench, unit: str) -> None:
    """Let workers die over a unit until it is given up."""
    for _ in range(timings.MAX_DEATHS):
        bench.take(unit)
        bench.die_and_be_found(unit)


def test_what_is_rare_is_found_without_a_look_at_the_others(bench: Workbench, lists: Lists) -> None:
    collection = bench.collection()
    failed = [failed_ingest(bench, collection)]
    for _ in range(USUAL):
        cancelled(bench)
    failed.append(failed_ingest(bench, collection))
    waiting = bench.ask()

    assert lists.all(state="failed") == failed[::-1]
    assert lists.looked_at <= len(failed)
    assert lists.all(kind="ingest") == failed[::-1]
    assert lists.all(state="queued") == [waiting]
    assert lists.all(state="expired") == lists.all(kind="check") == []
    assert lists.looked_at == 0
    assert len(lists.all(state="cancelled", kind="query")) == USUAL
    assert len(lists.all()) == USUAL + 3


def test_jobs_of_an_earlier_build_are_listed_after_those_of_this_one(
    bench: Workbench, lists: Lists
) -> None:
    collection = bench.collection()
    old = [failed_ingest(bench, collection) for _ in range(3)]
    still_open = bench.ask()
    listed = bench.redis.keys(key("jobs_by", "*"))
    bench.redis.delete(*listed, key("jobs_by_from"))
    new = failed_ingest(bench, collection)

    assert lists.all(state="failed") == [new, *old[::-1]]
    assert lists.all(state="queued") == [still_open]
    bench.ledger.submissions.cancel(still_open)
    assert lists.all(state="cancelled") == [still_open]


@pytest.mark.parametrize("way", ["forget", "purge", "their rows are gone"])
def test_jobs_that_are_forgotten_are_in_no_list(bench: Workbench, lists: Lists, way: str) -> None:
    gone = failed_ingest(bench, bench.collection())
    if way == "forget":
        bench.scripts("forget", "", 10, 0)
    elif way == "purge":
        bench.scripts("purge", gone, 10**16, "", 10, "")
    else:
        bench.redis.delete(key("job", gone))
        bench.redis.zadd(key("jobs"), {gone: 1})
        bench.scripts("forget_jobs", "0", 10)

    assert bench.redis.keys(key("jobs_by", "*")) == []
    assert lists.all() == lists.all(state="failed") == []


def test_jobs_of_which_something_was_given_up_are_listed(bench: Workbench, lists: Lists) -> None:
    bench.sweep("retrieve")
    bench.sweep("ingest")
    collection = bench.collection()
    failed_ingest(bench, collection)
    cancelled(bench)
    question = bench.ask()
    kill(bench, question)
    ingest, (poison, _) = bench.ingest(collection, "b.md", "c.md")
    kill(bench, poison)

    assert bench.job_state(ingest) == "running"
    assert lists.all(given_up=True) == [ingest, question]
    assert lists.all(given_up=True, state="failed") == [question]
    assert lists.looked_at == 2
    told = {job["id"]: job for job in lists.first()}
    assert told[ingest]["progress"]["given_up"] == 1
    assert told[question]["error"]["type"] == "too_many_attempts"
    bench.scripts("purge", question, 10**16, "", 10, "")
    assert lists.all(given_up=True) == [ingest]


def test_jobs_that_wait_are_listed_with_their_places(bench: Workbench, lists: Lists) -> None:
    window(bench, 0)
    first, second = bench.ask(), bench.ask()
    job, _ = bench.ingest(bench.collection(), "a.md")
    bench.redis.hset(key("pace", "retrieve"), "mean_us", "2000000")
    worker = WorkerState("w", "retrieve", 1, "here", ["retrieve"], 2)

    told = {one["id"]: one for one in lists.first(workers=[worker])}

    assert told[first]["queue"] == {"position": 1, "eta_s": 3.0}
    assert told[second]["queue"] == {"position": 2, "eta_s": 4.0}
    assert "queue" not in told[job]
    cancelled(bench)
    assert "queue" not in lists.first()[0]


def test_a_retry_tells_how_many_of_its_rows_it_has(bench: Workbench, lists: Lists) -> None:
    collection = bench.collection()
    before = failed_ingest(bench, collection)
    job = {
        "kind": "ingest", "incarnation": collection, "retry_of": before, "fill_total": "300",
        "pipeline": "1", "collection": "papers", "class": "ingest",
    }  # fmt: skip
    retry = bench.ledger.slices.begin_retry("retry", job=job, deadline_s=60)
    bench.redis.hset(key("job", retry), "fill_at", "50")

    told = {one["id"]: one for one in lists.first()}

    assert told[retry]["filled"] == {"done": 50, "total": 300}
    assert "filled" not in told[before]
