"""Purging on the real ledger: what ended long ago goes, what is open or current stays."""

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from intake.purge import Purge
from jobs.archive.archive import Archive
from jobs.ledger.archiving import EndedRow
from jobs.ledger.purging import Purging
from jobs.requests import PurgeRequest
from protocol.keys import key
from tests.support.workbench import Workbench

DAY_US = 86_400 * 10**6
LONG_AGO = PurgeRequest(older_than_s=86_400)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive")


@pytest.fixture
def purge(bench: Workbench, archive: Archive) -> Purge:
    return Purge(Purging(bench.redis, bench.scripts), archive)


def ended_question(bench: Workbench) -> str:
    unit_id = bench.ask()
    bench.ledger.work.finish(bench.take(unit_id), state="succeeded", fields={"result": "{}"})
    return unit_id


def ended_ingest(bench: Workbench, *documents: str) -> tuple[str, list[str]]:
    job_id, rows = bench.ingest(bench.collection(), *documents)
    for row in rows:
        bench.parse(row)
        bench.publish(row)
    return job_id, rows


def long_ago(bench: Workbench, *job_ids: str) -> None:
    """Let jobs have been submitted and ended two days ago."""
    then = int(time.time() * 1e6) - 2 * DAY_US
    for number, job_id in enumerate(job_ids):
        bench.redis.zadd(key("jobs"), {job_id: then + number})
        for name in ("unit", "job"):
            if bench.redis.exists(key(name, job_id)):
                bench.redis.hset(key(name, job_id), "finished", then)


def archived(bench: Workbench, archive: Archive, *unit_ids: str) -> str:
    """Move rows to the archive; returns their segment."""
    rows = bench.ledger.archiving.read(unit_ids)
    pointers = archive.write([row.fields for row in rows], until_s=time.time() + 9_999)
    told: list[tuple[EndedRow, str]] = list(zip(rows, pointers, strict=True))
    assert bench.ledger.archiving.replace(told) == len(unit_ids)
    return pointers[0].partition(".")[0]


def everything(purge: Purge, request: PurgeRequest = LONG_AGO) -> tuple[int, int]:
    jobs, documents, after = 0, 0, ("0", "")
    while True:
        told, following = purge.page(request, after=after)
        jobs, documents = jobs + told["jobs"], documents + told["documents"]
        if following is None:
            return jobs, documents
        after = following


def of_job(bench: Workbench, job_id: str) -> list[str]:
    return sorted(bench.redis.scan_iter(match=f"*{job_id}*"))


def test_questions_and_ingests_that_ended_long_ago_leave_nothing(
    bench: Workbench, purge: Purge
) -> None:
    question = ended_question(bench)
    ingest, rows = ended_ingest(bench, "a", "b", "c")
    fresh = ended_question(bench)
    before = bench.redis.hgetall(key("documents", bench.collection()))
    long_ago(bench, question, ingest)

    assert everything(purge) == (2, 3)

    for gone in (question, ingest, *rows):
        assert of_job(bench, gone) == []
    assert bench.redis.zrange(key("jobs"), 0, -1) == [fresh]
    assert bench.state(fresh) == "succeeded"
    assert bench.redis.hgetall(key("documents", bench.collection())) == before
    assert everything(purge) == (0, 0)  # and once more


def test_what_is_open_stays_however_old_it_is(bench: Workbench, purge: Purge) -> None:
    waiting = bench.ask()
    ingest, rows = bench.ingest(bench.collection(), "a", "b")
    bench.parse(rows[0])
    bench.publish(rows[0])
    long_ago(bench, waiting, ingest)

    assert everything(purge) == (0, 0)

    assert bench.state(waiting) == "queued"
    assert [bench.state(row) for row in rows] == ["succeeded", "queued"]


def test_a_dry_run_counts_and_a_collection_is_purged_alone(bench: Workbench, purge: Purge) -> None:
    question = ended_question(bench)
    ingest, _ = ended_ingest(bench, "a")
    long_ago(bench, question, ingest)
    bench.redis.hset(key("job", ingest), "collection", "papers")

    assert everything(purge, PurgeRequest(older_than_s=86_400, dry_run=True)) == (2, 1)
    assert everything(purge, PurgeRequest(older_than_s=86_400, collection="papers")) == (1, 1)

    assert bench.state(question) == "succeeded"
    assert of_job(bench, ingest) == []


