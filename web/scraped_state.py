"""What a scrape of /metrics shows of queues, jobs, stores and disk, within 250 ms."""

import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Final

from prometheus_client.metrics_core import Metric
from redis import Redis

from access.keys import ApiKeys
from access.spending import spent
from jobs.counters import BUCKETS, Counters, counters_of
from jobs.heartbeats import WorkerState, live_workers
from jobs.units import FINAL_STATES
from protocol.keys import CELERY_PREFIX, key
from protocol.messages import LANES_OF, ROLES
from runtime.metrics.collecting import show, show_histogram, show_one
from runtime.metrics.families import ENDS, KINDS, OUTCOMES, QUESTION_ENDS
from runtime.redis_clients import health_client
from runtime.settings import Settings
from web.health.machine import existing

#: A scrape waits this long; what is not there by then is absent.
LIMIT_S: Final = 0.25
#: More keys, or collections, than these would be more series than a dashboard can show.
MOST_KEYS: Final = 50
MOST_COLLECTIONS: Final = 50
#: Owners of waiting units whose lanes are counted, each ingest is one; and units sent.
MOST_OWNERS: Final = 1_000
#: What kombu's Redis transport appends to a queue's name, for each of our two priorities.
LISTS: Final = ("", "\x06\x169")


class ScrapedState:
    """
    Reads queues, jobs, stores and disk for a scrape, which waits for none longer than LIMIT_S.

    Each is read in a thread of its own; threads and connections are made at the first scrape.

    Args:
        settings: Where everything is.

        statuses: The last probe at each health check: 1, 0.5 or 0.
    """

    def __init__(self, settings: Settings, statuses: Callable[[], Mapping[str, float]]) -> None:
        self._settings = settings
        self._statuses = statuses
        self._lock = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None
        self._clients: dict[str, Redis] = {}
        self._running: dict[str, Future[list[Metric]]] = {}

    def close(self) -> None:
        """Let threads and connections go."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
        for client in self._clients.values():
            client.close()

    def read(self) -> Iterable[Metric]:
        """Yield what can be read in time."""
        probes = {"queue": self._queue, "cache": self._cache, "disk": self._disk}
        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(len(probes), thread_name_prefix="installation")
            for name, probe in probes.items():
                before = self._running.get(name)
                if before is None or before.done():  # one that hangs is not asked again
                    self._running[name] = self._threads.submit(probe)
            asked = dict(self._running)
        ready, _ = wait(asked.values(), timeout=LIMIT_S)
        told = {
            name: future.result()
            for name, future in asked.items()
            if future in ready and future.exception() is None
        }
        for metrics in told.values():
            yield from metrics
        yield show_one("quern_redis_up", int("queue" in told))
        yield show(
            "quern_health_status", [((name,), value) for name, value in self._statuses().items()]
        )

    # Looks ---------------------------------------------------------------------------------

    def _queue(self) -> list[Metric]:
        """Look at the queue Redis: jobs, queues, workers, collections."""
        redis = self._client(self._settings.redis_url)
        pipe = redis.pipeline(transaction=False)
        pipe.time()
        pipe.hgetall(key("tallies"))
        pipe.info("memory")
        pipe.info("persistence")
        pipe.hgetall(key("collections"))
        pipe.zcard(key("ended"))
        pipe.zrange(key("ended"), 0, 0, withscores=True)
        pipe.zcard(key("deliveries"))
        for role in ROLES:
            for lanes in LANES_OF[role]:
                pipe.zrange(key("owners", lanes), 0, MOST_OWNERS - 1)
            pipe.zrange(key("inflight", role), 0, MOST_OWNERS - 1)
            pipe.zrange(key("later", role), 0, MOST_OWNERS - 1)
        (seconds, micros), said, memory, persistence, names, *rest = pipe.execute()
        ended, oldest, deliveries, *queues = rest
        now_us = seconds * 1_000_000 + micros
        oldest_us = min([now_us, *(int(ended_ms) * 1_000 for _, ended_ms in oldest)])
        return [
            *_jobs(counters_of(said)),
            *_memory("queue", memory),
            show_one(
                "quern_redis_aof_last_write_ok",
                int(persistence.get("aof_last_write_status") == "ok"),
            ),
            show("quern_queue_unacked", _by_queue(_taken(redis))),
            show_one("quern_archive_waiting", ended),
            show_one("quern_archive_oldest_age_seconds", (now_us - oldest_us) / 1e6),
            show_one("quern_webhooks_waiting", deliveries),
            *_waiting(redis, iter(queues), now_us=now_us),
            *_workers(live_workers(redis)),
            _documents(redis, names),
            _spent(redis),
        ]

    def _cache(self) -> list[Metric]:
        """Look at the cache Redis."""
        redis = self._client(self._settings.cache_url)
        pipe = redis.pipeline(transaction=False)
        pipe.info("memory")
        pipe.info("stats")
        pipe.dbsize()
        memory, stats, entries = pipe.execute()
        labels = ("embedding", "redis")
        return [
            *_memory("cache", memory),
            show("quern_cache_entries", [(labels, entries)]),
            show("quern_cache_bytes", [(labels, int(memory["used_memory"]))]),
            show("quern_cache_evictions_total", [(labels, int(stats["evicted_keys"]))]),
        ]

    def _disk(self) -> list[Metric]:
        """Look at the disk that keeps the data."""
        usage = shutil.disk_usage(existing(self._settings.blobs))
        return [
            show("quern_disk_free_bytes", [(("data",), usage.free)]),
            show("quern_disk_total_bytes", [(("data",), usage.total)]),
        ]

    def _client(self, url: str) -> Redis:
        """Return this process' own client for looking; made once."""
        with self._lock:
            if url not in self._clients:
                self._clients[url] = health_client(url)
            return self._clients[url]


