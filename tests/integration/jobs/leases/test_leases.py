"""Leases: what a body that runs, stalls, fails or is stopped means for its unit and for others."""

import threading
import time
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from redis.exceptions import TimeoutError as RedisTimeoutError

from jobs.events import read_events
from jobs.leases.leases import Leases
from jobs.ledger.work import Work
from jobs.units import FINAL_STATES
from protocol import timings
from protocol.keys import key
from rag.errors import (
    DeadlineExceeded,
    LeaseLost,
    StoreUnavailable,
    Unreadable,
)
from tests.support.waiting import PATIENCE_S, until
from tests.support.workbench import Workbench
from tests.support.worker_bodies import Start


def quarantined(bench: Workbench) -> str:
    """Return a unit under which two workers died."""
    asked = bench.ask()
    for _ in range(timings.QUARANTINE_DEATHS):
        bench.take(asked)
        bench.die_and_be_found(asked)
    return asked


# Redis is away -------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [StoreUnavailable("away"), Unreadable("broken", "Torn.")])
def test_a_unit_that_cannot_be_given_back_while_redis_is_away_costs_no_death(
    bench: Workbench, start: Start, error: Exception
) -> None:
    flaky = FlakyWork(bench)
    asked, process = bench.ask(), start(work=flaky)
    with process.leases.claim(asked, "retrieve"):
        flaky.away = True
        raise error
    bench.die(asked)  # Redis was away for longer than a claim lives
    bench.sweep("retrieve", away=True)
    flaky.away = False

    assert until(lambda: bench.put_back("retrieve") == [asked])
    bench.redis.delete(key("quiet"))
    bench.end_pauses("retrieve")
    bench.due(asked)
    bench.sweep("retrieve")
    assert bench.deaths(asked) == 0


def test_claims_are_renewed_while_another_unit_cannot_be_given_back(
    bench: Workbench, start: Start
) -> None:
    flaky = FlakyWork(bench)
    asked, long, process = bench.ask(), bench.ask(), start(work=flaky)
    process.begin(long)
    assert until(lambda: long in process.running)
    with process.leases.claim(asked, "retrieve"):
        flaky.away = True
        raise StoreUnavailable("away")
    bench.die(long)

    assert until(lambda: bench.redis.exists(key("claim", long)))
    flaky.away = False


def test_a_unit_that_another_worker_took_meanwhile_is_not_given_back(
    bench: Workbench, start: Start
) -> None:
    flaky = FlakyWork(bench)
    asked, process = bench.ask(), start(work=flaky)
    with process.leases.claim(asked, "retrieve"):
        flaky.away = True
        raise StoreUnavailable("away")
    bench.die(asked)
    taken = bench.take(asked)
    flaky.away = False

    assert until(lambda: not process.leases._renewal._unreleased)
    assert bench.ledger.work.renew([taken]) == ["ok"]


@pytest.mark.parametrize("ahead_s", [-3_600, 3_600])
def test_a_body_keeps_its_time_whatever_the_date_of_its_machine_is(
    bench: Workbench, start: Start, monkeypatch: pytest.MonkeyPatch, ahead_s: float
) -> None:
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + ahead_s)
    asked, soon = bench.ask(deadline_s=60), bench.ask(deadline_s=0.2)
    process = start()
    with (
        process.leases.claim(asked, "retrieve") as lease,
        process.leases.claim(soon, "retrieve") as late,
    ):
        assert lease is not None
        assert late is not None
        lease.check()
        assert not lease.stopped
        assert until(lambda: late.stopped)
        with pytest.raises(DeadlineExceeded):
            late.check()


def test_a_message_that_is_not_to_be_run_yields_nothing(bench: Workbench, start: Start) -> None:
    asked = bench.ask()
    bench.ledger.submissions.cancel(asked)
    leases = start().leases

    with leases.claim(asked, "retrieve") as lease:
        assert lease is None
    assert leases.bodies == 0


# Staying alive -------------------------------------------------------------------------------


