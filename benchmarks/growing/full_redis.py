"""A Redis that fills up: work is handed over without end, until far more came than it can hold."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
from redis import Redis
from rich.progress import Progress

from benchmarks.running.private_stack import PrivateStack
from benchmarks.running.processes import go_on
from benchmarks.running.service import Service, call
from jobs.counters import read_counters
from protocol.keys import key
from protocol.messages import CLASSES

#: Documents of one request, and pauses of the two kinds of callers.
DOCUMENTS: Final = 100
INTERACTIVE_PAUSE_S: Final = 0.5
REFUSED_PAUSE_S: Final = 0.2
#: How long what was admitted may take to end, seconds after the last request.
DRAIN_S: Final = 3_600
REFUSED: Final = (429, 503, 507)


@dataclass
class Seen:
    """What callers were answered, by who they are."""

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    without_retry_after: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, caller: str, response: httpx.Response) -> None:
        """Count an answer."""
        with self.lock:
            self.statuses[caller, response.status_code] += 1
            if response.status_code in REFUSED and "Retry-After" not in response.headers:
                self.without_retry_after += 1

    def count(self, caller: str, *wanted: int) -> int:
        """Count answers of these statuses, or all where none is named; no *caller* means all."""
        return sum(
            n for (who, status), n in self.statuses.items()
            if caller in ("", who) and (status in wanted or not wanted)
        )  # fmt: skip


def full_redis(stack: PrivateStack, *, minutes: float, progress: Progress) -> dict[str, Any]:
    """Hand documents and questions over without end for *minutes*, then wait for all of it."""
    seen, redis = Seen(), stack.redis
    call(stack.service.http, "POST", "/api/collections", json={"name": "full"})
    errors = _script_errors(redis)
    end = time.monotonic() + minutes * 60
    bar = progress.add_task("hand over without end", total=minutes * 60)
    peak = 0.0
    callers = (_documents, _batch_questions, _batch_questions, _interactive_questions)
    with ThreadPoolExecutor(len(callers)) as pool:
        running = [
            pool.submit(caller, stack.service, seen, lambda: time.monotonic() < end, n)
            for n, caller in enumerate(callers)
        ]
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(1.0, left))
            progress.update(bar, completed=minutes * 60 - max(0.0, left))
            peak = max(peak, _share(redis))
        for one in running:
            one.result()
    drained_s = _drained(redis, progress)
    counters = read_counters(redis)
    return {
        "full_peak_share": peak,
        "full_script_errors": _script_errors(redis) - errors,
        "full_http_500": seen.count("", 500),
        "full_other_answers": seen.count("") - seen.count("", 202, 500, *REFUSED),
        "full_refusals": seen.count("", *REFUSED),
        "full_refusals_without_retry_after": seen.without_retry_after,
        "full_questions_admitted": seen.count("batch", 202) + seen.count("interactive", 202),
        "full_ingests_admitted": seen.count("ingest", 202),
        "full_interactive_admitted": seen.count("interactive", 202),
        "full_interactive_refused": seen.count("interactive", *REFUSED),
        "full_lost": sum(counters.submitted.values()) - sum(counters.finished.values()),
        "full_drained_s": drained_s,
    }


def _documents(service: Service, seen: Seen, more: Callable[[], bool], seed: int) -> None:
    """Hand over documents, each request as soon as the one before was answered."""
    n = seed * 1_000_000
    with service.client() as http:
        while more():
            go_on()
            documents = [
                {"id": f"note/{n + i}", "text": f"Valve {n + i} opens at {i % 19 + 3} bar."}
                for i in range(DOCUMENTS)
            ]
            n += DOCUMENTS
            body = {"collection": "full", "documents": documents, "deadline_s": DRAIN_S}
            _handed(http, seen, "ingest", "/api/ingests", body)


def _batch_questions(service: Service, seen: Seen, more: Callable[[], bool], seed: int) -> None:
    """Ask batch questions, each as soon as the one before was admitted."""
    n = seed * 1_000_000
    with service.client() as http:
        while more():
            go_on()
            n += 1
            body = {
                "question": f"At which pressure does valve {n} open?",
                "collection": "full", "priority": "batch", "deadline_s": DRAIN_S,
            }  # fmt: skip
            _handed(http, seen, "batch", "/api/queries", body)


def _interactive_questions(
    service: Service, seen: Seen, more: Callable[[], bool], seed: int
) -> None:
    """Ask two interactive questions a second."""
    n = seed * 1_000_000
    with service.client() as http:
        while more():
            go_on()
            n += 1
            body = {"question": f"What opens at {n % 19} bar?", "collection": "full"}
            _handed(http, seen, "interactive", "/api/queries", body)
            time.sleep(INTERACTIVE_PAUSE_S)


def _handed(http: httpx.Client, seen: Seen, caller: str, path: str, body: Any) -> None:
    """Make a call and count its answer; a refused caller asks again soon, as bad ones do."""
    response = http.post(path, json=body)
    seen.add(caller, response)
    if response.status_code != 202:
        time.sleep(REFUSED_PAUSE_S)


def _drained(redis: Redis, progress: Progress) -> float:
    """Wait until nothing is open any more; return the seconds that took."""
    began = time.monotonic()
    first = max(1, _open(redis))
    bar = progress.add_task("what was admitted ends", total=first)
    while (left := _open(redis)) and time.monotonic() - began < DRAIN_S:
        go_on()
        progress.update(bar, completed=first - left)
        time.sleep(1)
    return time.monotonic() - began


def _open(redis: Redis) -> int:
    """Count units that have not ended."""
    return sum(redis.zcard(key("deadlines", name)) for name in CLASSES)


def _script_errors(redis: Redis) -> int:
    """
    Count scripts that failed, and commands that were refused for want of memory.

    Redis 6.2 counts a refused command of a script as the script's own failure (INFO commandstats);
    a script that is only not loaded yet is none.
    """
    errors, commands = redis.info("errorstats"), redis.info("commandstats")
    failed = int(commands.get("cmdstat_evalsha", {}).get("failed_calls", 0))
    unknown, refused = (_errors(errors, kind) for kind in ("NOSCRIPT", "OOM"))
    return failed - unknown + refused


def _errors(told: Mapping[str, Any], kind: str) -> int:
    """Count answers that were errors of a kind."""
    return int(told.get(f"errorstat_{kind}", {"count": 0})["count"])


def _share(redis: Redis) -> float:
    """Return which part of its memory Redis has in use."""
    memory = redis.info("memory")
    return float(memory["used_memory"]) / float(memory["maxmemory"])
