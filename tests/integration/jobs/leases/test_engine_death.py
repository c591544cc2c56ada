"""What the engine's needs ask of the ledger: deaths that count, and room for the interactive."""

from collections.abc import Iterator

import pytest

from jobs.heartbeats import WorkerState, batch_windows, failures, forget_failure, record_failure
from jobs.leases.leases import Leases
from protocol import timings
from rag.errors import EngineDead, Retryable
from runtime.redis_clients import ledger_client
from tests.support.workbench import Workbench


@pytest.fixture
def bench(redis_url: str) -> Iterator[Workbench]:
    bench = Workbench(redis_url)
    bench.sweep("retrieve")
    yield bench
    bench.close()


def test_the_engines_death_under_a_unit_is_a_death_of_that_unit(
    bench: Workbench, redis_url: str
) -> None:
    unit_id = bench.ask()
    with (
        ledger_client(redis_url, connections=2) as redis,
        Leases(bench.ledger.work, redis, name="worker") as leases,
    ):
        with pytest.raises(EngineDead), leases.claim(unit_id, "retrieve"):
            raise EngineDead("the engine died")
        held = bench.state(unit_id)
    bench.die_and_be_found(unit_id)

    assert held == "running"
    assert bench.deaths(unit_id) == 1


def test_batch_waits_while_only_reserved_room_is_left(bench: Workbench) -> None:
    bench.ledger.maintenance.dispatch("retrieve", window=4, batch_window=2)
    batch = [bench.ask(priority="batch") for _ in range(3)]
    interactive = [bench.ask() for _ in range(3)]

    assert bench.in_flight("retrieve") == {*batch[:2], *interactive[:2]}

    for unit_id in interactive[:2]:
        bench.ledger.work.finish(bench.take(unit_id), state="succeeded", fields={})

    assert bench.in_flight("retrieve") == {*batch[:2], interactive[2]}

    bench.ledger.maintenance.dispatch("retrieve", window=4)

    assert bench.in_flight("retrieve") == {*batch, interactive[2]}


def test_the_batch_window_leaves_the_reserve_of_each_worker_free() -> None:
    plain = WorkerState("r", "retrieval", 1, "h", ("retrieve",), 8)
    engines = [WorkerState(n, "generation", 2, "h", ("generate",), 96, reserve=8) for n in "ab"]

    assert batch_windows([plain, *engines]) == {"generate": 176}


def test_why_a_worker_did_not_start_is_known_until_one_does(bench: Workbench) -> None:
    record_failure(bench.redis, ("generate",), "no memory")
    before = failures(bench.redis)
    forget_failure(bench.redis, ("generate",))

    assert before == {"generate": "no memory"}
    assert failures(bench.redis) == {}


def test_what_a_unit_waits_for_is_told_until_one_ends_well(
    bench: Workbench, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits, ends = bench.ask(), bench.ask()
    with (
        ledger_client(redis_url, connections=2) as redis,
        Leases(bench.ledger.work, redis, name="worker") as leases,
    ):
        before = leases.last_error
        with leases.claim(waits, "retrieve"):
            raise Retryable("the model server is away")
        during = leases.last_error
        monkeypatch.setattr(timings, "LAST_ERROR_S", 0.0)
        long_after = leases.last_error
        monkeypatch.undo()
        with leases.claim(ends, "retrieve") as lease:
            assert lease is not None
            lease.finish(state="succeeded", fields={})
        after = leases.last_error

    assert (before, during, long_after, after) == ("", "the model server is away", "", "")
