"""The rows of an ingest on a real Redis: each ends once, and its job with the last of them."""

import logging
from collections.abc import Callable

import pytest

from jobs.counters import read_counters
from jobs.errors import Sealed
from jobs.events import read_events
from jobs.ledger.pace import MOST_ROWS
from jobs.ledger.work import Output, Refusal
from jobs.units import Unit
from protocol import timings
from protocol.ids import new_id
from protocol.keys import key
from protocol.timings import PROGRESS_EVENTS
from tests.support.workbench import RETENTION_S, Workbench, kinds, now_ms, window

ENDS: dict[str, Callable[[Workbench, str], object]] = {
    "ok": lambda bench, row: bench.publish(row),
    "bad": lambda bench, row: bench.ledger.work.finish(
        bench.take(row), state="failed", fields={"error": "{}"}
    ),
    "late": lambda bench, row: bench.ledger.maintenance.expire("ingest", most=bench.late(row)),
    "cancel": lambda bench, row: bench.ledger.submissions.cancel(row),
}


def test_the_same_row_twice_in_one_request_is_one_row(bench: Workbench) -> None:
    row = bench.row("a")
    job, _ = bench.ingest(bench.collection(), rows=[row, dict(row)])

    assert bench.redis.lrange(key("rows", job), 0, -1) == [row["id"]]
    assert bench.redis.hget(key("job", job), "total") == "1"


def test_every_claim_of_a_row_brings_what_its_job_says_of_all(bench: Workbench) -> None:
    given = bench.row("a") | {"own_metadata": '{"b":2}'}
    _, (row,) = bench.ingest(bench.collection(), rows=[given], metadata='{"a":1,"b":1}')
    first, again = (bench.claim(row, holder="one") for _ in range(2))
    assert isinstance(first, Unit)
    assert isinstance(again, Unit)
    fields: dict[str, str | int] = {"chunks": 1, "manifest_blob": "m", "text_blob": "t"}
    (gone_on,) = bench.ledger.work.hand_over([Output(first, fields)], stage="publish", goes_on=True)
    assert isinstance(gone_on, Unit)
    bench.ledger.work.release(gone_on, at_once=True)

    assert bench.field(row, "job_metadata") == ""
    for unit in (first, again, gone_on, bench.take(row)):
        assert unit.metadata == {"a": 1, "b": 2}


def test_two_contents_of_one_document_in_one_request_leave_the_second(bench: Workbench) -> None:
    inc = bench.collection()
    _, (first, second) = bench.ingest(inc, "a", "a")
    outcomes = [bench.publish(second), bench.publish(first)]

    assert outcomes == ["created", "superseded"]
    assert bench.catalogue.generations.current(inc, ["a"])["a"].generation == int(
        bench.field(second, "generation")
    )


@pytest.mark.parametrize("newest", ["current", "open", "failed", "a delete"])
def test_unchanged_is_said_only_if_the_newest_accepted_generation_is_current(
    bench: Workbench, newest: str
) -> None:
    inc = bench.collection()
    _, (row,) = bench.ingest(inc, rows=[bench.row("a", content="same")])
    bench.publish(row)
    if newest == "a delete":
        bench.activate(bench.take(bench.delete(inc, "a")[1]))
    elif newest != "current":
        _, (other,) = bench.ingest(inc, rows=[bench.row("a", content="other")])
        if newest == "failed":
            bench.ledger.work.finish(bench.take(other), state="failed", fields={"error": "{}"})
    job, (again,) = bench.ingest(inc, rows=[bench.row("a", content="same")])

    if newest == "current":
        assert bench.field(again, "outcome") == "unchanged"
        assert bench.job_state(job) == "succeeded"
    else:
        assert bench.state(again) == "queued"
        assert bench.publish(again) == ("created" if newest == "a delete" else "updated")


@pytest.mark.parametrize(
    ("policy", "state", "outcome"),
    [("index", "queued", ""), ("skip", "succeeded", "duplicate_of"), ("fail", "failed", "")],
)
def test_a_document_with_the_bytes_of_another_is_treated_as_asked(
    bench: Workbench, policy: str, state: str, outcome: str
) -> None:
    inc = bench.collection()
    _, (first,) = bench.ingest(inc, rows=[bench.row("a", content="same")])
    bench.publish(first)
    _, (twin,) = bench.ingest(inc, rows=[bench.row("b", content="same")], on_duplicate=policy)

    assert (bench.state(twin), bench.field(twin, "outcome")) == (state, outcome)


