"""The heart of a worker: it outlives faults, and its file is fresh while a worker moves."""

from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from jobs.heartbeats import WorkerState
from runtime import background
from runtime.settings import Settings
from tests.support.waiting import PATIENCE_S, until
from workers.heartbeat import Heartbeat


class AwayRedis:
    """A Redis that nobody reaches, and that says when somebody tried: after the file's turn."""

    def __init__(self) -> None:
        self.asked = Event()

    def time(self) -> None:
        self.asked.set()
        raise RedisConnectionError("away")

    def pipeline(self, **_: Any) -> Any:
        self.asked.set()
        raise RedisConnectionError("away")


def touched(tmp_path: Path, *, busy: int, still_s: float) -> bool:
    """Beat once or twice, and tell whether the file was touched."""
    leases: Any = SimpleNamespace(
        bodies=busy,
        last_error="",
        oldest_s=still_s,
        stall_detector=SimpleNamespace(still_s=still_s),
    )
    away = AwayRedis()
    resources: Any = SimpleNamespace(
        storage=SimpleNamespace(redis=away), leases=leases, details=dict
    )
    alive = tmp_path / "alive"
    settings = Settings(alive_file=str(alive), health_still_fail_s=120)
    heart = Heartbeat(resources, WorkerState("a/b/1/c", "a", 1, "b", ("generate",), 2), settings)
    heart.start()
    assert away.asked.wait(PATIENCE_S)
    heart.stop()
    return alive.exists()


def test_a_fault_of_one_beat_does_not_stop_the_heart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "FAULT_S", 0.001)
    beats: list[int] = []

    class Faulty:
        trouble, oldest_s = "", 0.0

        @property
        def bodies(self) -> int:
            beats.append(1)
            raise ZeroDivisionError("a fault of ours")

    resources: Any = SimpleNamespace(
        storage=SimpleNamespace(redis=AwayRedis()), leases=Faulty(), details=dict
    )
    heart = Heartbeat(resources, WorkerState("a/b/1/c", "a", 1, "b", ("generate",), 2), Settings())
    heart.start()

    assert until(lambda: len(beats) > 1)
    heart.stop()


@pytest.mark.parametrize(
    ("busy", "still_s", "fresh"),
    [(0, 9_000.0, True), (2, 1.0, True), (1, 500.0, True), (2, 500.0, False)],
)
def test_it_is_touched_while_the_pool_moves_or_has_nothing_to_do_even_without_redis(
    tmp_path: Path, busy: int, still_s: float, *, fresh: bool
) -> None:
    assert touched(tmp_path, busy=busy, still_s=still_s) == fresh
