"""A Redis that fills up: work is handed over without end, until far more came than it can hold."""

import itertools
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
ACCEPTED: Final = 202


@dataclass(frozen=True, slots=True)
class Caller:
    """Who hands over without end: what, the body of the n-th request, and the pause after it."""

    name: str
    path: str
    body: Callable[[int], dict[str, Any]]
    pause_s: float = 0.0


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
    with ThreadPoolExecutor(len(CALLERS)) as pool:
        running = [
            pool.submit(_hand_over, caller, stack.service, seen, until=end, first=n * 1_000_000)
            for n, caller in enumerate(CALLERS)
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


def _documents(n: int) -> dict[str, Any]:
    """Return an ingest of short documents."""
    documents = [
        {"id": f"note/{i}", "text": f"Valve {i} opens at {i % 19 + 3} bar."}
        for i in range(n * DOCUMENTS, (n + 1) * DOCUMENTS)
    ]
    return {"collection": "full", "documents": documents, "deadline_s": DRAIN_S}


def _batch_question(n: int) -> dict[str, Any]:
    """Return a question that may wait."""
    return {
        "question": f"At which pressure does valve {n} open?",
        "collection": "full", "priority": "batch", "deadline_s": DRAIN_S,
    }  # fmt: skip


def _interactive_question(n: int) -> dict[str, Any]:
    """Return a question that somebody waits for."""
    return {"question": f"What opens at {n % 19} bar?", "collection": "full"}


CALLERS: Final = (
    Caller("ingest", "/api/ingests", _documents),
    Caller("batch", "/api/queries", _batch_question),
    Caller("batch", "/api/queries", _batch_question),
    Caller("interactive", "/api/queries", _interactive_question, INTERACTIVE_PAUSE_S),
)


def _hand_over(caller: Caller, service: Service, seen: Seen, *, until: float, first: int) -> None:
    """Make one request after the other; a refused caller asks again soon, as bad ones do."""
    with service.client() as http:
        for n in itertools.count(first):
            if time.monotonic() >= until:
                return
            go_on()
            response = http.post(caller.path, json=caller.body(n))
            seen.add(caller.name, response)
            if response.status_code != ACCEPTED:
                time.sleep(REFUSED_PAUSE_S)
            time.sleep(caller.pause_s)


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