def test_a_job_of_many_rows_is_forgotten_in_slices_and_may_be_left_in_between(
    bench: Workbench, purge: Purge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.ledger.pace.MOST_ROWS", 2)
    ingest, rows = ended_ingest(bench, *"abcde")
    long_ago(bench, ingest)
    first = bench.scripts("purge", ingest, int(time.time() * 1e6) - DAY_US, "", 2, 0)

    assert first[:3] == [0, 2, "1"]
    assert bench.redis.lrange(key("rows", ingest), 0, -1) == rows[:3]
    assert everything(purge) == (1, 3)
    assert of_job(bench, ingest) == []


def test_a_segment_goes_with_the_last_row_that_lies_in_it(
    bench: Workbench, purge: Purge, archive: Archive, tmp_path: Path
) -> None:
    question, other = ended_question(bench), ended_question(bench)
    ingest, rows = ended_ingest(bench, "a", "b")
    segment = archived(bench, archive, question, *rows, other)
    path = tmp_path / "archive" / segment[:4] / segment[4:]
    long_ago(bench, question, ingest)

    assert everything(purge) == (2, 2)
    assert path.exists()
    assert bench.ledger.archiving.ended(before_ms=2**52, most=9) == []

    long_ago(bench, other)
    assert everything(purge) == (1, 0)
    assert not path.exists()
    assert bench.redis.exists(key("purged")) == 0


def test_while_a_backup_reads_files_none_goes_and_the_next_purge_deletes_it(
    bench: Workbench, purge: Purge, archive: Archive, tmp_path: Path
) -> None:
    question = ended_question(bench)
    segment = archived(bench, archive, question)
    path = tmp_path / "archive" / segment[:4] / segment[4:]
    long_ago(bench, question)
    bench.redis.set(key("lock", "backup"), "somebody")

    assert everything(purge) == (1, 0)
    assert path.exists()

    bench.redis.delete(key("lock", "backup"))
    assert everything(purge) == (0, 0)
    assert not path.exists()


def test_a_call_ends_in_time_and_the_next_one_goes_on(
    bench: Workbench, purge: Purge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("intake.purge._STEP", 1)
    ids = [ended_question(bench) for _ in range(3)]
    long_ago(bench, *ids)

    clock: Callable[[], float] = iter(n / 10 for n in range(1_000)).__next__
    monkeypatch.setattr("intake.purge._CALL_S", 0.35)
    monkeypatch.setattr("intake.purge.time.monotonic", clock)
    told, following = purge.page(LONG_AGO)

    assert following is not None
    assert 0 < told["jobs"] < 3
    assert told["jobs"] + everything(purge)[0] == 3


def test_a_dry_run_of_several_calls_counts_each_job_once(
    bench: Workbench, purge: Purge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("intake.purge._STEP", 2)
    long_ago(bench, *(ended_question(bench) for _ in range(7)))
    clock: Callable[[], float] = iter(n / 10 for n in range(1_000)).__next__
    monkeypatch.setattr("intake.purge._CALL_S", 0.35)
    monkeypatch.setattr("intake.purge.time", SimpleNamespace(monotonic=clock, time=time.time))

    assert everything(purge, PurgeRequest(older_than_s=86_400, dry_run=True)) == (7, 0)


def test_a_job_whose_retry_is_open_stays_until_that_has_ended(
    bench: Workbench, purge: Purge
) -> None:
    ingest, _ = ended_ingest(bench, "a")
    retry, _ = bench.ingest(bench.collection(), "b", keep_open=True)
    long_ago(bench, ingest)
    bench.redis.set(key("retried", ingest), retry)

    assert everything(purge) == (0, 0)

    bench.redis.delete(key("retried", ingest))
    assert everything(purge) == (1, 1)


def test_many_jobs_of_many_rows_are_forgotten_some_at_a_time_and_no_row_is_left(
    bench: Workbench, purge: Purge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.ledger.pace.MOST_ROWS", 3)
    ingests = [ended_ingest(bench, *"abcd")[0] for _ in range(5)]
    questions = [ended_question(bench) for _ in range(4)]
    long_ago(bench, *ingests, *questions)

    assert everything(purge, PurgeRequest(older_than_s=86_400, dry_run=True)) == (9, 20)
    assert everything(purge) == (9, 20)
    assert [of_job(bench, job) for job in (*ingests, *questions)] == [[]] * 9
