"""Retries and cancels of many rows on a real Redis, begun by one process and ended by another."""

from collections.abc import Mapping

import pytest

from jobs.document_rows import RowMaker, RowSource
from jobs.errors import CollectionGone, IdempotencyConflict, Sealed
from jobs.ledger.slices import Slices
from jobs.ledger.submissions import Idempotency, Submissions
from jobs.long_jobs import LongJobs
from protocol.ids import new_id
from protocol.keys import key
from protocol.scripts import Scripts
from tests.support.workbench import RETENTION_S, Workbench, now_ms, window
from tests.support.worlds.dict_blobs import DictBlobs

PIPELINE = "1"


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.ledger.pace.MOST_ROWS", 2)


def long_jobs(bench: Workbench, *, limit: int = 100) -> LongJobs:
    """What another process has: the service of the workers."""
    return LongJobs(bench.ledger, limit=limit, question_limit=1, blobs=DictBlobs())


def failed_job(bench: Workbench, *documents: str, good: str = "") -> str:
    """An ended ingest; the documents in *good* are there, the others failed."""
    job, maker = new_id(), RowMaker(PIPELINE)
    sources = [
        RowSource(document, f"sha-{document}", 3, document, "", "{}") for document in documents
    ]
    rows = [maker.row(job, source, priority="batch", of_all="{}") for source in sources]
    bench.ingest(bench.collection(), rows=rows, job_id=job)
    for row in rows:
        if row["document"] in good:
            bench.publish(str(row["id"]))
        else:
            fail(bench, str(row["id"]))
    return job


def fail(bench: Workbench, row: str) -> None:
    bench.ledger.work.finish(bench.take(row), state="failed", fields={"error": "{}"})


def begin(
    bench: Workbench,
    old: str,
    *,
    idempotency: Idempotency | None = None,
    retention_s: int = RETENTION_S,
) -> str:
    """What a web process does of a retry before it dies."""
    job = bench.ledger.rows.job(old)
    assert job is not None
    scripts = Scripts(bench.redis, retention_s=retention_s, event_retention_s=60)
    return Slices(bench.redis, scripts, bench.ledger.outbox).begin_retry(
        new_id(),
        job={
            "kind": "ingest", "incarnation": job["incarnation"], "on_duplicate": "index",
            "metadata": "{}", "priority": "batch", "retry_of": old,
            "fill_total": job["total"], "pipeline": PIPELINE,
        },
        deadline_s=300,
        idempotency=idempotency,
    )  # fmt: skip


def documents(bench: Workbench, job: str) -> list[str]:
    rows = bench.ledger.rows.documents(job, first=0, last=99)
    return [row["document"] for row in rows]


def seen(bench: Workbench, job: str) -> Mapping[str, str]:
    row = bench.ledger.rows.job(job)
    assert row is not None
    return row


def test_a_retry_whose_process_died_is_filled_and_sealed_by_a_worker(bench: Workbench) -> None:
    old = failed_job(bench, *"abcdefg", good="bf")
    retry = begin(bench, old)
    assert seen(bench, retry)["filling"] == "1"
    long_jobs(bench).turn()

    assert documents(bench, retry) == list("acdeg")
    assert (seen(bench, retry)["total"], seen(bench, retry)["sealed"]) == ("5", "1")
    assert "filling" not in seen(bench, retry)
    for row in bench.ledger.rows.documents(retry, first=0, last=8):
        bench.publish(f"{retry}:{row_name(bench, retry, row['document'])}")
    assert bench.job_state(retry) == "succeeded"
    assert bench.redis.zcard(key("filling")) == 0


def row_name(bench: Workbench, job: str, document: str) -> str:
    names = bench.redis.lrange(key("rows", job), 0, -1)
    return next(
        name.removeprefix(f"{job}:") for name in names if bench.field(name, "document") == document
    )


def test_a_retry_that_comes_again_is_the_same_job_until_it_has_ended(bench: Workbench) -> None:
    old = failed_job(bench, "a")
    first = begin(bench, old)
    repeated = begin(bench, old)
    long_jobs(bench).turn()
    filled = begin(bench, old)
    bench.cancel_job(first)
    later = begin(bench, old)

    assert (repeated, filled) == (first, first)
    assert later != first


def test_a_key_of_a_retry_leads_to_it_after_its_end_too(bench: Workbench) -> None:
    old, other = failed_job(bench, "a"), failed_job(bench, "b")
    asked = Idempotency("key", "body")
    first = begin(bench, old, idempotency=asked)
    bench.cancel_job(first)

    assert begin(bench, old, idempotency=asked) == first
    with pytest.raises(IdempotencyConflict):
        begin(bench, other, idempotency=Idempotency("key", "of another job"))


