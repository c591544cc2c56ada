"""Metrics of a worker's bodies, cache and index, read at each scrape."""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client.metrics_core import Metric
from redis.exceptions import RedisError

from corpus.catalogue.collections import Collections
from jobs.leases.leases import Leases
from rag.embedding_cache import CacheCounts, CachedEmbedder
from runtime.metrics.collecting import show, show_one
from runtime.metrics.families import BY_NAME

#: More collections than these would be more series than a dashboard can show.
MOST_COLLECTIONS = 50


def work(leases: Leases, threads: int) -> Callable[[], Iterable[Metric]]:
    """Show what runs, and how many threads could."""
    kinds = BY_NAME["quern_jobs_in_progress"].labels["kind"]

    def read() -> Iterable[Metric]:
        running = leases.running
        counts = dict.fromkeys(kinds, 0) | running
        yield show("quern_jobs_in_progress", [((kind,), n) for kind, n in counts.items()])
        yield show_one("quern_worker_pool_busy", min(leases.bodies, threads))
        yield show_one("quern_worker_pool_size", threads)

    return read


def cache(embedder: CachedEmbedder) -> Callable[[], Iterable[Metric]]:
    """Show what the embedding cache saved."""

    def read() -> Iterable[Metric]:
        yield show(
            "quern_cache_requests_total",
            [
                (("embedding", tier, result), n)
                for (tier, result), n in look_ups(embedder.counts).items()
            ],
        )
        yield show("quern_cache_entries", [(("embedding", "l1"), embedder.entries)])

    return read


def look_ups(counts: CacheCounts) -> dict[tuple[str, str], int]:
    """Return how many texts each level was asked for, by what came of it."""
    return {
        ("l1", "hit"): counts.hits_l1,
        ("l1", "joined"): counts.joined,
        ("l1", "miss"): counts.hits_l2 + counts.misses,
        ("redis", "hit"): counts.hits_l2,
        ("redis", "miss"): counts.misses - counts.corrupt,
        ("redis", "corrupt"): counts.corrupt,
    }


def index(
    chunks: Callable[[], Mapping[str, int]], collections: Collections
) -> Callable[[], Iterable[Metric]]:
    """Show the chunks of each collection, given by collection id."""

    def read() -> Iterable[Metric]:
        try:
            names = sorted(collections.collection_ids().items())[:MOST_COLLECTIONS]
        except RedisError:
            return
        held = chunks()
        yield show(
            "quern_index_chunks",
            [
                ((name,), held[collection_id])
                for name, collection_id in names
                if collection_id in held
            ],
        )

    return read
