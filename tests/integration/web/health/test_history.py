"""The history of the installation: a sample a step, whoever comes first, and the last hour."""

import pytest

from jobs.heartbeats import WorkerState
from protocol.clock import now_ms
from protocol.keys import key
from tests.support.workbench import Workbench
from web.health.check import Check
from web.health.history import SAMPLES, STEP_S, HistoryKeeper, HistoryReader

CHECKS = [
    Check("queue:retrieve", "pass", "system", value=7),
    Check("queue:retrieve:age", "pass", "system", value=1.5),
]
CACHE = {"hits_l1": 5, "hits_l2": 2, "joined": 1, "misses": 2, "corrupt": 0}
WORKERS = [
    WorkerState("a", "retrieval", 1, "h", ["retrieve"], 4, busy=3,
                details={"embedding_cache": CACHE}),
    WorkerState("b", "generation", 2, "h", ["generate"], 4, busy=1,
                details={"engine": {"running": 3, "waiting": 2}}),
]  # fmt: skip


@pytest.fixture
def reader(redis_url: str) -> HistoryReader:
    return HistoryReader(redis_url)


def test_a_sample_has_the_worst_of_its_step_and_what_was_counted(
    bench: Workbench, reader: HistoryReader
) -> None:
    asked = bench.ask()
    bench.ledger.work.finish(bench.take(asked), state="succeeded", fields={"result": "{}"})
    clock = iter([-2.0, 0.0, 0.0])  # in the midst of a step, and at its end
    keeper = HistoryKeeper(clock=lambda: next(clock))
    keeper.see(bench.redis, CHECKS, WORKERS)
    keeper.see(bench.redis, [], WORKERS)

    newest, samples = reader.read()
    reader.close()
    (sample,) = samples.values()
    assert newest in (*samples, *(step + STEP_S * 1000 for step in samples))
    assert (sample.waiting, sample.oldest_s) == ({"retrieve": 7}, {"retrieve": 1.5})
    assert sample.busy == {"retrieve": 3, "generate": 1}
    assert (sample.running, sample.queued) == (3, 2)
    assert (sample.looked_up, sample.missed) == (10, 2)
    assert sample.finished == {"query": 1}
    assert sum(sample.took) == 1


def test_of_several_processes_one_writes_a_step_and_the_last_hour_is_kept(
    bench: Workbench, reader: HistoryReader
) -> None:
    now = now_ms(bench.redis)
    for n in range(SAMPLES + 30, 1, -1):
        bench.redis.xadd(key("history"), {"sample": "{}"}, id=f"{now - n * STEP_S * 1000}-1")
    for _ in range(3):  # each a process
        HistoryKeeper().see(bench.redis, CHECKS, [])

    _, samples = reader.read()
    reader.close()
    assert bench.redis.xlen(key("history")) in (SAMPLES, SAMPLES + 1)
    assert len(samples) == SAMPLES
    assert [bool(one.waiting) for one in samples.values()].count(True) <= 2


def test_samples_of_another_build_and_of_a_clock_that_went_back_are_left_out(
    bench: Workbench, reader: HistoryReader
) -> None:
    far = now_ms(bench.redis) + 3_600_000
    bench.redis.xadd(key("history"), {"sample": '{"of_tomorrow": 1}'}, id=f"{far}-1")
    assert reader.read()[1] == {}
    HistoryKeeper().see(bench.redis, CHECKS, [])
    HistoryKeeper().see(bench.redis, CHECKS, [])

    _, samples = reader.read()
    reader.close()
    assert [one.waiting for one in samples.values()] == [{"retrieve": 7}]
