"""The ledger on a real Redis: what is accepted ends, once, and leaves nothing behind."""

import logging
import random
from collections import Counter
from collections.abc import Callable
from itertools import count
from pathlib import Path

import orjson
import pytest
from celery import Celery

from corpus.blobs import BlobStore
from corpus.durable import Durable
from jobs.errors import Full, IdempotencyConflict, Sealed
from jobs.events import read_events
from jobs.ledger.ledger import Ledger
from jobs.ledger.submissions import CANCELLED_TOGETHER, Idempotency
from jobs.ledger.work import Output, Refusal
from jobs.tallies import read_tallies
from jobs.units import FINAL_STATES, Piece, Unit
from protocol import timings
from protocol.ids import new_id
from protocol.keys import PREFIX, key
from protocol.messages import CLASSES, ROLES, Message
from rag.errors import LeaseLost
from tasks.sending import sender
from tests.support.waiting import until
from tests.support.workbench import RETENTION_S, Workbench, window
from workers.housekeeping import Chore, Sweeper


def kinds(bench: Workbench, job_id: str) -> list[str]:
    return [event.kind for event in read_events(bench.redis, job_id, "0-0")]


def now_ms(bench: Workbench) -> float:
    seconds, micros = bench.redis.time()
    return float(seconds * 1_000 + micros / 1_000)


# Questions -----------------------------------------------------------------------------------


def test_a_question_goes_through_its_stages_and_tells_each_step(bench: Workbench) -> None:
    asked = bench.ask()
    bench.hand_over(
        bench.take(asked), stage="generate", fields={"sources": "[]"}, event="sources", data={}
    )
    bench.ledger.work.finish(
        bench.take(asked), state="succeeded", fields={"result": '{"answer":"x"}'}
    )

    assert bench.sent == [Message(asked, "retrieve", 0), Message(asked, "generate", 0)]
    assert kinds(bench, asked) == ["state", "state", "stage", "sources", "stage", "done"]
    counted = read_tallies(bench.redis)
    assert counted.submitted["query"] == counted.finished["query", "ok"] == 1
    assert sum(counted.finished.values()) == sum(counted.durations["query"].buckets) == 1


def test_a_second_attempt_tells_readers_to_start_anew(bench: Workbench) -> None:
    asked = bench.ask()
    bench.ledger.work.release(bench.take(asked), at_once=True)
    bench.take(asked)

    assert kinds(bench, asked)[-2:] == ["reset", "stage"]


def test_the_events_of_an_ended_job_and_its_row_are_forgotten_in_time(bench: Workbench) -> None:
    asked = bench.ask()
    bench.ledger.work.finish(bench.take(asked), state="succeeded", fields={"result": "{}"})

    assert 0 < bench.redis.ttl(key("events", asked)) <= 3_600
    assert RETENTION_S - 10 < bench.redis.ttl(key("unit", asked)) <= RETENTION_S
    assert not bench.redis.exists(key("claim", asked))


def test_the_same_idempotency_key_gives_the_same_job_and_another_body_is_refused(
    bench: Workbench,
) -> None:
    def submit(body: str) -> str:
        return bench.ledger.submissions.submit(
            new_id(),
            stage="retrieve",
            fields={"kind": "query", "class": "batch", "owner": "batch", "priority": 9},
            limit=1,
            deadline_s=10,
            idempotency=Idempotency("k", body),
        )

    first = submit("one")

    assert submit("one") == first
    with pytest.raises(IdempotencyConflict):
        submit("two")


def test_a_full_lane_takes_no_more_and_says_how_full_it_is(bench: Workbench) -> None:
    bench.ask(limit=1)

    with pytest.raises(Full) as full:
        bench.ask(limit=1)
    assert (full.value.limit, full.value.depth) == (1, 1)


def test_a_submit_repeated_after_its_answer_was_lost_leaves_the_running_unit_alone(
    bench: Workbench,
) -> None:
    asked = bench.ask()
    unit = bench.take(asked)

    assert bench.ask(unit_id=asked, limit=1) == asked
    assert bench.field(asked, "epoch") == unit.epoch
    assert bench.waiting("retrieve") == []


