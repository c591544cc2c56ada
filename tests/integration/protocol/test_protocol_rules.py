"""Each rule of the protocol that has a failing run without it, and that run."""

import re
from collections.abc import Callable
from importlib import resources

import pytest

from jobs.units import Delta, Unit
from protocol import timings
from protocol.keys import key
from protocol.scripts import source
from rag.errors import LeaseLost
from tests.integration.protocol.rules import Scenario, with_and_without
from tests.support.workbench import Rules, Workbench, window


def a_cancelled_unit_gives_its_place_in_the_window_back(bench: Workbench) -> bool:
    window(bench, 1)
    first, second = bench.ask(), bench.ask()
    bench.ledger.submissions.cancel(first)
    bench.ledger.maintenance.dispatch("retrieve")
    return second in bench.in_flight("retrieve")


def an_expired_unit_gives_its_place_in_the_window_back(bench: Workbench) -> bool:
    window(bench, 1)
    first, second = bench.ask(), bench.ask()
    bench.late(first)
    bench.ledger.maintenance.expire("interactive")
    bench.ledger.maintenance.dispatch("retrieve")
    return second in bench.in_flight("retrieve")


def chunks_of_a_row_that_ends_unpublished_become_garbage(bench: Workbench) -> bool:
    _, (row,) = bench.ingest(bench.collection(), "a")
    bench.parse(row)
    bench.log_add(bench.take(row))
    bench.late(row)
    bench.ledger.maintenance.expire("ingest")
    return bench.garbage(bench.collection()) == {bench.member(row)}


def a_superseded_generation_becomes_garbage(bench: Workbench) -> bool:
    inc = bench.collection()
    _, (older,) = bench.ingest(inc, "a")
    _, (newer,) = bench.ingest(inc, "a")
    bench.publish(newer)
    bench.publish(older)
    return bench.garbage(inc) == {bench.member(older)}


def a_late_message_of_a_waiting_unit_does_not_overfill_the_window(bench: Workbench) -> bool:
    window(bench, 1)
    waiting = bench.ask(priority="batch")
    unit = bench.take(waiting)
    bench.ledger.work.release(unit, at_once=False)
    bench.take(bench.ask())
    return not isinstance(bench.claim(waiting), Unit)


def a_late_message_of_an_earlier_stage_does_not_run_the_next_one(bench: Workbench) -> bool:
    asked = bench.ask()
    bench.hand_over(bench.take(asked), stage="generate", fields={"sources": "[]"})
    return not isinstance(bench.claim(asked, stage="retrieve"), Unit)


def an_epoch_is_not_given_twice_when_redis_loses_its_last_second(bench: Workbench) -> bool:
    asked = bench.ask()
    before = bench.redis.hgetall(key("unit", asked))
    lost = bench.take(asked)
    bench.redis.delete(key("unit", asked), key("claim", asked))
    bench.redis.hset(key("unit", asked), mapping=before)
    bench.take(asked)
    return bench.ledger.work.append_deltas([Delta(lost, 1, "mine")]) == ["lost"]


def a_stage_begins_with_the_output_of_the_one_before(bench: Workbench) -> bool:
    asked = bench.ask()
    bench.hand_over(bench.take(asked), stage="generate", fields={"sources": "[1]"})
    return bool(bench.take(asked).json("sources") == [1])


def a_unit_whose_cancel_was_accepted_does_not_end_as_succeeded(bench: Workbench) -> bool:
    asked = bench.ask()
    unit = bench.take(asked)
    bench.ledger.submissions.cancel(asked)
    bench.ledger.work.finish(unit, state="succeeded", fields={"result": "{}"})
    return bench.state(asked) == "cancelled"


def a_hung_body_that_is_renewed_for_ever_ends_at_its_deadline(bench: Workbench) -> bool:
    asked = bench.ask()
    unit = bench.take(asked)
    bench.late(asked)
    bench.ledger.work.renew([unit])
    bench.ledger.maintenance.expire("interactive")
    return bench.state(asked) == "expired"


