"""
The embedding cache, level by level: how quick, how large, and how often it has the vector.

On a private Redis with the options of `quern up`. A cheap stand-in for the model makes the vectors
where only the cache is measured, and an exact LRU cache of the same capacity is asked for the same
texts in the same run.
"""

import contextlib
import hashlib
import tempfile
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from rich.progress import Progress

from adapters.embedding_models.redis_bytes import RedisBytes
from benchmarks.data.traffic import TEXTS, ExactCache, draws, steady_hit_rate
from benchmarks.figures.reporting import Limit, percentile
from benchmarks.running.private_redis import PrivateRedis
from rag.embedding_cache import CachedEmbedder
from rag.ports import BytesStore, EmbeddedPassages, Embedder, EmbedderIdentity, PassageText, Vectors

CAPACITY = 5_000
TTL_S = 30 * 86_400
STEEPNESS = (0.8, 1.0, 1.2, 1.5)
WRITTEN_S = 2.5  # until an append-only file that is flushed every second has everything

LIMITS = (
    {
        "l1_hit_p50_us": Limit(at_most=10.0),
        "l2_hit_p50_ms": Limit(at_most=0.3),
    }
    | {
        f"hit_rate_{what}zipf_{s}_of_lru": Limit(at_least=0.99)
        for what in ("", "cold_", "l1_", "l1_cold_", "after_worker_restart_", "after_restart_")
        for s in STEEPNESS
    }
    | {f"redis_failures_zipf_{s}": Limit(at_most=0) for s in STEEPNESS}
)


class StandIn:
    """An `Embedder` that makes a unit vector of 384 numbers from a text's hash."""

    identity = EmbedderIdentity("stand-in", "1", "hash", 384, 256)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Count words."""
        return [len(text.split()) for text in texts]

    def embed(self, texts: Sequence[str], *, truncate: bool = False) -> Vectors:  # noqa: ARG002 - the port's
        """Return the same vector for the same text."""
        vectors = np.empty((len(texts), self.identity.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            seed = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())
            vectors[row] = np.random.default_rng(seed).standard_normal(self.identity.dimension)
        unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit

    def embed_passages(self, passages: Sequence[PassageText]) -> EmbeddedPassages:
        """Return the same for the same passage, and nothing of its sentences."""
        vectors = self.embed([passage.whole for passage in passages])
        return EmbeddedPassages(vectors, [b""] * len(passages))


class Nowhere:
    """A `BytesStore` that keeps nothing, to measure the process' own level alone."""

    trouble = ""

    def get_many(self, keys: Sequence[str], **_options: object) -> list[bytes | None]:
        """Find nothing."""
        return [None] * len(keys)

    def set_many(self, *_items: object, **_options: object) -> tuple[str, ...]:
        """Keep nothing, and miss nothing."""
        return ()


def measure(
    model: Embedder, questions: list[str], progress: Progress, *, quick: bool
) -> dict[str, Any]:
    """Return all figures of the cache; *model* and *questions* for what a hit saves."""
    with tempfile.TemporaryDirectory(prefix="quern-embedding-") as name:
        figures = _sizes(Path(name))
        figures |= _latencies(Path(name), model, questions)
        count = 6_000 if quick else 40_000
        bar = progress.add_task("hit rates", total=len(STEEPNESS))
        for s in STEEPNESS:
            figures |= _hit_rates(Path(name), s, count=count)
            progress.advance(bar)
    figures["hit_rate_after_restart"] = figures["hit_rate_after_restart_zipf_1.0"]
    return figures


