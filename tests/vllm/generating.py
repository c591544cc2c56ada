"""A stack that generates, with the few moves that its tests repeat."""

import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import psutil
from redis import Redis

from jobs.events import read_events
from jobs.heartbeats import live_workers
from protocol.keys import key
from protocol.timings import CHANCE
from stack.up import Stack
from tests.support.whole_stack import Api


@dataclass(frozen=True)
class Event:
    id: str
    kind: str
    data: Any


class Generating(Api):
    """The API of a stack with a generation worker, and what the engine says of itself."""

    def __init__(self, stack: Stack, *, metrics_port: int) -> None:
        super().__init__(stack.url)
        self.stack = stack
        self._metrics = f"http://127.0.0.1:{metrics_port}/metrics"

    def submit(self, question: str, *, max_tokens: int, **more: Any) -> str:
        body = {"question": question, "top_k": 0, "max_tokens": max_tokens} | more
        return str(self.post("/api/queries", body)["id"])

    def results(self, jobs: Sequence[str], *, within_s: float = 120) -> list[dict[str, Any]]:
        return [self.finished(job, within_s=within_s) for job in jobs]

    def cancel(self, job: str) -> None:
        assert self.http.delete(f"/api/jobs/{job}").is_success

    def busy_threads(self) -> int:
        """How many task bodies the generation worker said it runs."""
        with Redis.from_url(self.stack.redis_url, decode_responses=True) as redis:
            return max(worker.busy for worker in live_workers(redis) if worker.role == "generation")

    def events(self, job: str, *, after: str | None = None) -> list[Event]:
        headers = {} if after is None else {"Last-Event-ID": after}
        text = self.http.get(f"/api/jobs/{job}/events", headers=headers).text
        found = re.findall(r"^id: (.+)\nevent: (.+)\ndata: (.+)$", text, re.MULTILINE)
        return [Event(entry, kind, json.loads(data)) for entry, kind, data in found]

    def so_far(self, job: str) -> list[Event]:
        """What was told of a job that may still run."""
        with Redis.from_url(self.stack.redis_url, decode_responses=True) as redis:
            return [Event(e.id, e.kind, e.data) for e in read_events(redis, job, "0-0")]

    def write_deaths(self, job: str, deaths: int) -> None:
        """Let a question have died so often, alone of late and on a quiet machine."""
        with Redis.from_url(self.stack.redis_url, decode_responses=True) as redis:
            redis.hset(key("unit", job), mapping={"deaths": deaths, "chance": CHANCE})

    def metric(self, name: str) -> float:
        text = httpx.get(self._metrics, trust_env=False, timeout=10).text
        values = re.findall(rf"^{re.escape(name)}\{{.*?\}} (\S+)$", text, re.MULTILINE)
        assert values, f"no metric {name}"
        return sum(float(value) for value in values)

    def running(self) -> int:
        """How many requests have a place in the engine."""
        return int(self.metric("vllm:num_requests_running"))

    def wait_until_running(self, count: int, *, within_s: float = 30) -> None:
        began = time.monotonic()
        while (running := self.running()) != count:
            assert time.monotonic() - began < within_s, f"{running} run, not {count}"
            time.sleep(0.02)

    def engine_processes(self) -> list[psutil.Process]:
        """The engine core, and the workers below it."""
        children = self.stack.process("generation").children(recursive=True)
        return [child for child in children if child.cmdline()[0].startswith("VLLM::")]


def wait_until(condition: Callable[[], bool], *, within_s: float) -> float:
    """Wait for a condition; returns how long it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < within_s, f"not within {within_s} s"
        time.sleep(0.02)
    return time.monotonic() - began


def told(events: Sequence[Event]) -> str:
    """The text of the last attempt's deltas, in order."""
    kinds = [event.kind for event in events]
    start = len(kinds) - kinds[::-1].index("reset") if "reset" in kinds else 0
    return "".join(event.data["text"] for event in events[start:] if event.kind == "token")