def a_death_whose_messages_are_lost_is_counted_once(bench: Workbench) -> bool:
    bench.sweep("retrieve")
    asked = bench.ask()
    bench.take(asked)
    bench.die(asked)
    for _ in range(timings.MAX_DEATHS):
        bench.due(asked)
        bench.sweep("retrieve")
    return (bench.state(asked), bench.deaths(asked)) == ("running", 1)


def a_poison_unit_redelivered_before_each_sweep_is_given_up(bench: Workbench) -> bool:
    asked = bench.ask()
    for _ in range(timings.MAX_DEATHS + 1):
        bench.sweep("retrieve")  # somebody sweeps, but the unit is not due yet
        bench.claim(asked)
        bench.die(asked)
    return bench.state(asked) == "failed"


def a_unit_with_two_deaths_runs_only_where_nothing_else_does(bench: Workbench) -> bool:
    bench.sweep("retrieve")
    asked = bench.ask()
    for _ in range(timings.QUARANTINE_DEATHS):
        bench.take(asked)
        bench.die_and_be_found(asked)
    return not isinstance(bench.claim(asked, bodies=1), Unit)


def nothing_is_claimed_beside_a_unit_with_two_deaths(bench: Workbench) -> bool:
    return not isinstance(bench.claim(bench.ask(), quarantine_running=True), Unit)


def a_slow_older_update_does_not_bring_a_deleted_document_back(bench: Workbench) -> bool:
    inc = bench.collection()
    _, (first,) = bench.ingest(inc, "a")
    bench.publish(first)
    _, (slow,) = bench.ingest(inc, "a")
    _, deletion = bench.delete(inc, "a")
    bench.activate(bench.take(deletion))
    bench.publish(slow)
    current = bench.catalogue.generations.current(inc, ["a"]).get("a")
    return current is None or current.chunks == 0


def what_a_zombie_wrote_late_is_found_by_the_check(bench: Workbench) -> bool:
    inc = bench.collection()
    _, (row,) = bench.ingest(inc, "a")
    bench.parse(row)
    bench.ledger.submissions.cancel(row)
    document, generation, chunks = bench.member(row).split(":")
    bench.catalogue.garbage.dropped(inc, document, int(generation), int(chunks))
    # Only now does the zombie upsert; the check finds that in the vector store.
    bench.catalogue.garbage.orphan(inc, document, int(generation), int(chunks))
    return bench.garbage(inc) == {bench.member(row)}


def rows_of_a_lost_catalogue_are_no_garbage(bench: Workbench) -> bool:
    inc = bench.collection()
    _, (row,) = bench.ingest(inc, "a")
    bench.publish(row)
    document, generation, chunks = bench.member(row).split(":")
    bench.ledger.submissions.cancel(bench.ingest(inc, "a")[1][0])  # accepted, and never current
    bench.redis.delete(key("current", inc), key("documents", inc))
    bench.catalogue.garbage.orphan(inc, document, int(generation), int(chunks))
    return bench.garbage(inc) == set()


def a_zombie_write_is_refused_once_another_worker_has_the_unit(bench: Workbench) -> bool:
    asked = bench.ask()
    zombie = bench.take(asked)
    bench.die_and_be_found(asked)
    bench.take(asked)
    return refused(lambda: bench.ledger.work.finish(zombie, state="succeeded", fields={}))


def a_hand_over_whose_answer_was_lost_is_not_done_twice(bench: Workbench) -> bool:
    asked = bench.ask()
    unit = bench.take(asked)
    bench.hand_over(unit, stage="generate", fields={"sources": "[1]"})
    return refused(lambda: bench.hand_over(unit, stage="generate", fields={}))


def a_stall_is_not_a_death(bench: Workbench) -> bool:
    bench.sweep("retrieve")
    asked = bench.ask()
    unit = bench.take(asked)
    for _ in range(timings.MAX_DEATHS):
        bench.die_and_be_found(asked)
        bench.ledger.work.renew([unit])
    return bench.state(asked) == "running" and bench.deaths(asked) == 0


def _documents(bench: Workbench, job: str, *sizes: int) -> list[str]:
    rows = [bench.row(f"{job}-{n}") | {"owner": job, "size": s} for n, s in enumerate(sizes)]
    return bench.ingest(bench.collection(), rows=rows)[1]


