"""The metrics of this process: each series is created once; an update costs a lock."""

import contextlib
import platform
import time
from collections.abc import Hashable, Iterator, Sequence
from functools import cache
from itertools import product
from typing import Any, Final, Generic, TypeVar

from prometheus_client import Counter, Gauge, Histogram

from runtime.metrics.families import BY_NAME, FAMILIES, Source
from runtime.version import version

_Metric = TypeVar("_Metric", Counter, Gauge, Histogram)


class _Children(dict[Hashable, _Metric], Generic[_Metric]):
    """
    The series of one family by their label's value, or by all values in order.

    A series is made when first asked for; a family that nobody asks for is not shown.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def __missing__(self, values: Hashable) -> _Metric:
        """Make a series."""
        told = values if isinstance(values, tuple) else (values,)
        child: _Metric = _family(self.name).labels(*told)
        self[values] = child
        return child


class Counters(_Children[Counter]):
    """Counters of one family."""


class Gauges(_Children[Gauge]):
    """Gauges of one family."""


class Histograms(_Children[Histogram]):
    """Histograms of one family."""


HTTP_REQUESTS: Final = Counters("quern_http_requests_total")
HTTP_SECONDS: Final = Histograms("quern_http_request_duration_seconds")
HTTP_REJECTED: Final = Counters("quern_http_rejected_total")
QUEUE_WAIT: Final = Histograms("quern_job_queue_wait_seconds")
STAGE_SECONDS: Final = Histograms("quern_stage_duration_seconds")
STARTED: Final = Counters("quern_task_started_total")
RETRIED: Final = Counters("quern_task_retries_total")
REDELIVERED: Final = Counters("quern_task_redelivered_total")
MODEL_LOADED: Final = Gauges("quern_model_loaded")
CACHE_SECONDS: Final = Histograms("quern_cache_operation_duration_seconds")
RESULTS: Final = Histograms("quern_retrieval_results")
INGESTED_BYTES: Final = Counters("quern_ingest_bytes_total")
UNREADABLE: Final = Counters("quern_ingest_rejected_total")
LOG_RECORDS: Final = Counters("quern_log_records_total")
LOG_RECORDS_DROPPED: Final = Counters("quern_log_records_dropped_total")
GEN_AI_SECONDS: Final = Histograms("gen_ai_client_operation_duration_seconds")
GEN_AI_TOKENS: Final = Histograms("gen_ai_client_token_usage")
GEN_AI_FIRST_TOKEN: Final = Histograms("gen_ai_server_time_to_first_token_seconds")
GEN_AI_PER_TOKEN: Final = Histograms("gen_ai_server_time_per_output_token_seconds")

#: Shown by collectors, which read what somebody else counts.
COLLECTED: Final = frozenset({
    "quern_log_records_total", "quern_log_records_dropped_total", "quern_log_queue_depth",
    "quern_jobs_in_progress", "quern_worker_pool_busy", "quern_worker_pool_size",
    "quern_cache_requests_total", "quern_cache_entries", "quern_index_chunks",
})  # fmt: skip


@contextlib.contextmanager
def timed(stage: str) -> Iterator[None]:
    """Measure a stage, however it ends."""
    began = time.perf_counter()
    try:
        yield
    finally:
        STAGE_SECONDS[stage].observe(time.perf_counter() - began)


@cache
def batch_sizes() -> Histogram:
    """Return the histogram of how many texts the embedding model is given at once."""
    histogram = _family("quern_embedding_batch_size")
    assert isinstance(histogram, Histogram)  # noqa: S101  the table says so
    return histogram


def begin(*sources: Source) -> None:
    """Show at zero what this process counts, so that a first event is an increase."""
    for family in FAMILIES:
        counted = family.kind != "gauge" and family.name not in COLLECTED
        if family.source in sources and counted and not family.name.startswith("quern_gpu"):
            made = _family(family.name)
            if family.labels:
                for values in product(*family.labels.values()):
                    made.labels(*values)
    _family("quern_build_info").labels(version(), platform.python_version()).set(1)


def begin_tasks(tasks: Sequence[tuple[str, str]]) -> None:
    """Show at zero what is counted of tasks, given with their queues."""
    for pair in tasks:
        for children in (STARTED, RETRIED, REDELIVERED):
            _ = children[pair]


def record_models(models: Sequence[str], *, seconds: float) -> None:
    """Set the metrics of a worker's open models and of the time it took to open its resources."""
    for name in models:
        # A path on this machine is nobody's business.
        MODEL_LOADED[name.rstrip("/").rsplit("/", 1)[-1]].set(1)
    _family("quern_model_load_seconds").set(seconds)


@cache
def _family(name: str) -> Any:
    """Make a family in the default registry, where vLLM's own metrics are too."""
    family = BY_NAME[name]
    if family.kind == "histogram":
        return Histogram(name, family.meaning, family.labels, buckets=family.buckets)
    if family.kind == "counter":
        return Counter(name, family.meaning, family.labels)
    return Gauge(name, family.meaning, family.labels, multiprocess_mode="max")
