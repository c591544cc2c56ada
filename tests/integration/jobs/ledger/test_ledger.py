"""The ledger on a real Redis: what is accepted ends, once, and leaves nothing behind."""

import orjson
import pytest

from jobs.counters import read_counters
from jobs.errors import Full, IdempotencyConflict
from jobs.events import read_events
from jobs.ledger.ledger import Ledger
from jobs.ledger.submissions import Idempotency
from jobs.ledger.work import Refusal
from jobs.units import FINAL_STATES, Delta, Unit
from protocol import timings
from protocol.ids import new_id
from protocol.keys import key
from protocol.messages import Message
from tests.support.workbench import RETENTION_S, Workbench, kinds, now_ms, window

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
    counted = read_counters(bench.redis)
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


def test_a_unit_that_is_put_back_is_in_nobodys_way_until_its_pause_is_over(
    bench: Workbench,
) -> None:
    window(bench, 1)
    first, second, third = bench.ask(), bench.ask(), bench.ask()
    bench.ledger.work.release(bench.take(first), at_once=False)

    assert bench.put_back("retrieve") == [first]
    assert bench.deaths(first) == 0
    bench.ledger.maintenance.dispatch("retrieve")
    assert bench.in_flight("retrieve") == {second}
    bench.end_pause(first)
    bench.ledger.submissions.cancel(second)
    assert bench.in_flight("retrieve") == {first}
    assert bench.waiting("retrieve") == [third]


def test_a_unit_pauses_twice_as_long_each_time_it_is_put_back_and_anew_at_its_next_stage(
    bench: Workbench,
) -> None:
    asked = bench.ask()

    def pause_s(*, longest_ms: int = timings.SERVER_PAUSE_MS) -> float:
        role = bench.field(asked, "role")
        bench.ledger.work.release(bench.take(asked), at_once=False, longest_pause_ms=longest_ms)
        pause_ms = bench.redis.zscore(key("later", role), asked) - now_ms(bench)
        bench.end_pause(asked)
        bench.ledger.maintenance.dispatch(role)
        return round(pause_ms / 1_000)

    assert [pause_s() for _ in range(5)] == [1, 2, 4, 8, 8]
    assert pause_s(longest_ms=timings.LONGEST_PAUSE_MS) == 32
    assert [pause_s(longest_ms=timings.LONGEST_PAUSE_MS) for _ in range(2)] == [60, 60]
    bench.hand_over(bench.take(asked), stage="generate", fields={})
    assert pause_s() == 1


def test_interactive_units_that_are_put_back_each_time_let_batch_ones_run(
    bench: Workbench,
) -> None:
    window(bench, 2)
    stuck = [bench.ask() for _ in range(6)]
    batch = bench.ask(priority="batch")
    runs = 0
    while bench.state(batch) == "queued":
        for unit_id in bench.in_flight("retrieve") - {batch}:
            bench.ledger.work.release(bench.take(unit_id), at_once=False)
            bench.end_pause(unit_id)  # the worst: a pause is over before anybody else has run
            runs += 1
        if batch in bench.in_flight("retrieve"):
            bench.take(batch)
        bench.ledger.maintenance.dispatch("retrieve")

        assert runs <= len(stuck) * (timings.PUT_BACK_FIRST + 1)


def test_rows_whose_blobs_are_lost_block_no_other_of_their_job(bench: Workbench) -> None:
    window(bench, 2)
    rows = [bench.row(name) | {"owner": "ingest:folder"} for name in "abcdefghi"]
    _, (*lost, good) = bench.ingest(bench.collection(), rows=rows)
    for _ in range(5):
        for row in bench.in_flight("ingest") - {good}:
            bench.ledger.work.release(bench.take(row), at_once=False)
        bench.ledger.maintenance.dispatch("ingest")

    assert bench.in_flight("ingest") == {good}
    assert sorted(bench.put_back("ingest")) == sorted(lost)