def long_bodies_leave_a_thread_to_a_short_one(bench: Workbench) -> bool:
    bench.ledger.maintenance.dispatch("ingest", window=4, long_window=3)
    _documents(bench, "a", *[timings.LONG_BYTES + 1] * 5)
    (short,) = _documents(bench, "b", 100)
    return short in bench.in_flight("ingest")


def the_place_of_a_long_body_that_died_is_given_back_once_it_is_put_back(bench: Workbench) -> bool:
    bench.ledger.maintenance.dispatch("ingest", window=4, long_window=1)
    first, second = _documents(bench, "a", *[timings.LONG_BYTES + 1] * 2)
    for _ in range(timings.QUARANTINE_DEATHS):
        bench.take(first)
        bench.die_and_be_found(first)
    return second in bench.in_flight("ingest")


def what_two_workers_died_over_lets_others_go_first(bench: Workbench) -> bool:
    window(bench, 1)
    bench.sweep("retrieve")
    suspect, other = bench.ask(priority="batch"), bench.ask(priority="batch")
    for _ in range(timings.QUARANTINE_DEATHS):
        bench.take(suspect)
        bench.die_and_be_found(suspect)
    return bench.in_flight("retrieve") == {other}


def a_job_that_had_its_turn_waits_for_the_others(bench: Workbench) -> bool:
    bench.ledger.maintenance.dispatch("ingest", window=2)
    _documents(bench, "a", *[100] * 5)
    (lone,) = _documents(bench, "b", 100)
    bench.ledger.maintenance.dispatch("ingest", window=4)
    return lone in bench.in_flight("ingest")


def refused(call: Callable[[], object]) -> bool:
    try:
        call()
    except LeaseLost:
        return True
    return False


#: Window by a counter: up at dispatch, down where a body ends.
COUNTER: Rules = (
    (
        r"local taken = redis\.call\('ZCARD', K\.inflight\(role\)\)",
        "local taken = tonumber(redis.call('GET', 'counter:' .. role) or '0')",
    ),
    (
        r"(  redis\.call\('ZADD', K\.inflight\(role\), NOW_MS \+ FIRST_CHECK_MS, id\))",
        r"\1 redis.call('INCR', 'counter:' .. role)",
    ),
    (r"(  close\(id, u, state, fields\))", r"\1 redis.call('DECR', 'counter:' .. u.role)"),
)
#: Epochs counted, not taken from the clock.
COUNTED_EPOCHS: Rules = (
    (
        r"return int\(math\.max\(tonumber\(u\.epoch or '0'\) \+ 1, NOW\)\)",
        "return int(tonumber(u.epoch or '0') + 1)",
    ),
)
IN_FLIGHT = r"if not redis\.call\('ZSCORE', K\.inflight\(u\.role\), id\) then return [^\n]* end"
HELD = r"held = '0', counted = '1', buried"
EXPIRED = r"if u\.state and not FINAL\[u\.state\] then\n      close"
UNCLAIMED = "if not FINAL[u.state] and not redis.call('GET', K.claim(id)) then close"
TOMBSTONE = r"(redis\.call\('HSET', K\.current\(inc\), doc, [^\n]*)"
QUARANTINE = r"refused = \(solo and bodies > 0\) or solo_running"
FENCE = r"u\.state and not FINAL\[u\.state\] and u\.epoch == epoch"
STALL = r"fields\.deaths = int\(tonumber\(u\.deaths\) - 1\)"