def test_a_claim_repeated_after_its_answer_was_lost_is_the_same_claim(bench: Workbench) -> None:
    asked = bench.ask()
    first = bench.claim(asked, holder="me/1")
    again = bench.claim(asked, holder="me/1")

    assert isinstance(first, Unit)
    assert isinstance(again, Unit)
    assert again.epoch == first.epoch
    assert bench.claim(asked, holder="me/2") == Refusal("claimed")


def test_interactive_goes_first_and_owners_take_turns(bench: Workbench) -> None:
    window(bench, 0)
    names = {}
    for owner in ("x", "x", "x", "y"):
        names[bench.ask(priority="batch", owner=owner)] = owner
    names[bench.ask()] = "interactive"
    window(bench, 5)

    assert [names[message.unit_id] for message in bench.sent] == ["interactive", "x", "y", "x", "x"]


def test_a_released_unit_waits_at_the_front_of_its_lane_without_a_death(bench: Workbench) -> None:
    window(bench, 1)
    first, second = bench.ask(), bench.ask()
    bench.ledger.work.release(bench.take(first), at_once=False)

    assert bench.waiting("retrieve") == [first, second]
    assert bench.deaths(first) == 0
    bench.ledger.upkeep.dispatch("retrieve")
    assert bench.in_flight("retrieve") == {first}


def test_a_repeated_release_changes_nothing(bench: Workbench) -> None:
    asked = bench.ask()
    unit = bench.take(asked)
    bench.ledger.work.release(unit, at_once=True)
    sent = len(bench.sent)
    bench.ledger.work.release(unit, at_once=True)

    assert len(bench.sent) == sent


def test_a_message_that_cannot_be_sent_is_sent_by_the_sweeper(bench: Workbench) -> None:
    def away(_: Message) -> None:
        raise ConnectionError("no broker")

    silent = Ledger(bench.redis, scripts=bench.scripts, send=away)
    fields: dict[str, str | int] = {"kind": "query", "class": "batch", "owner": "batch"}
    fields["priority"] = 9
    asked = silent.submissions.submit(
        new_id(), stage="retrieve", fields=fields, limit=9, deadline_s=9
    )
    bench.due(asked)
    bench.sweep("retrieve")

    assert bench.sent == [Message(asked, "retrieve", 9)]


def test_a_lost_message_is_sent_again_ever_more_rarely(bench: Workbench) -> None:
    asked = bench.ask()
    waits = []
    for _ in range(5):
        bench.due(asked)
        bench.sweep("retrieve")
        seconds, _ = bench.redis.time()
        score = bench.redis.zscore(key("inflight", "retrieve"), asked)
        waits.append(round(score / 1000 - seconds, -1))

    assert waits == [30, 60, 120, 120, 120]


def test_a_message_is_not_sent_again_while_nobody_consumes(bench: Workbench) -> None:
    asked = bench.ask()
    bench.due(asked)

    assert bench.ledger.upkeep.sweep("retrieve", consumed=False, run_id="r") == 0
    assert asked in bench.in_flight("retrieve")


# Cancelling ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dispatched", [False, True])
def test_what_waits_is_cancelled_in_the_call_itself(bench: Workbench, dispatched: bool) -> None:
    window(bench, 1 if dispatched else 0)
    asked = bench.ask()

    assert bench.ledger.submissions.cancel(asked) == "cancelled"
    assert bench.ledger.submissions.cancel(asked) == "cancelled"
    assert bench.claim(asked) == Refusal("final")


def test_a_cancel_of_what_ended_answers_its_state_and_of_nothing_answers_none(
    bench: Workbench,
) -> None:
    asked = bench.ask()
    bench.ledger.work.finish(bench.take(asked), state="failed", fields={"error": "{}"})

    assert bench.ledger.submissions.cancel(asked) == "failed"
    assert bench.ledger.submissions.cancel("nothing") is None


def test_a_running_unit_learns_of_its_cancel_at_its_next_write(bench: Workbench) -> None:
    asked = bench.ask()
    unit = bench.take(asked)

    assert bench.ledger.work.tell([Piece(unit, 1, "some")]) == ["ok"]
    assert bench.ledger.submissions.cancel(asked) == "running"
    assert bench.ledger.work.tell([Piece(unit, 2, "more")]) == ["stop"]
    assert bench.ledger.work.renew([unit]) == ["stop"]
    assert bench.hand_over(unit, stage="generate", fields={}) == "cancelled"


