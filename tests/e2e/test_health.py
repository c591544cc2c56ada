"""Whatever hangs: health answers at once, and says soon who it is."""

import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from runtime.settings import Settings
from stack.up import Stack
from tests.support.answer_times import assert_quick
from tests.support.waiting import until
from tests.support.whole_stack import Api, quick_stack

log = logging.getLogger(__name__)

NAMED_S = 15.0
RECOVERED_S = 30.0


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose processes may be stopped."""
    with quick_stack(data_dir=tmp_path_factory.mktemp("health")) as running:
        _until(lambda: _health(running.url)["status"] != "fail", within_s=RECOVERED_S)
        yield running


@contextmanager
def _stopped(stack: Stack, name: str) -> Iterator[int]:
    pid = stack.kill(name, signal.SIGSTOP)
    try:
        yield pid
    finally:
        os.kill(pid, signal.SIGCONT)


def _health(url: str) -> dict[str, Any]:
    report: dict[str, Any] = httpx.get(f"{url}/health", timeout=60, trust_env=False).json()
    return report


def _check(url: str, name: str) -> dict[str, Any]:
    check: dict[str, Any] = _health(url)["checks"].get(name, [{}])[0]
    return check


def _until(condition: Callable[[], bool], *, within_s: float, since: float = 0.0) -> float:
    """Wait for a condition; returns how many seconds after *since*, or now, it was met."""
    began = since or time.monotonic()
    until(condition, within_s=within_s - (time.monotonic() - began))
    return time.monotonic() - began


def _named(url: str, check: str, words: str, *, since: float) -> str:
    """Wait until a check that does not pass says *words*, at most fifteen seconds; returns all."""
    said = ""

    def told() -> bool:
        nonlocal said
        seen = _check(url, check)
        said = seen.get("output", "")
        return seen.get("status") in ("warn", "fail") and words in said

    log.info("named after %.1f s", _until(told, within_s=NAMED_S, since=since))
    return said


def _passes(url: str, check: str) -> bool:
    return bool(_check(url, check).get("status") == "pass")


def test_what_keeps_the_network_from_the_readers_of_files_is_told(own: Stack) -> None:
    check = until(lambda: _check(own.url, "parsing:isolation"), within_s=RECOVERED_S)
    said = check.get("observedValue") or check["output"]

    assert said.startswith("files are read")


@pytest.mark.parametrize(
    ("process", "check"), [("redis-queue", "redis:responseTime"), ("chroma", "chroma:responseTime")]
)
def test_a_store_that_hangs_is_named_and_delays_no_answer(
    own: Stack, process: str, check: str
) -> None:
    _until(lambda: _passes(own.url, check), within_s=RECOVERED_S)
    with _stopped(own, process):
        began = time.monotonic()
        assert_quick(own.url)
        _named(own.url, check, "no answer", since=began)
        assert_quick(own.url)
        ready = httpx.get(f"{own.url}/readyz", timeout=60, trust_env=False)
        report = _health(own.url)

    assert report["status"] == "fail"
    # Without Redis no job is accepted; without Chroma it waits.
    assert ready.status_code == (503 if process == "redis-queue" else 200)
    _until(lambda: _passes(own.url, check), within_s=RECOVERED_S)
    assert httpx.get(f"{own.url}/readyz", timeout=60, trust_env=False).status_code == 200


def test_a_worker_that_hangs_is_named_and_forgiven(own: Stack) -> None:
    _until(lambda: _passes(own.url, "workers:retrieve"), within_s=RECOVERED_S)
    with _stopped(own, "retrieval") as pid:
        told = f"/{pid}: no heartbeat for"
        _named(own.url, "workers:retrieve", told, since=time.monotonic())
        assert_quick(own.url)

    _until(lambda: _passes(own.url, "workers:retrieve"), within_s=RECOVERED_S)


def test_health_tells_of_models_indexes_and_the_last_finished_job(own: Stack) -> None:
    with Api(own.url) as api:
        api.ingest({"moon": "The far side of the moon was seen in 1959."}, "seen")
        api.ask("When was the far side of the moon seen?", "seen")
    # Each look is of its own time: the collection and the jobs appear one after the other.
    until(lambda: "lastFinished" in _check(own.url, "queue:retrieve"))
    until(lambda: "lastFinished" in _check(own.url, "queue:embed"))
    until(lambda: _check(own.url, "index:dense").get("observedValue", 0) >= 1)
    until(lambda: _check(own.url, "index:sparse").get("collections", 0) >= 1)
    for check in ("models:embedding", "redis:evictionPolicy", "index:dense", "index:sparse"):
        _until(lambda check=check: _passes(own.url, check), within_s=RECOVERED_S)


def test_a_pool_that_stands_still_is_named_and_recovers(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # refuses who connects, for as long as the stack starts
        settings = Settings(
            generator="openai",
            openai_url=f"http://127.0.0.1:{silent.getsockname()[1]}/v1",
            model="silent",
            openai_concurrency=2,
        )
        only = ("redis-queue", "redis-cache", "generation", "web")
        with quick_stack(data_dir=tmp_path, settings=settings, only=only) as stack:
            url = stack.url
            silent.listen()  # takes who connects, and never says a word
            _until(lambda: _passes(url, "workers:generate"), within_s=RECOVERED_S)
            with Api(url) as api:
                body = {"question": "Is anybody there?", "top_k": 0}
                jobs = [api.post("/api/queries", body)["id"] for _ in range(3)]
                began = time.monotonic()
                until(lambda: _check(url, "workers:generate").get("busy") == 2)
                told = _named(url, "workers:generate", "pool makes no progress for", since=began)
                assert_quick(url)
                pid = stack.process("generation").pid
                for job in jobs:
                    api.http.delete(f"/api/jobs/{job}")
            _until(lambda: _passes(url, "workers:generate"), within_s=RECOVERED_S)

    assert f"/{pid}: " in told
