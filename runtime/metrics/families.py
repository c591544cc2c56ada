"""Every metric of Quern on one screen: name, type, labels with their values, who shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

Kind = Literal["counter", "gauge", "histogram"]
#: Who shows a family: every process, the web of itself or of the whole installation, workers.
Source = Literal[
    "every", "web", "installation", "workers", "retrieval", "ingestion", "generation"
]  # fmt: skip

#: Seconds of jobs and stages: 10 ms to 163.84 s, twice as long each.
LONG: Final = tuple(0.01 * 2**n for n in range(15))
#: Seconds of one HTTP request.
SHORT: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
#: Seconds of one trip to a cache.
TRIP: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25)
#: What OpenTelemetry's conventions for generative AI give.
OPERATION: Final = tuple(0.01 * 2**n for n in range(14))
TOKENS: Final = tuple(4**n for n in range(14))
FIRST_TOKEN: Final = (
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
)  # fmt: skip
PER_TOKEN: Final = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5)
BATCHES: Final = tuple(2**n for n in range(9))
RESULTS: Final = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500)

QUEUES: Final = ("retrieve", "generate", "ingest", "embed")
KINDS: Final = (
    "query", "questions", "search", "embedding", "ingest", "delete", "delete_collection",
    "reindex", "check",
)  # fmt: skip
OUTCOMES: Final = ("ok", "partial", "failed", "cancelled", "expired", "lost")
ENDS: Final = (
    "created", "updated", "removed", "unchanged", "duplicate_of", "superseded", "empty", "failed",
    "cancelled", "expired", "lost",
)  # fmt: skip
QUESTION_ENDS: Final = ("ok", "failed", "cancelled", "expired", "lost")
REJECTIONS: Final = (
    "queue_full", "memory_full", "too_many", "too_large", "invalid", "forbidden", "misdirected",
    "conflict", "unavailable",
)  # fmt: skip
UNREADABLE: Final = (
    "binary", "corrupt", "encrypted", "no_text", "parser_crashed", "parser_memory",
    "parser_timeout", "too_large", "too_much_text", "unsafe", "unsupported", "other",
)  # fmt: skip
TYPES: Final = (
    "text", "markdown", "html", "table", "code", "log", "json", "xml", "notebook", "pdf", "docx",
    "pptx", "xlsx", "xls", "ods", "odt", "odp", "epub", "rtf", "mail", "archive", "other",
)  # fmt: skip
LEVELS: Final = ("debug", "info", "warning", "error", "critical")
STAGES: Final = ("embed", "dense", "sparse", "fuse", "rerank", "prompt", "generate", "parse",
                 "chunk", "index")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Family:
    """
    One metric.

    Args:
        labels: Label → its values where they are known beforehand, else nothing; every series of
            a counter or histogram with known values is there, at zero, from the start.

        buckets: Upper bounds of a histogram's buckets.
    """

    name: str
    kind: Kind
    source: Source
    meaning: str
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    buckets: Sequence[float] = ()


def _counter(name: str, source: Source, meaning: str, **labels: Sequence[str]) -> Family:
    return Family(name, "counter", source, meaning, labels)


def _gauge(name: str, source: Source, meaning: str, **labels: Sequence[str]) -> Family:
    return Family(name, "gauge", source, meaning, labels)


def _times(
    name: str, source: Source, meaning: str, buckets: Sequence[float], **labels: Sequence[str]
) -> Family:
    return Family(name, "histogram", source, meaning, labels, buckets)


_GEN_AI: Final[Mapping[str, Sequence[str]]] = {
    "gen_ai_operation_name": (), "gen_ai_request_model": (), "gen_ai_provider_name": (),
}  # fmt: skip

FAMILIES: Final = (
    # Every process
    _gauge("quern_build_info", "every", "1, for its labels.",
           version=(), python=()),
    _counter("quern_log_records_total", "every", "Lines of log.", level=LEVELS),
    _counter("quern_log_records_dropped_total", "every", "Lines that the writer had no room for.",
             level=LEVELS),
    _gauge("quern_log_queue_depth", "every", "Lines that wait to be written."),
    # The web
    _counter("quern_http_requests_total", "web", "Requests by the route's template.",
             method=(), route=(), status_class=()),
    _times("quern_http_request_duration_seconds", "web",
           "Time until the answer begins; with `wait` that includes the waiting.", SHORT,
           method=(), route=()),
    _counter("quern_http_rejected_total", "web", "Requests refused, and why.", reason=REJECTIONS),
    # The installation, from the ledger and the stores: one exporter, so that a sum is right
    _counter("quern_jobs_submitted_total", "installation", "Jobs recorded.", kind=KINDS),
    _counter("quern_jobs_finished_total", "installation",
             "Jobs ended; `lost` were given up after their workers died.",
             kind=KINDS, outcome=OUTCOMES),
    _times("quern_job_duration_seconds", "installation", "From submission to the end of a job.",
           LONG, kind=KINDS),
    _counter("quern_documents_finished_total", "installation",
             "Documents of ingests and deletes that ended.", outcome=ENDS),
    _counter("quern_questions_finished_total", "installation",
             "Questions of lists that ended; a question by itself is a job.",
             outcome=QUESTION_ENDS),
    _counter("quern_jobs_forgotten_total", "installation",
             "Ended jobs forgotten before their time, because the queue's Redis was nearly full."),
    _gauge("quern_archive_waiting", "installation",
           "Records of ended jobs and documents that wait in the queue's Redis for the archive."),
    _gauge("quern_archive_oldest_age_seconds", "installation",
           "Since the oldest of them ended; 0 where none waits."),
    _gauge("quern_webhooks_waiting", "installation", "Webhook messages that wait to be sent."),
    _counter("quern_webhooks_dropped_total", "installation",
             "Webhook messages that were not recorded, because 50 000 waited already."),
    _gauge("quern_queue_depth", "installation", "Units that no worker has claimed.", queue=QUEUES),
    _gauge("quern_queue_unacked", "installation", "Celery messages that a worker has taken.",
           queue=QUEUES),
    _gauge("quern_queue_oldest_age_seconds", "installation",
           "Since the oldest waiting unit was submitted; 0 where none waits.", queue=QUEUES),
    _gauge("quern_queue_workers", "installation", "Workers alive.", queue=QUEUES),
    _gauge("quern_worker_heartbeat_timestamp_seconds", "installation",
           "When a worker last beat, seconds since 1970.", worker=()),
    _gauge("quern_index_documents", "installation",
           "Current documents of the first 50 collections by name.", collection=()),
    _counter("quern_key_spent_total", "installation",
             "What the first 50 keys by age spent, by their names; questions are searches too.",
             key=(), tenant=(), what=()),
    _gauge("quern_redis_up", "installation", "1 where the queue Redis answered in time."),
    _gauge("quern_redis_memory_used_bytes", "installation", "Memory in use.",
           redis=("queue", "cache")),
    _gauge("quern_redis_memory_max_bytes", "installation", "Its bound; 0 means none.",
           redis=("queue", "cache")),
    _gauge("quern_redis_aof_last_write_ok", "installation",
           "1 where the queue Redis could write its append-only file."),
    _gauge("quern_disk_free_bytes", "installation", "Free.", mount=("data",)),
    _gauge("quern_disk_total_bytes", "installation", "Size.", mount=("data",)),
    _gauge("quern_health_status", "installation", "1 pass, 0.5 warn, 0 fail.", check=()),
    # Every worker
    _times("quern_job_queue_wait_seconds", "workers",
           "From submission, or from the stage before, to the claim.", LONG, queue=QUEUES),
    _times("quern_stage_duration_seconds", "workers", "Time of one stage.", LONG, stage=STAGES),
    _gauge("quern_jobs_in_progress", "workers", "Units that run; a document is a unit.",
           kind=("query", "search", "embedding", "document", "delete_collection", "reindex",
                 "check")),
    _counter("quern_task_started_total", "workers", "Bodies begun.", task=(), queue=()),
    _counter("quern_task_retries_total", "workers",
             "Bodies whose unit was given back to wait, because a store or an engine was away.",
             task=(), queue=()),
    _counter("quern_task_redelivered_total", "workers",
             "Bodies begun again for a stage that had been claimed before.", task=(), queue=()),
    _gauge("quern_worker_pool_busy", "workers", "Threads that run a body."),
    _gauge("quern_worker_pool_size", "workers", "Threads."),
    _gauge("quern_model_loaded", "workers", "1, for its label.", model=()),
    _gauge("quern_model_load_seconds", "workers", "What opening models and indexes took."),
    _counter("quern_cache_requests_total", "workers",
             "Texts looked up; `joined` were being embedded by another thread at that moment.",
             cache=("embedding",), tier=("l1", "redis"), result=("hit", "miss", "joined", "corrupt",
                                                                 "error")),
    _gauge("quern_cache_entries", "workers", "Vectors kept in the process (`l1`); the web shows "
           "those of the cache Redis.", cache=("embedding",), tier=("l1", "redis")),
    _gauge("quern_cache_bytes", "installation", "Memory of the cache Redis.",
           cache=("embedding",), tier=("redis",)),
    _counter("quern_cache_evictions_total", "installation", "Vectors the cache Redis let go.",
             cache=("embedding",), tier=("redis",)),
    _times("quern_cache_operation_duration_seconds", "workers", "One trip to the cache Redis.",
           TRIP, tier=("redis",), op=("get", "set")),
    _times("quern_embedding_batch_size", "workers", "Texts given to the model at once.", BATCHES),
    # Retrieval
    _times("quern_retrieval_results", "retrieval", "Results of a search, by who found them.",
           RESULTS, retriever=("dense", "sparse", "fused")),
    _gauge("quern_index_chunks", "retrieval",
           "Chunks in this worker's index of the first 50 collections by name.", collection=()),
    # Ingestion
    _counter("quern_ingest_bytes_total", "ingestion", "Bytes of the files parsed.", type=TYPES),
    _counter("quern_ingest_rejected_total", "ingestion", "Files that could not be read, and why.",
             reason=UNREADABLE),
    # Answers
    _times("gen_ai_client_operation_duration_seconds", "generation",
           "Time of one answer; error_type is empty where it succeeded.", OPERATION,
           **_GEN_AI, error_type=()),
    _times("gen_ai_client_token_usage", "generation", "Tokens of one answer.", TOKENS,
           **_GEN_AI, gen_ai_token_type=("input", "output")),
    _times("gen_ai_server_time_to_first_token_seconds", "generation",
           "Until the first token, where the server is another's; vLLM tells its own.",
           FIRST_TOKEN, **_GEN_AI),
    _times("gen_ai_server_time_per_output_token_seconds", "generation",
           "Between two tokens, where the server is another's; vLLM tells its own.",
           PER_TOKEN, **_GEN_AI),
    # The card, from the process that owns the engine
    _gauge("quern_gpu_up", "generation", "1 where NVML answers, 0 where a card is expected."),
    _gauge("quern_gpu_utilization_ratio", "generation", "Share of time a kernel ran.", gpu=()),
    _gauge("quern_gpu_memory_used_bytes", "generation", "Memory in use.", gpu=()),
    _gauge("quern_gpu_memory_total_bytes", "generation", "Memory.", gpu=()),
    _gauge("quern_gpu_temperature_celsius", "generation", "Temperature.", gpu=()),
    _gauge("quern_gpu_power_watts", "generation", "Power drawn.", gpu=()),
    _counter("quern_gpu_ecc_errors_total", "generation", "Uncorrected memory errors since boot.",
             gpu=()),
    _gauge("quern_gpu_throttled", "generation", "1 while heat or power hold its clocks down.",
           gpu=()),
)  # fmt: skip

BY_NAME: Final = {family.name: family for family in FAMILIES}