def test_a_cancelled_unit_that_is_given_back_ends_there(bench: Workbench) -> None:
    asked = bench.ask()
    unit = bench.take(asked)
    bench.ledger.submissions.cancel(asked)
    bench.ledger.work.release(unit, at_once=False)

    assert bench.state(asked) == "cancelled"


# Deaths --------------------------------------------------------------------------------------


def test_after_three_deaths_a_unit_is_a_dead_letter(bench: Workbench) -> None:
    bench.sweep("retrieve")
    asked = bench.ask()
    for _ in range(timings.MAX_DEATHS):
        bench.take(asked)
        bench.die_and_be_found(asked)

    assert bench.state(asked) == "failed"
    assert orjson.loads(bench.field(asked, "error"))["type"] == "too_many_attempts"
    assert read_tallies(bench.redis).finished == {("query", "lost"): 1}


@pytest.mark.parametrize("by", ["another run id", "the sweeper's own gap"])
def test_no_death_is_counted_after_redis_was_away(bench: Workbench, by: str) -> None:
    bench.sweep("retrieve")
    asked = bench.ask()
    bench.take(asked)
    bench.die(asked)
    bench.due(asked)
    before_ms = now_ms(bench)
    if by == "another run id":
        bench.sweep("retrieve", run_id="restarted")
    else:
        bench.sweep("retrieve", away=True)
    bench.sweep("generate", run_id="restarted")

    assert bench.deaths(asked) == 0
    assert isinstance(bench.claim(asked), Unit)
    assert bench.deaths(asked) == 0
    quiet_ms = bench.redis.pttl(key("quiet"))
    assert quiet_ms <= timings.QUIET_MS
    assert now_ms(bench) + quiet_ms >= before_ms + timings.QUIET_MS - 5


def test_the_deaths_of_a_unit_that_kills_the_only_sweeper_are_counted(bench: Workbench) -> None:
    bench.sweep("retrieve")
    asked = bench.ask()
    for _ in range(timings.MAX_DEATHS):
        bench.take(asked)
        bench.die(asked)
        bench.due(asked)
        # Nobody swept for a minute: the sweeper was in the process that died.
        bench.redis.hincrby(key("watch"), "last", -60_000)
        bench.sweep("retrieve")

    assert bench.state(asked) == "failed"


def test_a_claim_before_the_first_sweep_after_a_gap_counts_no_death(bench: Workbench) -> None:
    bench.sweep("retrieve")
    asked = bench.ask()
    bench.take(asked)
    bench.die(asked)
    bench.redis.hincrby(key("watch"), "last", -60_000)
    bench.take(asked)

    assert bench.deaths(asked) == 0


def test_a_slow_worker_may_still_write_until_another_one_claims(bench: Workbench) -> None:
    asked = bench.ask()
    slow = bench.take(asked)
    bench.die_and_be_found(asked)
    bench.ledger.work.tell([Piece(slow, 1, "late")])
    bench.take(asked)

    assert bench.ledger.work.tell([Piece(slow, 2, "too late")]) == ["lost"]
    assert bench.ledger.work.renew([slow]) == ["lost"]
    events = read_events(bench.redis, asked, "0-0")
    assert [event.data["text"] for event in events if event.kind == "token"] == ["late"]


# Ingests -------------------------------------------------------------------------------------


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
        bench.flip(bench.take(bench.delete(inc, "a")[1]))
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


