"""What a question and a document take in the queue's Redis, waiting and for their retention."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from redis import Redis
from rich.progress import Progress

from benchmarks.running.private_stack import PrivateStack
from benchmarks.running.processes import go_on
from benchmarks.running.service import call
from jobs.counters import read_counters
from protocol.keys import PREFIX, key
from protocol.timings import GARBAGE_MS

T = TypeVar("T")

#: Keys that tell what is current of a document, for as long as it is there.
CATALOGUE: Final = ("documents", "current", "newest", "names", "by_hash", "contents", "barren")
#: Keys of a document's row, which end with its retention.
ROWS: Final = ("unit", "rows", "open", "job", "archived", "ended", "jobs")
#: Longest wait for the moment at which what has ended takes no less room any more.
SETTLED_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many questions and documents are counted."""

    questions: int = 1_000
    documents: int = 2_000


def redis_bytes(running: PrivateStack, sizes: Sizes, progress: Progress) -> dict[str, Any]:
    """
    Return bytes of the queue's Redis for each question and document.

    A question counts by the memory of all keys, whatever it is kept in; a document by that of the
    keys that hold its row, and of those that tell what is current of it. What Redis says of its
    used memory has buffers of connections in it, of 32 KB, which come and go.
    """
    figures = _documents(running, sizes.documents, progress)
    return figures | _questions(running, sizes.questions, progress)


def _documents(running: PrivateStack, count: int, progress: Progress) -> dict[str, float]:
    """Ingest short documents; what their rows and their records take when all is settled."""
    redis = running.redis
    before = bytes_by_kind(redis)
    corpus = [
        {
            "_id": f"handbook/chapter-{n // 40:03}/section-{n:05}.md",
            "title": f"Section {n}",
            "text": f"Pump {n} is serviced every {n % 23 + 2} weeks; its filter is number {n * 7}.",
            "metadata": {"department": f"works {n % 7}"},
        }
        for n in range(count)
    ]
    running.service.ingest(corpus, "growth", progress)
    after = _settled(redis, lambda: bytes_by_kind(redis))
    return {
        "document_bytes": _grown(before, after, CATALOGUE) / count,
        "ended_document_bytes": _grown(before, after, ROWS) / count,
    }


def _questions(running: PrivateStack, count: int, progress: Progress) -> dict[str, float]:
    """Ask questions while nobody answers, then have them answered; what each takes."""
    redis, http = running.redis, running.service.http
    bar = progress.add_task("questions", total=2 * count)
    began = _settled(redis, lambda: _kept(redis))
    finished = _finished(redis)
    answering = running.stack.process("retrieval")
    answering.suspend()
    try:
        for n in range(count):
            body = {
                "question": f"How often is pump {n} serviced, and which filter does it have?",
                "collection": "growth",
                "priority": "batch",
                "deadline_s": 3_600,
            }
            call(http, "POST", "/api/queries", json=body)
            progress.advance(bar)
        waiting = _kept(redis)
    finally:
        answering.resume()
    while (done := _finished(redis) - finished) < count:
        progress.update(bar, completed=count + done)
        time.sleep(0.5)
    ended = _settled(redis, lambda: _kept(redis))
    return {
        "waiting_question_bytes": (waiting - began) / count,
        "ended_question_bytes": (ended - began) / count,
    }


def bytes_by_kind(redis: Redis) -> Counter[str]:
    """Return the memory of all keys, by the first word of their names."""
    found: Counter[str] = Counter()
    names = list(redis.scan_iter(match=f"{PREFIX}*", count=1_000))
    for at in range(0, len(names), 1_000):
        pipe = redis.pipeline(transaction=False)
        for name in names[at : at + 1_000]:
            pipe.memory_usage(name, samples=0)
        for name, size in zip(names[at : at + 1_000], pipe.execute(), strict=True):
            found[name.removeprefix(PREFIX).partition(":")[0]] += size or 0
    return found


def _grown(before: Counter[str], after: Counter[str], kinds: tuple[str, ...]) -> int:
    """Return by how much keys of *kinds* grew, bytes."""
    return sum(after[kind] - before[kind] for kind in kinds)


def _settled(redis: Redis, look: Callable[[], T]) -> T:
    """Wait until garbage and ended rows have gone where they stay; return what *look* sees then."""
    time.sleep(GARBAGE_MS / 1000)
    end = time.monotonic() + SETTLED_S
    while time.monotonic() < end and redis.exists(key("ended")):
        go_on()
        time.sleep(1)
    return look()


def _kept(redis: Redis) -> int:
    """Return the memory of all keys, bytes."""
    return sum(bytes_by_kind(redis).values())


def _finished(redis: Redis) -> int:
    """Return how many questions have ended."""
    counts = read_counters(redis).finished
    return sum(count for (kind, _), count in counts.items() if kind == "query")