@pytest.mark.parametrize("end", ["cancel", "expire", "cancel job"])
def test_a_unit_that_was_put_back_ends_like_any_other_that_waits(
    bench: Workbench, end: str
) -> None:
    job, (row,) = bench.ingest(bench.collection(), "a")
    bench.ledger.work.release(bench.take(row), at_once=False)
    match end:
        case "cancel":
            bench.ledger.submissions.cancel(row)
        case "expire":
            bench.late(row)
            bench.ledger.maintenance.expire("ingest")
        case _:
            bench.cancel_job(job)

    assert bench.state(row) in ("cancelled", "expired")
    assert not bench.put_back("ingest")
    assert bench.job_state(job) in FINAL_STATES


def test_a_worker_that_stops_in_order_gives_its_unit_back_without_a_pause(
    bench: Workbench,
) -> None:
    window(bench, 1)
    first, second = bench.ask(), bench.ask()
    bench.ledger.work.release(bench.take(first), at_once=True)

    assert bench.in_flight("retrieve") == {first}
    assert bench.waiting("retrieve") == [second]


def test_a_repeated_release_changes_nothing(bench: Workbench) -> None:
    asked = bench.ask()
    unit = bench.take(asked)
    bench.ledger.work.release(unit, at_once=True)
    sent = len(bench.sent)
    bench.ledger.work.release(unit, at_once=True)

    assert len(bench.sent) == sent


def test_a_message_that_cannot_be_sent_is_sent_by_the_rescuer(bench: Workbench) -> None:
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


def test_a_worker_that_dies_after_lost_messages_is_found_as_soon_as_any(bench: Workbench) -> None:
    bench.sweep("retrieve")
    asked = bench.ask()
    for _ in range(4):
        bench.due(asked)
        bench.sweep("retrieve")
    bench.take(asked)
    bench.die_and_be_found(asked)
    seconds, _ = bench.redis.time()
    score = bench.redis.zscore(key("inflight", "retrieve"), asked)

    assert round(score / 1000 - seconds, -1) == 30


def test_a_message_is_not_sent_again_while_nobody_consumes(bench: Workbench) -> None:
    asked = bench.ask()
    bench.due(asked)

    assert bench.ledger.maintenance.rescue("retrieve", consumed=False, run_id="r") == 0
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

    assert bench.ledger.work.append_deltas([Delta(unit, 1, "some")]) == ["ok"]
    assert bench.ledger.submissions.cancel(asked) == "running"
    assert bench.ledger.work.append_deltas([Delta(unit, 2, "more")]) == ["stop"]
    assert bench.ledger.work.renew([unit]) == ["stop"]
    assert bench.hand_over(unit, stage="generate", fields={}) == "cancelled"


def test_a_cancelled_unit_that_is_given_back_ends_there(bench: Workbench) -> None:
    asked = bench.ask()
    unit = bench.take(asked)
    bench.ledger.submissions.cancel(asked)
    bench.ledger.work.release(unit, at_once=False)

    assert bench.state(asked) == "cancelled"


# Deaths --------------------------------------------------------------------------------------


def test_a_unit_that_died_beside_another_is_given_up_only_after_deaths_alone(
    bench: Workbench,
) -> None:
    bench.sweep("retrieve")
    innocent = bench.ask()
    for _ in range(timings.QUARANTINE_DEATHS):
        bench.take(innocent)
        bench.die_and_be_found(innocent)
    for _ in range(timings.DEATHS_ALONE - 1):
        assert bench.claim(innocent, bodies=1) == Refusal("solo")
        bench.take(innocent)
        bench.die_and_be_found(innocent)

    assert bench.state(innocent) == "running"
    bench.ledger.work.finish(bench.take(innocent), state="succeeded", fields={"result": "{}"})
    assert bench.state(innocent) == "succeeded"


def test_a_unit_that_kills_its_worker_each_time_is_a_dead_letter(bench: Workbench) -> None:
    bench.sweep("retrieve")
    asked = bench.ask()
    for _ in range(timings.MAX_DEATHS):
        bench.take(asked)
        bench.die_and_be_found(asked)

    assert bench.state(asked) == "failed"
    assert orjson.loads(bench.field(asked, "error"))["type"] == "too_many_attempts"
    assert read_counters(bench.redis).finished == {("query", "lost"): 1}