ENDS: dict[str, Callable[[Workbench, str], object]] = {
    "ok": lambda bench, row: bench.publish(row),
    "bad": lambda bench, row: bench.ledger.work.finish(
        bench.take(row), state="failed", fields={"error": "{}"}
    ),
    "late": lambda bench, row: bench.ledger.upkeep.expire("ingest", most=bench.late(row)),
    "cancel": lambda bench, row: bench.ledger.submissions.cancel(row),
}


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
    for end, row in zip(ends, rows, strict=True):
        ENDS[end](bench, row)

    assert bench.job_state(job) == state
    counted = read_tallies(bench.redis)
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
    bench.ledger.submissions.cancel_job(job)
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
    many = 3 * CANCELLED_TOGETHER
    job, rows = bench.ingest(bench.collection(), *(f"d{n}" for n in range(many)))
    other, (later,) = bench.ingest(bench.collection(), "a")
    bench.ledger.submissions.cancel_job(job)

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
    bench.ledger.submissions.cancel_job(cancelled)
    bench.ledger.submissions.seal(closed)

    assert (bench.job_state(cancelled), bench.job_state(closed)) == ("cancelled", "succeeded")


def test_a_cancel_of_an_ended_ingest_changes_nothing(bench: Workbench) -> None:
    job, (row,) = bench.ingest(bench.collection(), "a")
    bench.publish(row)
    before = bench.redis.hgetall(key("job", job))
    bench.ledger.submissions.cancel_job(job)

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


def test_the_list_of_jobs_forgets_what_is_long_gone(bench: Workbench) -> None:
    asked = bench.ask()
    bench.redis.zadd(key("jobs"), {"ancient": 1})
    bench.ledger.upkeep.expire("job")

    assert bench.redis.zrange(key("jobs"), 0, -1) == [asked]


def test_an_open_ingest_past_its_deadline_ends(bench: Workbench) -> None:
    job, (row,) = bench.ingest(bench.collection(), "a", keep_open=True)
    bench.publish(row)
    bench.redis.zadd(key("deadlines", "job"), {job: 1})
    bench.ledger.upkeep.expire("job")

    assert bench.job_state(job) == "succeeded"
    assert bench.redis.zcard(key("deadlines", "job")) == 0


def _late_claim(bench: Workbench, unit: str) -> None:
    bench.redis.hset(key("unit", unit), "deadline", 1)
    bench.ledger.work.claim(unit, stage="retrieve", holder="w", bodies=0, solo_running=False)


def _late(bench: Workbench, unit: str) -> None:
    bench.ledger.upkeep.expire("interactive", most=bench.late(unit))


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


# Nothing is lost, nothing ends twice ---------------------------------------------------------