def test_a_claim_outlives_a_long_body(bench: Workbench, start: Start) -> None:
    process, asked = start(), bench.ask()
    process.begin(asked)
    assert until(lambda: asked in process.running)
    for _ in range(3):
        bench.redis.pexpire(key("claim", asked), timings.CLAIM_MS // 4)
        until(lambda: bench.redis.pttl(key("claim", asked)) > timings.CLAIM_MS / 2)

    assert bench.redis.exists(key("claim", asked))


def test_a_cancelled_body_is_told_and_ends_as_cancelled(bench: Workbench, start: Start) -> None:
    process, asked, notified = start(), bench.ask(), threading.Event()
    process.begin(asked)
    assert until(lambda: asked in process.running)
    process.running[asked].on_stop(notified.set)
    bench.ledger.submissions.cancel(asked)

    assert notified.wait(PATIENCE_S)
    process.end(asked)
    assert bench.state(asked) == "cancelled"


def test_a_body_whose_unit_went_to_another_worker_is_told_and_writes_nothing(
    bench: Workbench, start: Start
) -> None:
    process, asked, notified = start(), bench.ask(), threading.Event()
    process.begin(asked)
    assert until(lambda: asked in process.running)
    process.running[asked].on_stop(notified.set)
    # It stalled, was written off, and the unit was claimed elsewhere.
    bench.redis.hset(key("unit", asked), mapping={"epoch": "9" * 16, "held": "1"})

    assert notified.wait(PATIENCE_S)
    process.end(asked)
    assert bench.state(asked) == "running"
    assert asked not in process.said


class Asleep(Leases):
    """Renews nothing."""

    def _renew(self) -> None:
        """Sleep on."""


def test_a_stalled_body_is_told_when_its_own_process_takes_the_unit_again(
    bench: Workbench, start: Start
) -> None:
    process, asked, notified = start(Asleep), bench.ask(), threading.Event()
    process.begin(asked)
    assert until(lambda: asked in process.running)
    process.running[asked].on_stop(notified.set)
    bench.die_and_be_found(asked)
    with process.leases.claim(asked, "retrieve") as second:
        assert second is not None

        assert notified.is_set()
        second.finish(state="succeeded", fields={"result": "{}"})


def test_a_callback_that_fails_does_not_let_the_other_claims_lapse(
    bench: Workbench, start: Start
) -> None:
    def fail() -> None:
        raise RuntimeError("the engine's loop is closed")

    process, bad, good = start(), bench.ask(), bench.ask()
    for asked in (bad, good):
        process.begin(asked)
    assert until(lambda: len(process.running) == 2)
    process.running[bad].on_stop(fail)
    bench.ledger.submissions.cancel(bad)
    assert until(lambda: bad not in process.running or process.running[bad].stopped)
    bench.redis.pexpire(key("claim", good), timings.CLAIM_MS // 4)

    assert until(lambda: bench.redis.pttl(key("claim", good)) > timings.CLAIM_MS / 2)


def test_a_late_body_stops_at_its_next_check(bench: Workbench, start: Start) -> None:
    asked = bench.ask()
    with start().leases.claim(asked, "retrieve") as lease:
        assert lease is not None
        lease.give_up_at = time.monotonic() + 0.2
        assert until(lambda: lease.stopped)
        lease.check()

    assert bench.state(asked) == "expired"


# SIGTERM -------------------------------------------------------------------------------------


def test_bodies_that_outlast_the_drain_are_given_back_without_a_death(
    bench: Workbench, start: Start
) -> None:
    process, units = start(), [bench.ask() for _ in range(3)]
    for asked in units:
        process.begin(asked)
    assert until(lambda: len(process.running) == 3)
    process.leases.close()
    for asked in units:
        process.end(asked)

    assert process.said == {}
    for asked in units:
        assert (bench.deaths(asked), bench.field(asked, "held")) == (0, "0")
        assert not bench.redis.exists(key("claim", asked))
        # Sent again at once, for another process to take.
        assert asked in bench.in_flight("retrieve")
        assert [message.unit_id for message in bench.sent].count(asked) == 2


def test_a_closed_process_claims_nothing(bench: Workbench, start: Start) -> None:
    process, asked = start(), bench.ask()
    process.leases.close()
    process.begin(asked)
    process.end(asked)

    assert process.said[asked] == "refused"
    assert bench.state(asked) == "queued"


def test_a_claim_under_way_when_the_process_closes_is_given_back(
    bench: Workbench, start: Start
) -> None:
    slow = SlowWork(bench)
    process, asked = start(work=slow), bench.ask()
    process.begin(asked)
    assert slow.asked.wait(PATIENCE_S)
    closing = threading.Thread(target=process.leases.close)
    closing.start()
    time.sleep(0.05)
    slow.go.set()
    assert until(lambda: bench.field(asked, "epoch") != "0")
    closing.join(PATIENCE_S)

    # The process exits now, and nobody would renew.
    assert not bench.redis.exists(key("claim", asked))
    assert (bench.field(asked, "held"), bench.deaths(asked)) == ("0", 0)


class SlowWork(Work):
    """Answers a claim only when it is let go."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__(bench.scripts, bench.ledger.outbox)
        self.asked, self.go = threading.Event(), threading.Event()

    def claim(self, *args: Any, **options: Any) -> Any:
        self.asked.set()
        self.go.wait(PATIENCE_S)
        return super().claim(*args, **options)


# Alone ---------------------------------------------------------------------------------------


def test_a_quarantined_unit_waits_for_the_others_then_runs_while_nothing_else_does(
    bench: Workbench, start: Start
) -> None:
    bad, process = quarantined(bench), start()
    before, after = bench.ask(), bench.ask()
    process.begin(before)
    assert until(lambda: before in process.running)
    process.begin(bad)
    assert until(lambda: process.leases._quarantined)
    process.begin(after)
    time.sleep(0.3)
    assert set(process.running) == {before}
    process.end(before)
    assert until(lambda: bad in process.running)
    time.sleep(0.3)
    assert set(process.running) == {bad}
    process.end(bad)

    assert until(lambda: after in process.running)
    process.end(after)
    assert [process.said[name] for name in (before, bad, after)] == ["finished"] * 3


def test_two_quarantined_units_run_one_after_the_other(bench: Workbench, start: Start) -> None:
    quarantined_units, process = [quarantined(bench), quarantined(bench)], start()
    for name in quarantined_units:
        process.begin(name)
    for _ in quarantined_units:
        assert until(lambda: process.running)
        time.sleep(0.1)
        assert len(process.running) == 1
        process.end(next(iter(process.running)))

    assert [bench.state(name) for name in quarantined_units] == ["succeeded", "succeeded"]


def test_many_threads_keep_the_rule_of_quarantine(bench: Workbench, start: Start) -> None:
    process, beside = start(), []
    quarantined_units = {quarantined(bench) for _ in range(2)}
    units = [*quarantined_units, *(bench.ask() for _ in range(10))]

    def body(unit_id: str) -> None:
        with process.leases.claim(unit_id, "retrieve") as lease:
            if lease is not None:
                process.running[unit_id] = lease
                for _ in range(5):
                    running = set(process.running)
                    if running & quarantined_units and len(running) > 1:
                        beside.append(running)
                    time.sleep(0.01)
                del process.running[unit_id]
                lease.finish(state="succeeded", fields={"result": "{}"})

    threads = [threading.Thread(target=body, args=(name,)) for name in units]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)

    assert beside == []
    assert {bench.state(name) for name in units} == {"succeeded"}


def test_a_quarantined_unit_waits_for_no_body_that_may_last_for_hours(
    bench: Workbench, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, process, long, other = quarantined(bench), start(), bench.ask(), bench.ask()
    monkeypatch.setattr("jobs.leases.leases._HOURS", frozenset({"retrieve"}))
    process.begin(long)
    assert until(lambda: long in process.running)
    process.begin(bad)
    assert until(lambda: process.said.get(bad) == "refused")
    assert bench.put_back("retrieve") == [bad]
    process.begin(other)
    assert until(lambda: other in process.running)
    process.end(other)
    process.end(long)
    bench.end_pauses("retrieve")
    process.begin(bad)

    assert until(lambda: bad in process.running)


def test_a_quarantined_unit_that_cannot_have_the_process_to_itself_is_refused_and_others_go_on(
    bench: Workbench, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timings, "QUARANTINE_WAIT_S", 0.3)
    bad, process, long, other = quarantined(bench), start(), bench.ask(), bench.ask()
    process.begin(long)
    assert until(lambda: long in process.running)
    process.begin(bad)
    assert until(lambda: process.said.get(bad) == "refused")
    put_back = bench.put_back("retrieve")  # its pause ends before long
    process.begin(other)

    assert until(lambda: other in process.running)
    assert put_back == [bad]


def test_what_a_process_took_before_it_waits_to_be_empty_is_given_to_another(
    bench: Workbench, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timings, "BEHIND_S", 0.3)
    bad, process, long, other = quarantined(bench), start(), bench.ask(), bench.ask()
    process.begin(long)
    assert until(lambda: long in process.running)
    process.begin(bad)
    assert until(lambda: process.leases._quarantined)
    bench.sent.clear()
    process.begin(other)
    assert until(lambda: process.said.get(other) == "refused")
    assert [message.unit_id for message in bench.sent] == [other]
    assert (bench.put_back("retrieve"), bench.field(other, "put_back")) == ([], "")
    another = start()
    another.begin(other)

    assert until(lambda: other in another.running)
    another.end(other)
    process.end(long)
    assert until(lambda: bad in process.running)


def test_a_quarantined_unit_whose_claim_fails_for_redis_does_not_block_the_process_for_ever(
    bench: Workbench, start: Start
) -> None:
    flaky = FlakyWork(bench)
    bad, process, long, other = quarantined(bench), start(work=flaky), bench.ask(), bench.ask()
    process.begin(long)
    assert until(lambda: long in process.running)
    process.begin(bad)
    assert until(lambda: process.leases._quarantined)
    flaky.away = True
    assert until(lambda: process.said.get(bad) == "redis away")
    flaky.away = False
    process.begin(other)

    assert until(lambda: other in process.running)


class FlakyWork(Work):
    """Raises what a Redis that is away makes a call raise."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__(bench.scripts, bench.ledger.outbox)
        self.away = False

    def claim(self, *args: Any, **options: Any) -> Any:
        if self.away:
            raise RedisTimeoutError("away")
        return super().claim(*args, **options)

    def release(self, *args: Any, **options: Any) -> None:
        if self.away:
            raise RedisTimeoutError("away")
        super().release(*args, **options)

    def finish(self, *args: Any, **options: Any) -> Any:
        if self.away:
            raise RedisTimeoutError("away")
        return super().finish(*args, **options)


class ByClaims(Leases):
    """Counts as running only what has a live claim in Redis: the rule taken out."""

    @property
    def bodies(self) -> int:
        redis = self._renewal._redis
        return sum(bool(redis.exists(key("claim", name))) for name in self._held)


@pytest.mark.parametrize(("kind", "alone"), [(Leases, True), (ByClaims, False)])
def test_a_quarantined_unit_does_not_run_beside_a_body_that_redis_has_written_off(
    bench: Workbench,
    start: Start,
    kind: type[Leases],
    alone: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bad, innocent = quarantined(bench), bench.ask()
    monkeypatch.setattr(timings, "RENEW_S", 60)  # the process sleeps and does not renew
    process = start(kind)
    process.begin(innocent)
    assert until(lambda: innocent in process.running)
    bench.die(innocent)
    process.begin(bad)
    if alone:
        time.sleep(0.5)

        assert set(process.running) == {innocent}
    else:
        assert until(lambda: set(process.running) == {innocent, bad})


def test_a_unit_runs_to_its_end_through_processes_that_close_while_it_runs(
    bench: Workbench, start: Start
) -> None:
    asked = bench.ask()
    for _ in range(timings.MAX_DEATHS + 1):
        process = start()
        process.begin(asked)
        assert until(partial(process.running.__contains__, asked))
        process.leases.close()
        process.end(asked)
    last = start()
    last.begin(asked)
    assert until(lambda: asked in last.running)
    last.end(asked)

    assert bench.state(asked) == "succeeded"
    assert bench.state(asked) in FINAL_STATES
    with suppress(LeaseLost), last.leases.claim(asked, "retrieve") as again:
        assert again is None


def test_an_answer_that_is_known_at_once_is_told_with_its_sources_and_the_end(
    bench: Workbench, start: Start
) -> None:
    process = start()
    unit_id = bench.ask()
    with process.leases.claim(unit_id, "retrieve") as lease:
        assert lease is not None
        before = len(read_events(bench.redis, unit_id, "0-0"))
        lease.finish(
            state="succeeded", fields={"result": "{}"},
            events=[("sources", {"sources": []}), ("verdict", {"answered": True})],
            text="It is so.",
        )  # fmt: skip
    told = read_events(bench.redis, unit_id, "0-0")[before:]

    assert [event.kind for event in told] == ["sources", "verdict", "token", "done"]
    assert [event.data for event in told[:2]] == [{"sources": []}, {"answered": True}]
    assert told[2].data["text"] == "It is so."
    assert bench.field(unit_id, "state") == "succeeded"
    assert process.leases.bodies == 0


def test_a_question_that_was_cancelled_tells_no_answer(bench: Workbench, start: Start) -> None:
    process = start()
    unit_id = bench.ask()
    with process.leases.claim(unit_id, "retrieve") as lease:
        assert lease is not None
        bench.redis.hset(key("unit", unit_id), "cancel", "1")
        lease.finish(
            state="succeeded", fields={"result": "{}"}, events=[("sources", {})], text="Too late."
        )
    kinds = {event.kind for event in read_events(bench.redis, unit_id, "0-0")}

    assert bench.field(unit_id, "state") == "cancelled"
    assert not kinds & {"sources", "token"}