def _jobs(counted: Counters) -> Iterable[Metric]:
    """Show jobs and documents; every known series, so that a first one is an increase."""
    submitted = dict.fromkeys(KINDS, 0) | counted.submitted
    yield show("quern_jobs_submitted_total", [((kind,), n) for kind, n in submitted.items()])
    ends = {(kind, outcome): 0 for kind in KINDS for outcome in OUTCOMES} | counted.finished
    yield show("quern_jobs_finished_total", ends.items())
    yield show_one("quern_jobs_forgotten_total", counted.forgotten)
    yield show_one("quern_webhooks_dropped_total", counted.webhooks_dropped)
    documents = dict.fromkeys(ENDS, 0) | counted.documents
    yield show("quern_documents_finished_total", [((end,), n) for end, n in documents.items()])
    questions = dict.fromkeys(QUESTION_ENDS, 0) | counted.questions
    yield show("quern_questions_finished_total", [((end,), n) for end, n in questions.items()])
    times = {kind: ([0] * BUCKETS, 0.0) for kind in KINDS} | {
        kind: (took.buckets, took.sum_s) for kind, took in counted.durations.items()
    }
    yield show_histogram(
        "quern_job_duration_seconds",
        [((kind,), buckets, total) for kind, (buckets, total) in times.items()],
    )


def _memory(name: str, told: Mapping[str, Any]) -> Iterable[Metric]:
    """Show what a Redis holds."""
    yield show("quern_redis_memory_used_bytes", [((name,), int(told["used_memory"]))])
    yield show("quern_redis_memory_max_bytes", [((name,), int(told.get("maxmemory", 0)))])


def _waiting(redis: Redis, seen: Iterator[Sequence[str]], *, now_us: int) -> Iterable[Metric]:
    """
    Show how much waits for each role, and for how long the oldest has.

    That is what lies in the lanes of its owners, what was sent and nobody has claimed: where no
    worker is alive, that is all there is of a short queue; and what was put back for a while. Of
    each role *seen* has the owners of its lanes, then what was sent, then what was put back.
    """
    pipe = redis.pipeline(transaction=False)
    owned: dict[str, list[tuple[str, str]]] = {}
    elsewhere: dict[str, Sequence[str]] = {}
    for role in ROLES:
        owned[role] = [(lanes, owner) for lanes in LANES_OF[role] for owner in next(seen)]
        elsewhere[role] = [*next(seen), *next(seen)]
        for lanes, owner in owned[role]:
            pipe.zcard(key("lane", lanes, owner))
            pipe.zrange(key("lane", lanes, owner), 0, 0, withscores=True)
        for unit in elsewhere[role]:
            pipe.exists(key("claim", unit))
            pipe.hmget(key("unit", unit), "created", "state")
    answers = iter(pipe.execute())
    depth: Counter[str] = Counter()
    age_s: dict[str, float] = {}
    for role in ROLES:
        oldest_us = now_us
        for _ in owned[role]:
            depth[role] += next(answers)
            oldest_us = min(oldest_us, *(int(since) for _, since in next(answers)), now_us)
        for _ in elsewhere[role]:
            claimed, (created, state) = next(answers), next(answers)
            if not claimed and created and state not in FINAL_STATES:
                depth[role] += 1
                oldest_us = min(oldest_us, int(created))
        age_s[role] = (now_us - oldest_us) / 1e6
    yield show("quern_queue_depth", _by_queue(depth))
    yield show("quern_queue_oldest_age_seconds", _by_queue(age_s))


def _workers(workers: list[WorkerState]) -> Iterable[Metric]:
    """Show who is alive."""
    serving = Counter(queue for worker in workers for queue in worker.queues)
    yield show("quern_queue_workers", _by_queue(serving))
    yield show(
        "quern_worker_heartbeat_timestamp_seconds", [((w.name,), w.seen_at) for w in workers]
    )


def _documents(redis: Redis, names: Mapping[str, str]) -> Metric:
    """Show how many documents the first collections have."""
    found = sorted(names.items())[:MOST_COLLECTIONS]
    pipe = redis.pipeline(transaction=False)
    for _, collection_id in found:
        pipe.zcard(key("names", collection_id))
    return show(
        "quern_index_documents",
        [((name,), count) for (name, _), count in zip(found, pipe.execute(), strict=True)],
    )


def _spent(redis: Redis) -> Metric:
    """Show what the first keys spent; two of the same name and tenant are shown as one."""
    rows = ApiKeys(redis).all()[:MOST_KEYS]
    counts = spent(redis, [row.key_id for row in rows])
    sums: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        for what, count in counts[row.key_id]["all"].items():
            sums[row.name, row.grant.tenant, what] += count
    return show("quern_key_spent_total", sums.items())


def _by_queue(values: Mapping[str, float]) -> Iterable[tuple[tuple[str], float]]:
    """Return a value for every queue."""
    return [((role,), values.get(role, 0)) for role in ROLES]


def _taken(redis: Redis) -> dict[str, int]:
    """Return how many messages of each role were sent and wait in no queue of Celery's."""
    pipe = redis.pipeline(transaction=False)
    for role in ROLES:
        pipe.zcard(key("inflight", role))
        pipe.scard(key("company", role))  # taken along: no message of theirs was sent
        for priority in LISTS:
            pipe.llen(f"{CELERY_PREFIX}{role}{priority}")
    answers = iter(pipe.execute())
    taken: dict[str, int] = {}
    for role in ROLES:
        sent = next(answers) - next(answers)
        taken[role] = max(0, sent - sum(next(answers) for _ in LISTS))
    return taken