def died_over(bench: Workbench, unit_id: str) -> None:
    """Two workers die over a unit, and it has been put back for that."""
    bench.sweep("retrieve")
    for _ in range(timings.QUARANTINE_DEATHS):
        bench.take(unit_id)
        bench.die(unit_id)
        bench.due(unit_id)
        bench.sweep("retrieve")


@pytest.mark.parametrize("priority", ["interactive", "batch"])
def test_what_two_workers_died_over_lets_others_go_first(bench: Workbench, priority: str) -> None:
    window(bench, 1)
    suspect = bench.ask(priority=priority)
    others = [bench.ask(priority=priority) for _ in range(3)]
    died_over(bench, suspect)

    assert bench.in_flight("retrieve") == {others[0]}
    assert bench.put_back("retrieve") == [suspect]
    bench.end_pauses("retrieve")
    ran = []
    for _ in range(4):
        [unit_id] = bench.in_flight("retrieve")
        ran.append(unit_id)
        bench.hand_over(bench.take(unit_id), stage="generate", fields={})
    # It has its turn beside all others of its lane together.
    assert ran.index(suspect) in ((1, 2) if priority == "batch" else (3,))
    assert bench.deaths(suspect) == 0


def test_what_waits_since_two_workers_died_over_it_can_be_cancelled(bench: Workbench) -> None:
    suspect = bench.ask()
    died_over(bench, suspect)
    window(bench, 0)
    bench.end_pauses("retrieve")

    assert bench.waiting("retrieve") == [suspect]
    assert bench.ledger.submissions.cancel(suspect) == "cancelled"
    assert bench.waiting("retrieve") == []


@pytest.mark.parametrize("wakes_in", ["later", "lane"])
@pytest.mark.parametrize("by", ["renewal", "hand over", "release"])
def test_a_body_that_was_taken_for_dead_and_wakes_has_its_unit_yet(
    bench: Workbench, wakes_in: str, by: str
) -> None:
    bench.sweep("retrieve")
    asked = bench.ask()
    bench.take(asked)
    bench.die_and_be_found(asked)
    unit = bench.take(asked)
    bench.die(asked)
    bench.due(asked)
    bench.sweep("retrieve")
    if wakes_in == "lane":
        window(bench, 0)
        bench.end_pauses("retrieve")
    match by:
        case "renewal":
            assert bench.ledger.work.renew([unit]) == ["ok"]
            assert bench.in_flight("retrieve") == {asked}
            assert bench.deaths(asked) == 1
            bench.ledger.work.finish(unit, state="succeeded", fields={"result": "{}"})
        case "hand over":
            window(bench, 2)
            bench.hand_over(unit, stage="generate", fields={})
            assert bench.in_flight("generate") == {asked}
        case "release":
            window(bench, 2)
            bench.ledger.work.release(unit, at_once=True)
            assert bench.in_flight("retrieve") == {asked}

    places = bench.waiting("retrieve") + bench.put_back("retrieve")
    assert places == []


@pytest.mark.parametrize("by", ["another run id", "the rescuer's own gap"])
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


def test_the_deaths_of_a_unit_that_kills_the_only_rescuer_are_counted(bench: Workbench) -> None:
    bench.sweep("retrieve")
    asked = bench.ask()
    for _ in range(timings.MAX_DEATHS):
        bench.take(asked)
        bench.die(asked)
        bench.due(asked)
        # Nobody swept for a minute: the rescuer was in the process that died.
        bench.redis.hincrby(key("watch"), "last", -60_000)
        bench.sweep("retrieve")
        bench.end_pauses("retrieve")

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
    bench.ledger.work.append_deltas([Delta(slow, 1, "late")])
    bench.take(asked)

    assert bench.ledger.work.append_deltas([Delta(slow, 2, "too late")]) == ["lost"]
    assert bench.ledger.work.renew([slow]) == ["lost"]
    events = read_events(bench.redis, asked, "0-0")
    assert [event.data["text"] for event in events if event.kind == "token"] == ["late"]