RULES: list[tuple[Scenario, Rules]] = [
    (a_cancelled_unit_gives_its_place_in_the_window_back, COUNTER),
    (an_expired_unit_gives_its_place_in_the_window_back, COUNTER),
    (
        chunks_of_a_row_that_ends_unpublished_become_garbage,
        ((r"if not became_current then into_garbage\([^\n]*\) end", ""),),
    ),
    (
        a_superseded_generation_becomes_garbage,
        ((r"(\{outcome = 'superseded'\})\)", r"\1, true)"),),
    ),
    (a_late_message_of_a_waiting_unit_does_not_overfill_the_window, ((IN_FLIGHT, ""),)),
    (
        a_late_message_of_an_earlier_stage_does_not_run_the_next_one,
        ((r"if u\.stage ~= stage then return \{'stage'\} end", ""),),
    ),
    (an_epoch_is_not_given_twice_when_redis_loses_its_last_second, COUNTED_EPOCHS),
    (
        a_stage_begins_with_the_output_of_the_one_before,
        (
            (
                r"local fields = cjson\.decode\(ARGV\[5\]\)\nlocal next_stage",
                "local fields = {}\nlocal next_stage",
            ),
        ),
    ),
    (
        a_unit_whose_cancel_was_accepted_does_not_end_as_succeeded,
        ((r"if cancel_asked\(u\) then", "if false then"),),
    ),
    (a_hung_body_that_is_renewed_for_ever_ends_at_its_deadline, ((EXPIRED, UNCLAIMED),)),
    (
        a_death_whose_messages_are_lost_is_counted_once,
        ((HELD, "buried"),),
    ),
    (
        a_poison_unit_redelivered_before_each_sweep_is_given_up,
        ((r"\ncount_lapse\(id, u\)\n", "\n"),),
    ),
    (
        a_unit_with_two_deaths_runs_only_where_nothing_else_does,
        ((QUARANTINE, "refused = solo_running"),),
    ),
    (
        nothing_is_claimed_beside_a_unit_with_two_deaths,
        ((QUARANTINE, "refused = solo and bodies > 0"),),
    ),
    (
        a_slow_older_update_does_not_bring_a_deleted_document_back,
        ((TOMBSTONE, r"if chunks > 0 then \1 else redis.call('HDEL', K.current(inc), doc) end"),),
    ),
    (
        what_a_zombie_wrote_late_is_found_by_the_check,
        ((r"\ninto_garbage\(inc, member, NOW_MS \+ GARBAGE_MS\)\nreturn \{1\}", "\nreturn {1}"),),
    ),
    (
        rows_of_a_lost_catalogue_are_no_garbage,
        ((r"if entries_are_lost\(inc\) then\n", "if false then\n"),),
    ),
    (
        a_zombie_write_is_refused_once_another_worker_has_the_unit,
        ((FENCE, "u.state and not FINAL[u.state]"),),
    ),
    (
        a_hand_over_whose_answer_was_lost_is_not_done_twice,
        ((r"fields\.epoch = later_epoch\(u\)  -- a repeat", "-- a repeat"),),
    ),
    (a_stall_is_not_a_death, ((STALL, ""),)),
    (
        long_bodies_leave_a_thread_to_a_short_one,
        ((r"redis\.call\('SCARD', K\.long\(\)\) < tonumber\(limit\)", "true"),),
    ),
    (
        the_place_of_a_long_body_that_died_is_given_back_once_it_is_put_back,
        ((r"\n  redis\.call\('SREM', K\.long\(\), id\)", ""),),
    ),
    (
        what_two_workers_died_over_lets_others_go_first,
        ((r"elseif u\.deaths ~= deaths and", "elseif false and"),),
    ),
    (
        a_job_that_had_its_turn_waits_for_the_others,
        ((r"redis\.call\('INCR', K\.turns\(role\)\), owner\)", "0, owner)"),),
    ),
]


@pytest.mark.parametrize(
    ("scenario", "without"), RULES, ids=[scenario.__name__ for scenario, _ in RULES]
)
def test_a_rule_is_kept_and_its_absence_would_show(
    scenario: Scenario, without: Rules, redis_url: str
) -> None:
    safe, unsafe = with_and_without(scenario, without, redis_url)

    assert safe, "the rule is broken as shipped"
    assert unsafe, "the scenario cannot fail: it does not show what the rule is for"


@pytest.mark.parametrize("pattern", sorted({rule[0] for _, rules in RULES for rule in rules}))
def test_the_text_of_a_rule_that_is_taken_out_is_in_one_script_or_more(pattern: str) -> None:
    names = [
        entry.name.removesuffix(".lua")
        for entry in resources.files("protocol.lua").iterdir()
        if entry.name.endswith(".lua")
    ]

    assert any(re.search(pattern, source(name)) for name in names)