def test_a_document_is_no_duplicate_of_one_that_is_being_deleted(bench: Workbench) -> None:
    inc = bench.collection()
    _, (first,) = bench.ingest(inc, rows=[bench.row("a", content="same")])
    bench.publish(first)
    bench.delete(inc, "a")
    _, (twin,) = bench.ingest(inc, rows=[bench.row("b", content="same")], on_duplicate="skip")

    assert bench.state(twin) == "queued"


def test_an_open_job_takes_more_until_it_is_closed_and_ends_with_its_last_row(
    bench: Workbench,
) -> None:
    inc = bench.collection()
    job, (first,) = bench.ingest(inc, "a", keep_open=True)
    bench.publish(first)
    assert bench.job_state(job) == "running"
    _, (second,) = bench.ingest(inc, "b", job_id=job, keep_open=True)
    bench.ledger.submissions.seal(job)
    bench.publish(second)

    assert bench.job_state(job) == "succeeded"
    with pytest.raises(Sealed):
        bench.ingest(inc, "c", job_id=job, keep_open=True)


def test_an_accept_repeated_after_its_answer_was_lost_is_no_error(bench: Workbench) -> None:
    inc = bench.collection()
    rows = [bench.row("a"), bench.row("b")]
    job, _ = bench.ingest(inc, rows=rows, limit=2)

    assert bench.ingest(inc, rows=rows, job_id=job, limit=2)[0] == job
    assert bench.redis.hget(key("job", job), "total") == "2"


def test_documents_for_a_job_that_is_forgotten_are_refused(bench: Workbench) -> None:
    with pytest.raises(Sealed):
        bench.ledger.submissions.accept(
            new_id(),
            job={"incarnation": bench.collection(), "on_duplicate": "index"},
            rows=[bench.row("a")],
            limit=9,
            deadline_s=9,
            keep_open=True,
        )


@pytest.mark.parametrize(
    ("ends", "state"),
    [
        (["ok", "ok"], "succeeded"),
        (["ok", "bad"], "partial"),
        (["ok", "late"], "partial"),
        (["ok", "cancel"], "partial"),
        (["bad", "bad"], "failed"),
        (["late", "late"], "expired"),
        (["cancel", "bad"], "failed"),
    ],
)
def test_the_state_of_an_ingest_follows_from_its_rows(
    bench: Workbench, ends: list[str], state: str
) -> None:
    job, rows = bench.ingest(bench.collection(), *(f"d{n}" for n in range(len(ends))))
    bench.ledger.submissions.listen(job)
    for end, row in zip(ends, rows, strict=True):
        ENDS[end](bench, row)

    assert bench.job_state(job) == state
    counted = read_counters(bench.redis)
    assert counted.finished == {("ingest", "ok" if state == "succeeded" else state): 1}
    assert sum(counted.documents.values()) == len(ends)
    assert kinds(bench, job).count("done") == 1


def test_a_cancelled_ingest_ends_its_waiting_rows_at_once_and_its_running_ones_soon(
    bench: Workbench,
) -> None:
    window(bench, 2)
    job, rows = bench.ingest(bench.collection(), *"abcd", keep_open=True)
    running = bench.take(rows[0])
    bench.publish(rows[1])
    bench.cancel_job(job)
    states = [bench.state(row) for row in rows]

    assert states == ["running", "succeeded", "cancelled", "cancelled"]
    assert bench.hand_over(running, stage="publish", fields={"chunks": 1}) == "cancelled"
    assert bench.job_state(job) == "cancelled"
    with pytest.raises(Sealed):
        bench.ingest(bench.collection(), "e", job_id=job, keep_open=True)


def test_a_cancel_of_many_rows_ends_them_all_and_lets_others_have_their_places(
    bench: Workbench,
) -> None:
    window(bench, 2)
    many = 3 * MOST_ROWS
    job, rows = bench.ingest(bench.collection(), *(f"d{n}" for n in range(many)))
    other, (later,) = bench.ingest(bench.collection(), "a")
    bench.cancel_job(job)

    assert {bench.state(row) for row in rows} == {"cancelled"}
    assert bench.job_state(job) == "cancelled"
    bench.publish(later)
    assert bench.job_state(other) == "succeeded"