def test_a_second_key_of_a_retry_is_not_kept_longer_than_the_retry(bench: Workbench) -> None:
    old = failed_job(bench, "a")
    first = begin(bench, old, idempotency=Idempotency("one", "body"), retention_s=60)
    second = begin(bench, old, idempotency=Idempotency("two", "body"), retention_s=60)

    assert first == second
    assert bench.redis.ttl(key("idempotency", "one")) > 60
    assert 0 < bench.redis.ttl(key("idempotency", "two")) <= 60


def test_a_question_that_is_retried_twice_is_asked_once(bench: Workbench) -> None:
    def retry(old: str) -> str:
        return bench.ledger.submissions.submit(
            new_id(),
            stage="retrieve",
            fields={
                "kind": "query", "class": "batch", "owner": "batch", "priority": 9,
                "request": "{}", "retry_of": old,
            },
            limit=9,
            deadline_s=9,
        )  # fmt: skip

    old = bench.ask()
    bench.ledger.submissions.cancel(old)
    first = retry(old)

    assert retry(old) == first
    bench.ledger.submissions.cancel(first)
    assert retry(old) != first


def test_a_slice_that_comes_twice_is_there_once(bench: Workbench) -> None:
    old = failed_job(bench, *"abcd")
    retry = begin(bench, old)
    job = dict(seen(bench, retry))
    source = RowSource("a", "sha-a", 3, "a", "", "{}")
    row = RowMaker(PIPELINE).row(retry, source, priority="batch", of_all="{}")
    for _ in range(2):
        bench.ledger.slices.fill(retry, job, [row], start=0, end=2, limit=9)
    # A slow process that read the job before comes with rows that another one has passed.
    other = RowMaker("2").row(retry, source, priority="batch", of_all="{}")
    bench.ledger.slices.fill(retry, job, [other], start=0, end=4, limit=9)
    long_jobs(bench).turn()

    assert documents(bench, retry) == list("acd")


def test_a_retry_waits_for_room_and_goes_on(bench: Workbench) -> None:
    window(bench, 0)
    old = failed_job_of_many(bench, 5)
    retry = begin(bench, old)
    service = long_jobs(bench, limit=4)  # nine tenths of it, whole ones: three
    service.turn()
    service.turn()
    assert seen(bench, retry)["total"] == "3"
    # So long it waited that the job would be late.
    bench.redis.zadd(key("deadlines", "job"), {retry: 1})
    bench.ledger.maintenance.expire("job")
    assert seen(bench, retry)["filling"] == "1"
    window(bench, 9)
    while bench.job_state(retry) != "failed":
        for name in bench.in_flight("ingest"):
            fail(bench, name)
        service.turn()

    assert documents(bench, retry) == ["0", "1", "2", "3", "4"]


def failed_job_of_many(bench: Workbench, many: int) -> str:
    window(bench, many)
    job = failed_job(bench, *map(str, range(many)))
    window(bench, 0)
    return job