class Storm:
    """
    Random steps of people, workers, zombies and time, and what must hold after each.

    Messages are never taken from the list: every one may come again, late, or never.
    """

    WINDOW = 3
    DOCUMENTS = ("a", "b", "c")

    def __init__(self, bench: Workbench, seed: int) -> None:
        self.bench = bench
        self.random = random.Random(seed)
        self.incarnation = bench.collection()
        self.units: list[str] = []
        self.jobs: list[str] = []
        self.hands: list[Unit] = []  # every claim ever made: zombies among them
        self.alive: list[Unit] = []
        self.ends: dict[str, dict[str, str]] = {}
        self.generations: dict[str, int] = {}
        window(bench, self.WINDOW)
        for role in ROLES:
            bench.sweep(role)

    def step(self) -> None:
        """Do one thing."""
        steps = {
            self.ask: 3, self.ingest: 2, self.delete: 1, self.deliver: 12, self.end: 8,
            self.pass_on: 8, self.zombie: 4, self.kill: 3, self.renew: 2, self.give_back: 1,
            self.cancel: 1, self.cancel_job: 1, self.time_passes: 6, self.too_late: 1,
        }  # fmt: skip
        self.random.choices(list(steps), weights=list(steps.values()))[0]()

    def ask(self) -> None:
        if len(self.open_units()) < 12:
            priority = self.random.choice(["interactive", "batch"])
            self.units.append(self.bench.ask(priority=priority))

    def ingest(self) -> None:
        if len(self.open_units()) < 12:
            documents = self.random.choices(self.DOCUMENTS, k=self.random.randint(1, 3))
            rows = [
                self.bench.row(name, content=f"{name}{self.random.randint(0, 2)}")
                for name in documents
            ]
            job, names = self.bench.ingest(self.incarnation, rows=rows)
            self.jobs.append(job)
            self.units += names

    def delete(self) -> None:
        job, row = self.bench.delete(self.incarnation, self.random.choice(self.DOCUMENTS))
        self.jobs.append(job)
        self.units.append(row)

    def deliver(self) -> None:
        if not self.bench.sent:
            return
        # Recent messages more often, else almost all would be of ended units.
        message = self.random.choice(self.bench.sent[-self.random.choice([3, 10, 1_000]) :])
        taken = self.bench.claim(message.unit_id, stage=message.stage)
        if isinstance(taken, Unit):
            self.hands.append(taken)
            self.alive.append(taken)

    def act(self, unit: Unit, *, fails: bool = False) -> None:
        """Write what the body of a unit's stage writes at its end."""
        ledger = self.bench.ledger
        try:
            match unit.stage:
                case _ if fails:
                    ledger.work.finish(unit, state="failed", fields={"error": "{}"})
                case "retrieve":
                    self.bench.hand_over(unit, stage="generate", fields={"sources": "[]"})
                case "parse":
                    fields: dict[str, str | int] = {"chunks": 2, "manifest_blob": "m"}
                    self.bench.hand_over(unit, stage="publish", fields=fields)
                case "publish":
                    self.bench.flip(unit, entry=self.bench.log_add(unit))
                case "remove":
                    self.bench.flip(unit)
                case _:
                    ledger.work.finish(
                        unit, state="succeeded", fields={"result": f'"{unit.epoch}"'}
                    )
        except LeaseLost:
            assert self.bench.field(unit.id, "epoch") != unit.epoch or unit.id in self.final()
        else:
            self.alive = [other for other in self.alive if other.id != unit.id]

    def end(self) -> None:
        if self.alive:
            self.act(self.random.choice(self.alive), fails=self.random.random() < 0.1)

    def pass_on(self) -> None:
        if self.alive:
            self.act(self.random.choice(self.alive))

    def zombie(self) -> None:
        if self.hands:
            unit = self.random.choice(self.hands)
            if self.bench.ledger.work.tell([Piece(unit, 1, "anybody?")]) == ["lost"]:
                return
            assert self.bench.field(unit.id, "epoch") == unit.epoch
            self.act(unit)

    def kill(self) -> None:
        if self.alive:
            dead = self.alive.pop(self.random.randrange(len(self.alive)))
            if self.bench.redis.get(key("claim", dead.id)) == dead.epoch:
                self.bench.die(dead.id)

    def renew(self) -> None:
        if self.hands:
            unit = self.random.choice(self.hands)
            self.bench.ledger.work.renew([unit])

    def give_back(self) -> None:
        if self.alive:
            unit = self.alive.pop()
            self.bench.ledger.work.release(unit, at_once=self.random.random() < 0.5)

    def cancel(self) -> None:
        if self.units:
            self.bench.ledger.submissions.cancel(self.random.choice(self.units[-10:]))

    def cancel_job(self) -> None:
        if self.jobs:
            self.bench.ledger.submissions.cancel_job(self.random.choice(self.jobs[-5:]))

    def time_passes(self) -> None:
        role = self.random.choice(ROLES)
        for unit in self.bench.in_flight(role):
            if self.random.random() < 0.5:
                self.bench.due(unit)
        self.bench.sweep(role)

    def too_late(self) -> None:
        if open_units := self.open_units():
            self.bench.late(self.random.choice(open_units))
            for unit_class in CLASSES:
                self.bench.ledger.upkeep.expire(unit_class)

    def final(self) -> dict[str, dict[str, str]]:
        """Return the rows of units that have ended."""
        return {name: row for name, row in self.rows().items() if row["state"] in FINAL_STATES}

    def rows(self) -> dict[str, dict[str, str]]:
        pipe = self.bench.redis.pipeline(transaction=False)
        for name in self.units:
            pipe.hgetall(key("unit", name))
        return dict(zip(self.units, pipe.execute(), strict=True))

    def open_units(self) -> list[str]:
        return [name for name in self.units if name not in self.ends]

    def check(self) -> None:
        """Assert what holds after every step."""
        bench, rows = self.bench, self.rows()
        waiting = [name for role in ROLES for name in bench.waiting(role)]
        flying = [name for role in ROLES for name in bench.in_flight(role)]
        ended = [name for name, row in rows.items() if row["state"] in FINAL_STATES]
        dated = [n for c in CLASSES if c != "job" for n in self.members("deadlines", c)]

        assert sorted(waiting + flying + ended) == sorted(self.units), "each unit in one place"
        assert sorted(dated) == sorted(waiting + flying), "each open unit has a deadline"
        assert all(len(bench.in_flight(role)) <= self.WINDOW for role in ROLES), "window exceeded"
        for name in ended:
            told = {k: v for k, v in rows[name].items() if k in ("state", "result", "outcome")}
            assert self.ends.setdefault(name, told) == told, "a final state changed"
            cancelled = rows[name].get("cancel") == "1"
            assert not (cancelled and told["state"] == "succeeded"), "a cancel was forgotten"
        self.check_claims(waiting + ended)
        self.check_jobs(rows, ended)
        self.check_documents(rows, ended)

    def members(self, name: str, *parts: str) -> list[str]:
        members: list[str] = self.bench.redis.zrange(key(name, *parts), 0, -1)
        return members

    def check_claims(self, idle: list[str]) -> None:
        if idle:
            claims = self.bench.redis.mget([key("claim", name) for name in idle])
            assert not any(claims), "something that does not run is claimed"

    def check_jobs(self, rows: dict[str, dict[str, str]], ended: list[str]) -> None:
        for job in self.jobs:
            held = self.bench.redis.smembers(key("open", job))
            mine = {name for name, row in rows.items() if row.get("job") == job}
            assert held == mine - set(ended)
            state = self.bench.job_state(job)
            assert (state in FINAL_STATES) == (not held)
            if not held:
                assert self.ends.setdefault(job, {"state": state}) == {"state": state}

    def check_tallies(self) -> None:
        """Assert that once all has ended, each end was counted once, and as what it was."""
        counted, rows = read_tallies(self.bench.redis), self.rows()
        states: Counter[tuple[str, str]] = Counter()
        for name in [name for name, row in rows.items() if "job" not in row] + self.jobs:
            row = rows.get(name) or self.bench.redis.hgetall(key("job", name))
            lost = "too_many_attempts" in row.get("error", "")
            state = "lost" if lost else row["state"].replace("succeeded", "ok")
            states[row["kind"], state] += 1
        assert counted.finished == states
        for kind, number in counted.submitted.items():
            assert sum(counted.durations[kind].buckets) == number
        documents = [name for name, row in rows.items() if "job" in row]
        assert sum(counted.documents.values()) == len(documents)

    def check_documents(self, rows: dict[str, dict[str, str]], ended: list[str]) -> None:
        bench, inc = self.bench, self.incarnation
        live = {n: r for n, r in rows.items() if "generation" in r and n not in ended}
        opened = {f"{row['document']}:{row['generation']}" for row in live.values()}
        assert bench.redis.smembers(key("opened", inc)) == opened
        logged = bench.redis.smembers(key("add_logged", inc))
        assert {member.rpartition(":")[0] for member in logged} <= opened
        current = bench.catalogue.generations.current(inc, self.DOCUMENTS)
        garbage = bench.garbage(inc)
        for document, now in current.items():
            assert now.generation >= self.generations.get(document, 0), "a document went back"
            self.generations[document] = now.generation
        for name in ended:
            row = rows[name]
            if row.get("outcome") in ("created", "updated", "removed"):
                assert current[row["document"]].generation >= int(row["generation"])
            if "generation" in row and row.get("chunks", "0") != "0":
                held = current.get(row["document"])
                is_current = held is not None and held.generation == int(row["generation"])
                assert is_current != (bench.member(name) in garbage)

    def final_states(self) -> set[str]:
        return {end["state"] for end in self.ends.values()}

    def settle(self) -> None:
        """Let everything end: workers that live, sweepers that come by."""
        for _ in range(200):
            for role in ROLES:
                for unit in self.bench.in_flight(role):
                    self.bench.die(unit)
                    self.bench.due(unit)
                self.bench.sweep(role)
                for unit in self.bench.in_flight(role):
                    taken = self.bench.claim(unit)
                    if isinstance(taken, Unit):
                        self.act(taken)
            self.check()
            if not self.open_units():
                return
        raise AssertionError(f"never ended: {self.open_units()}")


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_each_unit_is_in_one_place_and_ends_once(
    bench: Workbench, seed: int
) -> None:
    storm = Storm(bench, seed)
    for step in count():
        # The order of ids is chance, whatever the seed: some storms take longer to be one.
        if step >= 250 and len(storm.final_states()) >= 4:
            break
        assert step < 2_000, "the storm is too calm"
        storm.step()
        storm.check()
    storm.settle()

    left = {name.removeprefix(PREFIX).split(":")[0] for name in bench.redis.scan_iter()}
    assert left <= {
        "unit", "job", "rows", "jobs", "events", "tallies", "pace", "turns", "window", "watch",
        "collection", "collections", "current", "newest", "documents", "names", "contents", "log",
        "log_state", "garbage", "news",
    }  # fmt: skip
    for name in bench.redis.scan_iter(match=f"{PREFIX}unit:*"):
        assert bench.redis.ttl(name) > 0
    for job in storm.jobs:
        for name in ("job", "rows", "events"):
            assert bench.redis.ttl(key(name, job)) > 0
    storm.check_tallies()