def test_a_cancel_that_dies_after_its_first_step_still_stops_every_row(bench: Workbench) -> None:
    job, (running, waiting) = bench.ingest(bench.collection(), *"ab")
    unit = bench.take(running)
    bench.scripts("cancel_job", job)

    assert bench.ledger.work.renew([unit]) == ["stop"]
    assert bench.ledger.work.finish(unit, state="succeeded", fields={}) == "cancelled"
    assert bench.claim(waiting) == Refusal("closed")
    assert bench.job_state(job) == "cancelled"


def test_an_open_ingest_without_documents_ends_as_cancelled_or_succeeded(
    bench: Workbench,
) -> None:
    inc = bench.collection()
    cancelled, _ = bench.ingest(inc, keep_open=True)
    closed, _ = bench.ingest(inc, keep_open=True)
    bench.cancel_job(cancelled)
    bench.ledger.submissions.seal(closed)

    assert (bench.job_state(cancelled), bench.job_state(closed)) == ("cancelled", "succeeded")


def test_a_cancel_of_an_ended_ingest_changes_nothing(bench: Workbench) -> None:
    job, (row,) = bench.ingest(bench.collection(), "a")
    bench.publish(row)
    before = bench.redis.hgetall(key("job", job))
    bench.cancel_job(job)

    assert bench.redis.hgetall(key("job", job)) == before


def test_no_row_is_forgotten_before_its_job(bench: Workbench) -> None:
    job, (first, second) = bench.ingest(bench.collection(), *"ab")
    bench.publish(first)
    # The second ends just before the deadline, as late as it can.
    bench.publish(second)

    last = bench.redis.expiretime(key("job", job)) if _has_expiretime(bench) else None
    deadline_s = int(bench.redis.hget(key("job", job), "deadline")) / 1000
    for row in (first, second):
        gone_at = now_ms(bench) / 1000 + bench.redis.pttl(key("unit", row)) / 1000
        assert gone_at >= deadline_s + RETENTION_S - 1
        assert last is None or gone_at >= last
    assert 0 < bench.redis.ttl(key("rows", job)) <= RETENTION_S


def _has_expiretime(bench: Workbench) -> bool:
    return int(bench.redis.info("server")["redis_version"].split(".")[0]) >= 7


def test_an_open_ingest_past_its_deadline_ends(bench: Workbench) -> None:
    job, (row,) = bench.ingest(bench.collection(), "a", keep_open=True)
    bench.publish(row)
    bench.redis.zadd(key("deadlines", "job"), {job: 1})
    bench.ledger.maintenance.expire("job")

    assert bench.job_state(job) == "succeeded"
    assert bench.redis.zcard(key("deadlines", "job")) == 0


def _late_claim(bench: Workbench, unit: str) -> None:
    bench.redis.hset(key("unit", unit), "deadline", 1)
    bench.ledger.work.claim(unit, stage="retrieve", holder="w", bodies=0, quarantine_running=False)


def _late(bench: Workbench, unit: str) -> None:
    bench.ledger.maintenance.expire("interactive", most=bench.late(unit))


def _killed(bench: Workbench, unit: str) -> None:
    bench.sweep("retrieve")
    for _ in range(timings.MAX_DEATHS):
        bench.take(unit)
        bench.die_and_be_found(unit)


@pytest.mark.parametrize(
    ("ends", "state"), [(_late, "expired"), (_late_claim, "expired"), (_killed, "failed")]
)
def test_an_end_that_no_body_writes_is_logged(
    bench: Workbench,
    caplog: pytest.LogCaptureFixture,
    ends: Callable[[Workbench, str], None],
    state: str,
) -> None:
    asked = bench.ask()
    with caplog.at_level(logging.INFO, logger="jobs.ledger"):
        ends(bench, asked)

    told = [line for line in caplog.records if line.getMessage() == "finished"]
    assert [(vars(line)["job_id"], vars(line)["state"]) for line in told] == [(asked, state)]


def test_the_progress_of_a_large_ingest_takes_a_short_stream(bench: Workbench) -> None:
    documents = [f"d{n}" for n in range(2 * PROGRESS_EVENTS)]
    job, rows = bench.ingest(bench.collection(), *documents)
    bench.ledger.submissions.listen(job)
    for row in rows:
        bench.ledger.submissions.cancel(row)
    told = read_events(bench.redis, job, "0-0")

    assert len(told) < PROGRESS_EVENTS + 30  # Redis forgets whole nodes of a stream
    assert [event.kind for event in told[-2:]] == ["progress", "done"]
    assert told[-2].data["done"] == told[-2].data["total"] == len(documents)