def test_a_retry_waits_while_redis_is_nearly_full(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    retry = begin(bench, failed_job(bench, *"abc"))
    monkeypatch.setattr("jobs.long_jobs.MEMORY_SHARE", 0.0)
    long_jobs(bench).turn()
    assert seen(bench, retry)["total"] == "0"
    monkeypatch.undo()
    long_jobs(bench).turn()

    assert seen(bench, retry)["total"] == "3"


def test_a_cancel_stops_the_filling(bench: Workbench) -> None:
    old = failed_job(bench, *"abc")
    retry = begin(bench, old)
    bench.ledger.submissions.cancel_job(retry)
    long_jobs(bench).turn()

    assert (bench.job_state(retry), documents(bench, retry)) == ("cancelled", [])


def test_a_retry_whose_collection_is_deleted_is_cancelled(bench: Workbench) -> None:
    old = failed_job(bench, *"abc")
    retry = begin(bench, old)
    bench.catalogue.collections.drop("papers")
    long_jobs(bench).turn()

    assert bench.job_state(retry) == "cancelled"
    with pytest.raises(CollectionGone):
        begin(bench, old)


def test_a_retry_whose_rows_cannot_be_read_is_cancelled_and_holds_up_no_other(
    bench: Workbench,
) -> None:
    first, second = failed_job(bench, "a"), failed_job(bench, "b")
    broken, whole = begin(bench, first), begin(bench, second)
    bench.redis.hset(key("unit", bench.redis.lindex(key("rows", first), 0)), "size", "many")
    long_jobs(bench).turn()

    assert bench.job_state(broken) == "cancelled"
    assert documents(bench, whole) == ["b"]


def test_a_key_whose_job_was_forgotten_early_is_forgotten_too(bench: Workbench) -> None:
    first = begin(bench, failed_job(bench, "a"), idempotency=Idempotency("key", "body"))
    bench.cancel_job(first)
    after = ""
    while True:
        _, after = bench.scripts("forget", after, 10, 0)
        if after == "":
            break

    assert bench.ledger.rows.job(first) is None
    assert not bench.redis.exists(key("idempotency", "key"))


def test_a_job_that_is_being_filled_takes_nothing_else(bench: Workbench) -> None:
    old = failed_job(bench, *"abc")
    retry = begin(bench, old)
    bench.ledger.submissions.seal(retry)
    with pytest.raises(Sealed):
        bench.ingest(bench.collection(), "x", job_id=retry, keep_open=True)
    long_jobs(bench).turn()

    assert documents(bench, retry) == list("abc")


def test_a_retry_of_nothing_ends_at_once(bench: Workbench) -> None:
    old, _ = bench.ingest(bench.collection(), keep_open=True)
    bench.cancel_job(old)
    retry = begin(bench, old)
    long_jobs(bench).turn()

    assert bench.job_state(retry) == "succeeded"


def test_a_cancel_whose_process_died_is_ended_by_a_worker(bench: Workbench) -> None:
    window(bench, 1)
    job, rows = bench.ingest(bench.collection(), *"abcdef")
    running = bench.take(rows[0])
    bench.ledger.submissions.cancel_job(job)
    long_jobs(bench).turn()

    assert [bench.state(row) for row in rows] == ["running"] + 5 * ["cancelled"]
    assert bench.redis.zrange(key("stopping"), 0, -1) == [job]
    assert bench.ledger.work.renew([running]) == ["stop"]
    bench.ledger.work.finish(running, state="succeeded", fields={})
    assert bench.job_state(job) == "cancelled"
    assert bench.redis.zcard(key("stopping")) == 0


# Deadlines of an open ingest -------------------------------------------------------------------


def aged(bench: Workbench, job: str, *, by_s: float) -> None:
    """Let a job be older than it is."""
    deadline = int(seen(bench, job)["deadline"]) - int(by_s * 1000)
    created = int(seen(bench, job)["created"]) - int(by_s * 1_000_000)
    bench.redis.hset(key("job", job), mapping={"deadline": deadline, "created": created})
    bench.redis.zadd(key("deadlines", "job"), {job: deadline})


@pytest.mark.parametrize("earlier_build", [False, True])
def test_a_row_of_an_open_ingest_has_the_whole_time_from_its_own_acceptance(
    bench: Workbench, *, earlier_build: bool
) -> None:
    inc = bench.collection()
    job, (first,) = bench.ingest(inc, "a", keep_open=True)
    if earlier_build:  # which did not say how long its rows have
        bench.redis.hdel(key("job", job), "deadline_ms")
    for document in "bc":
        aged(bench, job, by_s=290)
        _, (row,) = bench.ingest(inc, document, job_id=job, keep_open=True)

        left_ms = int(bench.field(row, "deadline")) - now_ms(bench)
        assert 299_000 < left_ms <= 300_000
        assert seen(bench, job)["deadline"] == bench.field(row, "deadline")
        assert bench.redis.zscore(key("deadlines", "job"), job) == int(bench.field(row, "deadline"))
    bench.publish(first)
    forgotten_ms = now_ms(bench) + bench.redis.pttl(key("unit", first))
    assert forgotten_ms >= int(seen(bench, job)["deadline"])


def test_an_open_ingest_that_gets_nothing_is_sealed_and_ended(bench: Workbench) -> None:
    job, (row,) = bench.ingest(bench.collection(), "a", keep_open=True)
    bench.publish(row)
    aged(bench, job, by_s=310)
    bench.ledger.maintenance.expire("job")

    assert bench.job_state(job) == "succeeded"


# Keys of callers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["question", "ingest"])
def test_a_callers_key_is_forgotten_with_its_job(bench: Workbench, what: str) -> None:
    scripts = Scripts(bench.redis, retention_s=60, event_retention_s=60)
    submissions = Submissions(scripts, bench.ledger.outbox)
    asked = Idempotency("key", "body")
    if what == "question":
        name = submissions.submit(
            new_id(),
            stage="retrieve",
            fields={
                "kind": "query", "class": "batch", "owner": "batch", "priority": 9,
                "request": "{}",
            },
            limit=9,
            deadline_s=9,
            idempotency=asked,
        )  # fmt: skip
        submissions.cancel(name)
        row = key("unit", name)
    else:
        name = submissions.accept(
            new_id(),
            job={"kind": "ingest", "incarnation": bench.collection()},
            rows=[],
            limit=9,
            deadline_s=9,
            idempotency=asked,
        )
        row = key("job", name)

    assert 0 < bench.redis.ttl(key("idempotency", "key")) <= bench.redis.ttl(row) <= 60
