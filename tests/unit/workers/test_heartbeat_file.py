"""The file that a container's probe looks at: fresh while a worker lives and moves."""

from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from jobs.heartbeats import WorkerState
from runtime.settings import Settings
from tests.support.waiting import PATIENCE_S
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
        bodies=busy, trouble="", oldest_s=still_s, pulse=SimpleNamespace(still_s=still_s)
    )
    away = AwayRedis()
    resources: Any = SimpleNamespace(
        durable=SimpleNamespace(redis=away), leases=leases, details=dict
    )
    alive = tmp_path / "alive"
    settings = Settings(alive_file=str(alive), health_still_fail_s=120)
    heart = Heartbeat(resources, WorkerState("a/b/1/c", "a", 1, "b", ("generate",), 2), settings)
    heart.start()
    assert away.asked.wait(PATIENCE_S)
    heart.stop()
    return alive.exists()


@pytest.mark.parametrize(
    ("busy", "still_s", "fresh"),
    [(0, 9_000.0, True), (2, 1.0, True), (1, 500.0, True), (2, 500.0, False)],
)
def test_it_is_touched_while_the_pool_moves_or_has_nothing_to_do_even_without_redis(
    tmp_path: Path, busy: int, still_s: float, *, fresh: bool
) -> None:
    assert touched(tmp_path, busy=busy, still_s=still_s) == fresh
