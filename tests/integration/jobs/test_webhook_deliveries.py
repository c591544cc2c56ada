"""Deliveries on the real ledger: recorded with the end of a job, taken, settled, never lost."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from jobs.errors import TooManyWebhooks
from jobs.webhooks.deliveries import Deliveries, Delivery, Outcome
from protocol.keys import key
from tests.support.workbench import Workbench

GOOD = Outcome(delivered=True, status=204, took_ms=3)
BAD = Outcome(delivered=False, status=500)


@pytest.fixture
def deliveries(bench: Workbench) -> Deliveries:
    return Deliveries(bench.redis, bench.scripts)


def finish(bench: Workbench, unit_id: str) -> None:
    bench.ledger.work.finish(bench.take(unit_id), state="succeeded", fields={"result": "{}"})


def due_now(bench: Workbench) -> None:
    """Let what waits be due, as time would."""
    for name in bench.redis.zrange(key("deliveries"), 0, -1):
        bench.redis.zadd(key("deliveries"), {name: 0})


def events(taken: list[Delivery]) -> list[tuple[str, Any]]:
    return [(one.message_id, one.event["type"]) for one in taken]


def test_the_end_of_a_question_is_due_to_every_endpoint_and_to_its_own_url(
    bench: Workbench, deliveries: Deliveries
) -> None:
    endpoint, secret = deliveries.add_endpoint("https://example.org/all")
    unit_id = bench.ask()
    bench.redis.hset(key("unit", unit_id), "webhook_url", "https://example.org/one")
    assert deliveries.take(10, running={}) == []

    finish(bench, unit_id)

    taken = {one.endpoint: one for one in deliveries.take(10, running={})}
    assert taken.keys() == {endpoint, "jobs"}
    assert {one.message_id for one in taken.values()} == {f"msg_{unit_id}"}
    assert (taken[endpoint].url, taken[endpoint].secret) == ("https://example.org/all", secret)
    assert (taken["jobs"].url, taken["jobs"].secret) == ("https://example.org/one", "")
    told = json.loads(taken["jobs"].payload())
    assert (told["type"], told["data"]["id"]) == ("job.succeeded", unit_id)


def test_a_search_is_told_to_nobody_and_without_endpoints_nothing_is_written(
    bench: Workbench, deliveries: Deliveries
) -> None:
    finish(bench, bench.ask())
    deliveries.add_endpoint("https://example.org/all")
    search = bench.ask()
    bench.redis.hset(key("unit", search), "kind", "search")
    finish(bench, search)

    assert deliveries.take(10, running={}) == []


def test_an_ingest_is_told_once_when_its_last_row_has_ended(
    bench: Workbench, deliveries: Deliveries
) -> None:
    deliveries.add_endpoint("https://example.org/all")
    collection_id = bench.collection()
    job_id, rows = bench.ingest(collection_id, "a", "b")
    for row in rows:
        assert deliveries.take(10, running={}) == []
        bench.parse(row)
        bench.publish(row)

    assert events(deliveries.take(10, running={})) == [(f"msg_{job_id}", "job.succeeded")]


def test_what_a_dead_sender_took_is_due_again_and_its_late_outcome_is_not_written(
    bench: Workbench, deliveries: Deliveries
) -> None:
    deliveries.add_endpoint("https://example.org/all")
    finish(bench, bench.ask())
    (first,) = deliveries.take(10, running={})
    assert deliveries.take(10, running={}) == []
    due_now(bench)  # its lease has lapsed

    (second,) = deliveries.take(10, running={})

    assert (second.name, second.attempt) == (first.name, 2)
    assert not deliveries.settle(first, BAD, again_in_s=None)
    assert deliveries.settle(second, GOOD, again_in_s=None)
    due_now(bench)
    assert deliveries.take(10, running={}) == []


def test_a_failed_try_is_due_again_and_after_the_last_one_it_waits_for_a_replay(
    bench: Workbench, deliveries: Deliveries
) -> None:
    endpoint, _ = deliveries.add_endpoint("https://example.org/all")
    finish(bench, bench.ask())
    (first,) = deliveries.take(10, running={})
    deliveries.settle(first, BAD, again_in_s=30)
    assert deliveries.take(10, running={}) == []
    due_now(bench)
    (second,) = deliveries.take(10, running={})
    assert second.tries == 2
    deliveries.settle(second, BAD, again_in_s=None)
    (told,) = deliveries.log(endpoint)
    assert (told["state"], told["status"]) == ("given_up", "500")

    assert deliveries.replay(endpoint, second.message_id)

    (third,) = deliveries.take(10, running={})
    assert (third.message_id, third.tries) == (first.message_id, 1)
    assert not deliveries.replay(endpoint, "msg_of_nobody")


def test_gone_disables_an_endpoint_until_it_takes_a_message_again(
    bench: Workbench, deliveries: Deliveries
) -> None:
    endpoint, _ = deliveries.add_endpoint("https://example.org/all")
    finish(bench, bench.ask())
    (taken,) = deliveries.take(10, running={})
    deliveries.settle(taken, Outcome(delivered=False, gone=True, status=410), again_in_s=None)
    finish(bench, bench.ask())
    assert "disabled" in deliveries.endpoints()[0]
    assert deliveries.take(10, running={}) == []

    assert deliveries.test(endpoint)
    (test,) = deliveries.take(10, running={})
    deliveries.settle(test, GOOD, again_in_s=None)

    assert test.event["type"] == "webhook.test"
    assert "disabled" not in deliveries.endpoints()[0]


def test_one_endpoint_that_hangs_takes_a_few_threads_and_holds_up_nobody(
    deliveries: Deliveries,
) -> None:
    hangs, _ = deliveries.add_endpoint("https://example.org/hangs")
    for _ in range(120):
        deliveries.test(hangs)
    other, _ = deliveries.add_endpoint("https://example.org/other")
    deliveries.test(other)

    first = deliveries.take(8, running={})
    second = deliveries.take(6, running={hangs: 2})

    assert [one.endpoint for one in first] == [hangs, hangs]
    assert other in [one.endpoint for one in second]
    assert hangs not in [one.endpoint for one in second]


def test_urls_of_jobs_are_told_apart_by_their_hosts(
    bench: Workbench, deliveries: Deliveries
) -> None:
    for n in range(4):
        unit_id = bench.ask()
        url = f"https://host{n % 2}.example/{n}"
        bench.redis.hset(key("unit", unit_id), "webhook_url", url)
        finish(bench, unit_id)

    taken = deliveries.take(8, running={"https://host0.example": 2})

    assert {one.group for one in taken} == {"https://host1.example"}
    assert len(taken) == 2


def test_a_removed_endpoint_hears_nothing_more_and_there_are_ten_at_most(
    bench: Workbench, deliveries: Deliveries
) -> None:
    names = [deliveries.add_endpoint("https://example.org/all")[0] for _ in range(10)]
    with pytest.raises(TooManyWebhooks, match="10 webhooks"):
        deliveries.add_endpoint("https://example.org/one-more")
    finish(bench, bench.ask())

    assert all(deliveries.remove_endpoint(name) for name in names)

    assert not deliveries.remove_endpoint(names[0])
    assert deliveries.take(20, running={}) == []
    assert list(bench.redis.scan_iter(match="quern:deliver*")) == []


def test_the_log_keeps_the_newest_and_what_is_due_stays_though_it_is_not_listed(
    bench: Workbench, deliveries: Deliveries
) -> None:
    endpoint, _ = deliveries.add_endpoint("https://example.org/all")
    waits = deliveries.test(endpoint)
    (first,) = deliveries.take(1, running={})
    deliveries.settle(first, BAD, again_in_s=600)
    for _ in range(101):
        deliveries.test(endpoint)
        (taken,) = deliveries.take(1, running={})
        deliveries.settle(taken, GOOD, again_in_s=None)

    listed = [told["message"] for told in deliveries.log(endpoint)]

    assert len(listed) == 100
    assert waits not in listed
    assert bench.redis.zcard(key("deliveries")) == 1
    due_now(bench)
    assert deliveries.take(1, running={})[0].message_id == waits
    assert len(list(bench.redis.scan_iter(match="quern:delivery:*"))) == 101


class Telling(RuleBasedStateMachine):
    """Jobs end, senders take, die, come late and settle: every end is delivered or due."""

    taken = Bundle("taken")
    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.bench = Workbench(self.url)
        self.deliveries = Deliveries(self.bench.redis, self.bench.scripts)
        self.endpoint = self.deliveries.add_endpoint("https://example.org")[0]
        self.ended: set[str] = set()
        self.heard: set[str] = set()

    def teardown(self) -> None:
        self.bench.close()

    @rule()
    def end(self) -> None:
        unit_id = self.bench.ask()
        finish(self.bench, unit_id)
        self.ended.add(f"msg_{unit_id}")

    @rule(target=taken)
    def take(self) -> list[Delivery]:
        return self.deliveries.take(2, running={})

    @rule()
    def lapse(self) -> None:
        due_now(self.bench)

    @rule(of=taken, good=st.booleans())
    def send(self, of: list[Delivery], *, good: bool) -> None:
        for one in of:
            if good:
                self.heard.add(one.message_id)
            outcome = GOOD if good else BAD
            self.deliveries.settle(one, outcome, again_in_s=None if good else 5)

    @rule(of=taken)
    def send_and_die(self, of: list[Delivery]) -> None:
        self.heard.update(one.message_id for one in of)

    @invariant()
    def every_end_was_heard_or_is_due(self) -> None:
        due = {name.partition("/")[2] for name in self.bench.redis.zrange(key("deliveries"), 0, -1)}
        assert self.ended <= self.heard | due
        assert due <= self.ended


def test_whatever_dies_every_end_is_heard_or_due(redis_url: str) -> None:
    machine = type("OnThisRedis", (Telling,), {"url": redis_url})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=15, stateful_step_count=20, deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
