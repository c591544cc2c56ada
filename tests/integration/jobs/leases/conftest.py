"""Worker processes in little, on a ledger whose rescuer has come by."""

from collections.abc import Iterator

import pytest

from jobs.leases.leases import Leases
from jobs.ledger.work import Work
from protocol import timings
from tests.support.workbench import Workbench
from tests.support.worker_bodies import Process, Start


@pytest.fixture
def bench(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    monkeypatch.setattr(timings, "RENEW_S", 0.05)
    bench = Workbench(redis_url)
    bench.sweep("retrieve")
    yield bench
    bench.close()


@pytest.fixture
def start(bench: Workbench, redis_url: str) -> Iterator[Start]:
    processes: list[Process] = []

    def begin(kind: type[Leases] = Leases, work: Work | None = None) -> Process:
        processes.append(Process(bench, redis_url, kind, work))
        return processes[-1]

    yield begin
    for process in processes:
        process.close()
