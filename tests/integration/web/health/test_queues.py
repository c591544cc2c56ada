"""What waits in a queue, as health sees it in Redis."""

import pytest

from protocol.clock import now_ms
from protocol.keys import key
from runtime.settings import Settings
from tests.support.workbench import Workbench
from web.health.queues import ASIDE, Queues


@pytest.mark.parametrize("lane", [*ASIDE, "interactive"])
def test_a_question_is_late_in_whatever_lane_it_waits(bench: Workbench, lane: str) -> None:
    question = bench.ask()
    age = Queues(Settings())
    early = {check.name: check for check in age.probe(bench.redis)[0]}["queue:retrieve:age"]
    since = (now_ms(bench.redis) - 3_600_000) * 1000
    bench.redis.zrem(key("lane", "retrieve", "interactive"), question)
    bench.redis.zadd(key("lane", "retrieve", lane), {question: since})
    bench.redis.hset(key("unit", question), "created", str(since))

    late = {check.name: check for check in age.probe(bench.redis)[0]}["queue:retrieve:age"]

    assert (early.status, late.status) == ("pass", "fail")
    assert 3_600 <= float(str(late.value)) < 3_700
