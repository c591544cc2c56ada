"""What follows a job's end, as health sees it in Redis: rows for the archive, and webhooks."""

import pytest

from jobs.counters import read_counters
from jobs.webhooks.deliveries import Deliveries
from protocol import timings
from protocol.clock import now_ms
from protocol.keys import key
from tests.support.workbench import Workbench
from web.health import backlogs
from web.health.backlogs import Backlogs
from web.health.check import Check


def finish(bench: Workbench, unit_id: str) -> None:
    bench.ledger.work.finish(bench.take(unit_id), state="succeeded", fields={"result": "{}"})


def probed(sight: Backlogs, bench: Workbench) -> dict[str, Check]:
    return {check.name: check for check in sight.probe(bench.redis)}


def test_rows_that_nobody_archives_are_told_once_that_has_lasted(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    sight = Backlogs()
    assert probed(sight, bench)["archive:waiting"].value == 0
    first, second = bench.ask(), bench.ask()
    finish(bench, first)
    finish(bench, second)
    fresh = probed(sight, bench)["archive:waiting"]
    bench.redis.zadd(key("ended"), {first: now_ms(bench.redis) - 20 * 60_000})
    just_started = probed(sight, bench)["archive:waiting"]
    monkeypatch.setattr(backlogs, "PATIENCE_S", 0.0)
    late = probed(sight, bench)["archive:waiting"]

    assert (fresh.value, fresh.status) == (2, "pass")
    assert just_started.status == "pass"
    assert late.status == "warn"
    assert "for 20 min" in str(late.output)
    bench.redis.zrem(key("ended"), first)
    assert probed(sight, bench)["archive:waiting"].status == "pass"


def test_webhooks_that_were_not_recorded_are_counted_and_told_for_an_hour(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timings, "WEBHOOK_MOST_DUE", 2)
    monkeypatch.setattr(backlogs, "WEBHOOK_MOST_DUE", 2)
    bench = Workbench(redis_url)
    Deliveries(bench.redis, bench.scripts).add_endpoint("https://example.org/all")
    sight = Backlogs()
    finish(bench, bench.ask())
    one_waits = probed(sight, bench)["webhooks:waiting"]
    finish(bench, bench.ask())
    two_wait = probed(sight, bench)["webhooks:waiting"]
    finish(bench, bench.ask())
    dropped = probed(sight, bench)["webhooks:waiting"]

    assert (one_waits.status, one_waits.value) == ("pass", 1)
    assert two_wait.status == "warn"
    assert "beyond 2 none is recorded" in str(two_wait.output)
    assert read_counters(bench.redis).webhooks_dropped == 1
    assert dropped.status == "warn"
    assert "never sent" in str(dropped.output)
    bench.redis.delete(key("deliveries"))
    assert probed(sight, bench)["webhooks:waiting"].status == "warn"
    an_hour_ago = now_ms(bench.redis) - 3_602_000
    bench.redis.hset(key("tallies"), "webhooks_dropped_at", an_hour_ago)
    assert probed(sight, bench)["webhooks:waiting"].status == "pass"
    bench.close()
