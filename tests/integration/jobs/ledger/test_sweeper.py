"""The rescuer on a real Redis: which deaths it counts, and who sweeps."""

from pathlib import Path

import pytest
from celery import Celery

from corpus.blobs import BlobStore
from protocol import timings
from protocol.keys import key
from protocol.messages import Message
from tasks.sending import sender
from tests.support.waiting import until
from tests.support.workbench import Workbench
from workers.maintenance import PeriodicService, Rescuer


class Swept:
    """A rescuer on a clock of its own, and a unit whose worker has died."""

    def __init__(self, bench: Workbench, folder: Path, clock: pytest.MonkeyPatch) -> None:
        self.bench = bench
        self.now_s = 1_000.0
        clock.setattr("workers.maintenance.time.monotonic", lambda: self.now_s)
        self.storage = bench.storage(BlobStore(folder))
        self.rescuer = Rescuer(self.storage)
        self.rescuer.turn()
        self.unit = bench.ask()
        bench.take(self.unit)
        bench.die(self.unit)
        bench.due(self.unit)


@pytest.fixture
def swept(bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Swept:
    return Swept(bench, tmp_path, monkeypatch)


def test_a_rescuer_in_its_beat_counts_deaths(swept: Swept) -> None:
    swept.now_s += timings.RESCUE_S
    swept.rescuer.turn()

    assert swept.bench.deaths(swept.unit) == 1


def test_a_rescuer_that_could_not_reach_redis_for_a_while_counts_none(swept: Swept) -> None:
    swept.now_s += timings.SWEEP_GAP_MS / 1_000 + 0.1
    swept.rescuer.turn()

    assert swept.bench.deaths(swept.unit) == 0


def test_a_rescuer_that_only_lacked_the_lock_counts_deaths(swept: Swept) -> None:
    for _ in range(10):
        swept.now_s += timings.RESCUE_S
        swept.rescuer.reached()
    swept.rescuer.turn()

    assert swept.bench.deaths(swept.unit) == 1


def test_a_rescuer_that_follows_a_dead_one_counts_deaths(swept: Swept) -> None:
    swept.bench.redis.hincrby(key("watch"), "last", -20_000)
    swept.now_s += 20
    Rescuer(swept.storage).turn()

    assert swept.bench.deaths(swept.unit) == 1


def test_the_service_are_done_by_one_process_and_taken_over_when_it_stops(
    swept: Swept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    turns: list[str] = []
    reached: list[str] = []

    def service(name: str) -> PeriodicService:
        return PeriodicService(
            swept.storage,
            name="test",
            every_s=0.01,
            turn=lambda: turns.append(name),
            reached=lambda: reached.append(name),
        )

    with service("first"):
        assert until(lambda: turns)
        with service("second"):
            assert until(lambda: reached.count("second") > 5)
            assert set(turns) == {"first"}
    swept.bench.redis.delete(key("lock", "test"))
    with service("third"):
        assert until(lambda: "third" in turns)


def test_a_broker_that_is_away_is_said_in_a_word_the_ledger_knows() -> None:
    app = Celery(broker="redis://127.0.0.1:9/0")
    app.conf.broker_transport_options = {"max_retries": 0}
    app.conf.task_publish_retry = False

    with pytest.raises(ConnectionError):
        sender(app)(Message("unit", "parse", 0))