# The sweeper ---------------------------------------------------------------------------------


class Swept:
    """A sweeper on a clock of its own, and a unit whose worker has died."""

    def __init__(self, bench: Workbench, folder: Path, clock: pytest.MonkeyPatch) -> None:
        self.bench = bench
        self.now_s = 1_000.0
        clock.setattr("workers.housekeeping.time.monotonic", lambda: self.now_s)
        self.durable = Durable(
            redis=bench.redis,
            ledger=bench.ledger,
            catalogue=bench.catalogue,
            change_log=bench.change_log,
            blobs=BlobStore(folder),
        )
        self.sweeper = Sweeper(self.durable)
        self.sweeper.turn()
        self.unit = bench.ask()
        bench.take(self.unit)
        bench.die(self.unit)
        bench.due(self.unit)


@pytest.fixture
def swept(bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Swept:
    return Swept(bench, tmp_path, monkeypatch)


def test_a_sweeper_in_its_beat_counts_deaths(swept: Swept) -> None:
    swept.now_s += timings.SWEEP_S
    swept.sweeper.turn()

    assert swept.bench.deaths(swept.unit) == 1


def test_a_sweeper_that_could_not_reach_redis_for_a_while_counts_none(swept: Swept) -> None:
    swept.now_s += timings.SWEEP_GAP_MS / 1_000 + 0.1
    swept.sweeper.turn()

    assert swept.bench.deaths(swept.unit) == 0


def test_a_sweeper_that_only_lacked_the_lock_counts_deaths(swept: Swept) -> None:
    for _ in range(10):
        swept.now_s += timings.SWEEP_S
        swept.sweeper.reached()
    swept.sweeper.turn()

    assert swept.bench.deaths(swept.unit) == 1


def test_a_sweeper_that_follows_a_dead_one_counts_deaths(swept: Swept) -> None:
    swept.bench.redis.hincrby(key("watch"), "last", -20_000)
    swept.now_s += 20
    Sweeper(swept.durable).turn()

    assert swept.bench.deaths(swept.unit) == 1


def test_the_chores_are_done_by_one_process_and_taken_over_when_it_stops(
    swept: Swept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    turns: list[str] = []
    reached: list[str] = []

    def chore(name: str) -> Chore:
        return Chore(
            swept.durable,
            name="test",
            every_s=0.01,
            turn=lambda: turns.append(name),
            reached=lambda: reached.append(name),
        )

    with chore("first"):
        assert until(lambda: turns)
        with chore("second"):
            assert until(lambda: reached.count("second") > 5)
            assert set(turns) == {"first"}
    swept.bench.redis.delete(key("lock", "test"))
    with chore("third"):
        assert until(lambda: "third" in turns)


def test_a_broker_that_is_away_is_said_in_a_word_the_ledger_knows() -> None:
    app = Celery(broker="redis://127.0.0.1:9/0")
    app.conf.broker_transport_options = {"max_retries": 0}
    app.conf.task_publish_retry = False

    with pytest.raises(ConnectionError):
        sender(app)(Message("unit", "parse", 0))
