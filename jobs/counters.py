"""Counters of the ledger: jobs, documents and questions of lists, for /metrics."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from redis import Redis

from protocol.keys import key

#: Jobs by the bucket of their duration: 10 ms, twice as much each, and what took longer.
BUCKETS = 16


@dataclass(slots=True)
class Durations:
    """How long jobs of a kind took: how many in each bucket, and all together."""

    buckets: list[int] = field(default_factory=lambda: [0] * BUCKETS)
    sum_s: float = 0.0


@dataclass(slots=True)
class Counters:
    """
    Counts since the ledger began, each by the script that made the change: exactly once.

    *submitted* by kind, *finished* by (kind, outcome), *documents* and *questions* of lists by
    outcome; *forgotten* before their time; *webhooks_dropped*, messages for which there was no
    room.
    """

    submitted: dict[str, int] = field(default_factory=dict)
    finished: dict[tuple[str, str], int] = field(default_factory=dict)
    documents: dict[str, int] = field(default_factory=dict)
    questions: dict[str, int] = field(default_factory=dict)
    durations: dict[str, Durations] = field(default_factory=dict)
    forgotten: int = 0
    webhooks_dropped: int = 0


def read_counters(redis: Redis) -> Counters:
    """Read what was counted."""
    return counters_of(redis.hgetall(key("tallies")))


def counters_of(said: Mapping[str, str]) -> Counters:
    """Read the hash that the scripts count in."""
    counters = Counters()
    for name, count in said.items():
        match name.split(":"):
            case "submitted", kind:
                counters.submitted[kind] = int(count)
            case "finished", kind, outcome:
                counters.finished[kind, outcome] = int(count)
            case ["forgotten"]:
                counters.forgotten = int(count)
            case ["webhooks_dropped"]:
                counters.webhooks_dropped = int(count)
            case "document", outcome:
                counters.documents[outcome] = int(count)
            case "question", outcome:
                counters.questions[outcome] = int(count)
            case "took", kind, bucket:
                counters.durations.setdefault(kind, Durations()).buckets[int(bucket)] = int(count)
            case "took_us", kind:
                counters.durations.setdefault(kind, Durations()).sum_s = int(count) / 1e6
    return counters