def _sizes(folder: Path) -> dict[str, float]:
    """Fill both levels with as many entries as the capacity is, and weigh them."""
    texts = _names(range(CAPACITY))
    with _server(folder, "sizes") as server, RedisBytes.open(server.url) as store:
        empty = _memory(server)
        CachedEmbedder(StandIn(), store, ttl_s=TTL_S).embed(texts)
        memory = _memory(server) - empty
        time.sleep(WRITTEN_S)
        disk = _on_disk(server)
        _rewrite(server)
        rewritten = _on_disk(server)
    tracemalloc.start()
    process = _cache(Nowhere())
    for text in texts:
        process.embed([text])
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return {
        "bytes_per_entry_memory": memory / CAPACITY,
        "bytes_per_entry_disk": disk / CAPACITY,
        "bytes_per_entry_disk_rewritten": rewritten / CAPACITY,
        "bytes_per_entry_process": held / CAPACITY,
        "memory_kb_5000_entries": memory / 1e3,
        "disk_kb_5000_entries": disk / 1e3,
    }


def _latencies(folder: Path, model: Embedder, questions: list[str]) -> dict[str, float]:
    """Time a hit of either level, one question at a time, and the model."""
    texts = [
        f"{question} ({n})" for n in range(1 + 2_000 // len(questions)) for question in questions
    ]
    with _server(folder, "latencies") as server, RedisBytes.open(server.url) as store:
        first = _cache(store)
        first.embed(texts, truncate=True)
        near = _each(first, texts)
        far = _each(_cache(store), texts)  # each text once: the process never has it
    fresh = _each(model, questions[:60])
    return {
        "l1_hit_p50_us": median(near) * 1e6,
        "l1_hit_p95_us": percentile(near, 0.95) * 1e6,
        "l2_hit_p50_ms": median(far) * 1e3,
        "l2_hit_p95_ms": percentile(far, 0.95) * 1e3,
        "recompute_p50_ms": median(fresh) * 1e3,
        "recompute_over_l2_hit": median(fresh) / median(far),
    }


def _hit_rates(folder: Path, s: float, *, count: int) -> dict[str, float]:
    """
    Ask for texts by their popularity: *count* times cold, as often warm, and after restarts.

    Redis alone is a worker whose process keeps one entry; its bound is what 5,000 entries take.
    As served is 5,000 entries in the process before 5,000 in Redis. Then the process is new, and
    then Redis is killed too; what follows either, one question for each entry, is held against an
    exact cache to which nothing happened.
    """
    asked = draws(2 * count + 2 * CAPACITY, texts=TEXTS, s=s, seed=11)
    cold, warm, rest = asked[:count], asked[count : 2 * count], asked[2 * count :]
    later, after = rest[:CAPACITY], rest[CAPACITY:]
    exact = ExactCache(CAPACITY, ttl_s=TTL_S)
    wanted = {
        name: exact.hits(part)
        for name, part in (("cold", cold), ("warm", warm), ("later", later), ("after", after))
    }
    process = _cache(Nowhere(), entries=CAPACITY)
    found = {"l1_cold": _hits(process, cold), "l1_warm": _hits(process, warm)}
    with _bounded(folder, f"redis-{s}") as server, RedisBytes.open(server.url) as store:
        alone = _cache(store, entries=1)
        found |= {"cold": _hits(alone, cold), "warm": _hits(alone, warm)}
        entries, failures = server.client.dbsize(), store.failures
    with _bounded(folder, f"served-{s}") as server:
        bound = server.client.config_get("maxmemory")["maxmemory"]
        with RedisBytes.open(server.url) as store:
            both = _cache(store, entries=CAPACITY)
            _hits(both, cold)
            found["served"] = _hits(both, warm)
            found["later"] = _hits(_cache(store, entries=CAPACITY), later)
            failures += store.failures
            time.sleep(WRITTEN_S)
        server.kill()
        server.start()
        server.client.config_set("auto-aof-rewrite-percentage", 0)
        server.client.config_set("maxmemory", bound)
        with RedisBytes.open(server.url) as store:
            found["after"] = _hits(_cache(store, entries=CAPACITY), after)
            failures += store.failures
    return {
        f"hit_rate_zipf_{s}": found["warm"] / count,
        f"hit_rate_zipf_{s}_of_lru": found["warm"] / wanted["warm"],
        f"hit_rate_cold_zipf_{s}": found["cold"] / count,
        f"hit_rate_cold_zipf_{s}_of_lru": found["cold"] / wanted["cold"],
        f"hit_rate_l1_zipf_{s}": found["l1_warm"] / count,
        f"hit_rate_l1_zipf_{s}_of_lru": found["l1_warm"] / wanted["warm"],
        f"hit_rate_l1_cold_zipf_{s}_of_lru": found["l1_cold"] / wanted["cold"],
        f"hit_rate_served_zipf_{s}": found["served"] / count,
        f"hit_rate_after_worker_restart_zipf_{s}": found["later"] / len(later),
        f"hit_rate_after_worker_restart_zipf_{s}_of_lru": found["later"] / wanted["later"],
        f"hit_rate_after_restart_zipf_{s}": found["after"] / len(after),
        f"hit_rate_after_restart_zipf_{s}_of_lru": found["after"] / wanted["after"],
        f"hit_rate_endless_lru_zipf_{s}": steady_hit_rate(CAPACITY, texts=TEXTS, s=s),
        f"redis_entries_zipf_{s}": entries,
        f"redis_failures_zipf_{s}": failures,
    }


def _hits(cache: CachedEmbedder, asked: Sequence[int]) -> int:
    """Ask for texts one after the other; returns how many were not computed."""
    before = cache.counts.misses
    for text in _names(asked):
        cache.embed([text])
    return len(asked) - (cache.counts.misses - before)


def _rewrite(server: PrivateRedis) -> None:
    """Let Redis rewrite its append-only file, and wait until it has."""
    server.client.bgrewriteaof()
    running = True
    while running:
        time.sleep(0.02)
        told = server.client.info("persistence")
        running = bool(told["aof_rewrite_in_progress"] or told["aof_rewrite_scheduled"])


def _names(numbers: Sequence[int]) -> list[str]:
    """Return the texts of these numbers."""
    return [f"What does article {number} say?" for number in numbers]


def _cache(store: BytesStore, *, entries: int = CAPACITY) -> CachedEmbedder:
    """Return the cache of a new process."""
    return CachedEmbedder(StandIn(), store, ttl_s=TTL_S, entries=entries)


def _server(folder: Path, name: str) -> PrivateRedis:
    """Return a cache Redis in a folder of its own."""
    (folder / name).mkdir()
    return PrivateRedis(folder / name)


@contextlib.contextmanager
def _bounded(folder: Path, name: str) -> Iterator[PrivateRedis]:
    """Start a cache Redis, empty, with the memory that as many entries as the capacity is take."""
    with _server(folder, name) as server, RedisBytes.open(server.url) as store:
        _cache(store).embed(_names(range(CAPACITY)))
        bound = _memory(server)
        server.client.flushall()
        # Redis before 7 takes 10 MB for what is written during a rewrite, twice what this cache may
        # hold; one of the default size does not notice.
        server.client.config_set("auto-aof-rewrite-percentage", 0)
        server.client.config_set("maxmemory", bound)
        yield server


def _memory(server: PrivateRedis) -> int:
    """Return the bytes that count against a Redis' bound."""
    told = server.client.info("memory")
    return int(told["used_memory"]) - int(told["mem_not_counted_for_evict"])


def _on_disk(server: PrivateRedis) -> int:
    """Return the bytes of the append-only file, in one piece or several."""
    return sum(path.stat().st_size for path in server.folder.rglob("*aof*") if path.is_file())


def _each(embedder: Embedder, texts: list[str]) -> list[float]:
    """Embed one text at a time; returns the seconds of each."""
    times = []
    for text in texts:
        began = time.perf_counter()
        embedder.embed([text], truncate=True)
        times.append(time.perf_counter() - began)
    return times
