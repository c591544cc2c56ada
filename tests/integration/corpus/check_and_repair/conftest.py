"""A collection to break, on a real Redis, a real Chroma and a real follower."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol import timings
from stack.up import Stack
from tests.support.worlds.checked_world import World


@pytest.fixture(scope="session")
def chroma_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Stack.start(data_dir=tmp_path_factory.mktemp("chroma"), only=("chroma",)) as stack:
        yield stack.chroma_url


@pytest.fixture
def world(
    redis_url: str, chroma_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    monkeypatch.setattr(timings, "PUBLISH_WAIT_S", 0.02)
    monkeypatch.setattr(timings, "AUDIT_WAIT_S", 20.0)
    monkeypatch.setattr(timings, "RENEW_S", 0.2)
    world = World(redis_url, chroma_url, tmp_path)
    world.fill()
    yield world
    world.close()
