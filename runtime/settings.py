"""Every setting of Quern on one screen: name, default, meaning."""

from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from runtime.hosts import is_loopback

PREFIX = "QUERN_"
#: Embedding models that were trained on English alone, by the last part of their name.
ENGLISH_MODELS = frozenset(
    {"all-MiniLM-L6-v2", "all-MiniLM-L12-v2", "all-distilroberta-v1", "all-mpnet-base-v2"}
)


def _knob(default: Any, meaning: str, *, secret: bool = False) -> Any:
    """Declare a setting with its default and its meaning; a secret one is never printed."""
    return field(default=default, repr=not secret, metadata={"meaning": meaning})


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """How webhooks are signed, and where they may go."""

    webhook_secret: str = _knob(
        "",
        "Signs what is sent to a job's `webhook_url`: `whsec_` and the base64 of 24 to 64 random "
        "bytes, the same for all processes; empty: jobs may name none.",
        secret=True,
    )
    webhook_allow_private: str = _knob(
        "",
        "Hosts, addresses and networks between commas that webhooks may be sent to although they "
        "are not public, such as `hooks.internal, 10.1.0.0/16`; empty: public addresses only.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerSettings(WebhookSettings):
    """Who may call, and by what name; and how webhooks go out."""

    allowed_hosts: str = _knob(
        "",
        "What requests may call the web server and the workers' metrics besides their own names "
        "and addresses, between commas: `quern.example.org`, `.example.org` for all below it too, "
        "`*` for anything. A request for another host is refused (421).",
    )
    trusted_proxies: int = _knob(
        0,
        "So many proxies stand before the web server, each of which writes `X-Forwarded-For`, "
        "`-Prefix`, `-Host` and `-Proto`; 0: what these say is ignored, because anybody may send "
        "them.",
    )
    keys: str = _knob(
        "auto",
        "Whether callers need a key: `on`; `off`; `auto`: where `host` is no loopback address. "
        "`quern keys create` makes one.",
    )
    key: str = _knob("", "The key that `quern` shows to the server.", secret=True)
    model_aliases: str = _knob(
        "",
        "Other names of what answers, for programs of OpenAI's API that name a model, between "
        "commas: `gpt-4o=quern` for what answers, `gpt-4o-mini=quern:COLLECTION` for the same from "
        "a collection, `*=quern` for any name.",
    )

    @property
    def aliases(self) -> dict[str, str]:
        """What each of `model_aliases` means."""
        pairs = (one.partition("=") for one in self.model_aliases.split(",") if one.strip())
        return {name.strip(): meant.strip() for name, _, meant in pairs}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(CallerSettings):
    """All settings; `runtime.environment` reads them from QUERN_* variables."""

    # Where things live
    data_dir: Path = _knob(Path("data"), "Folder for everything that must survive a restart.")
    host: str = _knob("127.0.0.1", "Address the web server and the workers' metrics listen on.")
    port: int = _knob(8000, "Port of the web server; `quern up` takes a free one if it is taken.")
    redis_url: str = _knob("redis://127.0.0.1:6399/0", "Queue Redis: ledger, lanes, messages.")
    cache_url: str = _knob("redis://127.0.0.1:6398/0", "Cache Redis: embeddings; may evict.")
    chroma_url: str = _knob("http://127.0.0.1:8799", "Chroma server.")
    flower_url: str = _knob("", "Address of Flower, linked from the page; empty hides the link.")
    blob_dir: str = _knob("", "Folder of the blob store; empty means `blobs` in the data folder.")
    index_dir: str = _knob(
        "", "Folder of the sparse indexes; empty means `index` in the data folder."
    )

    # Models
    embedding_model: str = _knob(
        "all-MiniLM-L6-v2", "Any sentence-transformers name or path; a collection keeps its own."
    )
    embedding_languages: str = _knob(
        "",
        "Languages the embedding model knows, ISO 639-1 codes between commas, or `all`; search in "
        "others leans on their words. Empty: `en` for the default model and its English sisters, "
        "`all` for any other.",
    )
    embedding_engine: str = _knob(
        "auto",
        "What computes embeddings: `onnx-int8`, the model's int8 form, three times as fast on a "
        "processor; `onnx-float32`, its float32 form; `sentence-transformers`, the model itself; "
        "`auto`: int8 for the default model where that form is there or can be made, float32 next. "
        "Vectors of the default model's three engines share a collection, on all processors.",
    )
    embedding_batch: int = _knob(
        8, "Texts per forward pass of `sentence-transformers`; on ONNX Runtime each text is one."
    )
    embedding_ttl_s: int = _knob(
        30 * 86_400, "How long a cached embedding lives after its last use, seconds."
    )
    model_threads: int = _knob(0, "Threads one model may use; 0 means all cores.")
    generator: str = _knob(
        "",
        "Who answers: `extractive` quotes the documents, no weights; `vllm` runs `model` itself; "
        "`openai` asks a server that speaks OpenAI's API; empty: `vllm` where `model` is named, "
        "else `extractive`.",
    )
    model: str = _knob(
        "",
        "Language model that answers: a name or a folder as vLLM takes it; with `openai` the "
        "server's name for it, empty for the only one it has.",
    )

    # Retrieval
    hnsw_space: str = _knob(
        "cosine",
        "How the vector index compares: `cosine`, `ip` or `l2`; vectors are of length 1, so all "
        "three rank alike and scores stay cosines. A collection keeps the four settings it was "
        "made with, until `quern reindex`.",
    )
    hnsw_ef_construction: int = _knob(
        400, "Candidates weighed for each vector that is added: more builds slower and finds more."
    )
    hnsw_ef_search: int = _knob(
        400, "Candidates weighed in a search: more searches slower and finds more."
    )
    hnsw_max_neighbors: int = _knob(
        64, "Neighbours kept of each vector, from 2: more takes memory and finds more."
    )
    fusion: str = _knob("convex", "How dense and sparse are fused: `convex` or `rrf`.")
    fusion_weight: float = _knob(0.6, "Share of the dense retriever in `convex`, 0 to 1.")
    rrf_k: int = _knob(10, "The constant k of `rrf`.")
    search_depth: int = _knob(100, "Candidates taken from each retriever.")
    top_k: int = _knob(10, "Passages of an answer where the request names no number.")
    reranker_model: str = _knob(
        "",
        "Cross-encoder that orders the best candidates anew: a folder, or a name on the hub such "
        "as `cross-encoder/ms-marco-MiniLM-L6-v2`; empty: none.",
    )
    rerank_depth: int = _knob(
        20, "Candidates the reranker reads, at least as many as passages are asked for."
    )
    chunk_tokens: int = _knob(
        220, "Tokens of a chunk at most, title included, as the embedder counts."
    )

    # Workers
    retrieval_threads: int = _knob(
        8,
        "Tasks a retrieval worker has at once; as many compute as there are cores.",
    )
    ingestion_threads: int = _knob(4, "Tasks an ingestion worker runs at once.")
    ingestion_nice: int = _knob(
        10,
        "How far ingestion, its parsers included, gives way to everything else that wants the "
        "processor: 0, not at all, to 19; whatever it is, what nobody else wants is ingestion's.",
    )
    parser_processes: int = _knob(2, "Parser sub-processes of an ingestion worker.")
    parser_timeout_s: float = _knob(60.0, "Seconds a file may take to parse.")
    parser_memory_mb: int = _knob(1024, "Memory a file may take to parse, MiB.")
    parsed_text_mb: int = _knob(20, "Text a file may yield at most, MiB.")

    # The engine that runs `model`; names and meanings are vLLM's own
    max_num_seqs: int = _knob(64, "Answers the engine writes at once.")
    max_num_batched_tokens: int = _knob(8192, "Tokens of one engine step at most.")
    max_model_len: int = _knob(0, "Tokens of prompt and answer together; 0 means the model's own.")
    gpu_memory_utilization: float = _knob(0.92, "Share of the card's memory the engine takes.")
    enable_prefix_caching: bool = _knob(
        default=True, meaning="Compute prompts that begin alike once."
    )
    enable_chunked_prefill: bool = _knob(
        default=True, meaning="Compute long prompts in pieces beside running answers."
    )
    tensor_parallel_size: int = _knob(1, "Cards that share the model.")
    dtype: str = _knob("auto", "Number format of the weights.")
    quantization: str = _knob("", "How the weights are quantized; empty means as the model says.")
    cpu_offload_gb: float = _knob(0.0, "Weights kept in main memory, GiB per card.")
    kv_offloading_size: float = _knob(0.0, "Main memory for the KV cache's overflow, GiB.")
    engine_options: str = _knob("", "More engine arguments of vLLM, as a JSON object.")
    reserve: int = _knob(
        8, "Slots of `max_num_seqs`, at most half, that batch questions never take."
    )
    max_answer_tokens: int = _knob(512, "Tokens of an answer where the request names no number.")
    temperature: float = _knob(0.0, "Sampling temperature where the request names none.")
    delta_ms: int = _knob(50, "Pause between two pieces of a streamed answer, milliseconds.")

    # A server that speaks OpenAI's API, where `generator` is `openai`
    openai_url: str = _knob(
        "http://127.0.0.1:8001/v1",
        "Base URL of the server that `openai` asks, as its clients take it.",
    )
    openai_key: str = _knob("", "API key of that server; empty where it needs none.", secret=True)
    openai_concurrency: int = _knob(16, "Answers asked of that server at once.")
    openai_silence_s: float = _knob(
        120.0, "Silence after which that server counts as gone and the question waits, seconds."
    )

    # Promises
    interactive_deadline_s: int = _knob(300, "Deadline of an interactive question, seconds.")
    batch_deadline_s: int = _knob(86_400, "Deadline of batch questions and ingests, seconds.")
    retention_s: int = _knob(
        7 * 86_400, "How long a finished job is kept, with what its answer quotes, seconds."
    )
    deleted_quotes_s: int = _knob(
        0,
        "How long answers show what they quote of a document after it was deleted, seconds; 0: "
        "from then on a note stands in its place. What was replaced is shown for as long as the "
        "answer.",
    )
    event_retention_s: int = _knob(
        3_600, "How long a finished job's event stream is kept, seconds."
    )

    # Limits
    max_question_bytes: int = _knob(8 * 1024, "Size of a question, bytes.")
    max_questions: int = _knob(10_000, "Questions of one list at most.")
    max_top_k: int = _knob(50, "Passages a request may ask for.")
    max_file_bytes: int = _knob(50_000_000, "Size of one file, bytes.")
    max_files: int = _knob(1_000, "Files of one request.")
    max_request_bytes: int = _knob(2_000_000_000, "Size of one upload request, bytes.")
    max_json_bytes: int = _knob(10_000_000, "Size of a JSON body, bytes.")
    max_interactive_jobs: int = _knob(1_000, "Interactive questions waiting at most.")
    max_batch_jobs: int = _knob(100_000, "Batch questions waiting at most.")
    max_ingest_documents: int = _knob(1_000_000, "Documents waiting for ingestion at most.")
    web_processes: int = _knob(
        1, "Processes of the web server; the limits and threads below are of each."
    )
    max_streams: int = _knob(256, "Open event streams of one web process.")
    max_polls: int = _knob(
        128, "Callers of one web process that wait for a job; one more is answered at once."
    )
    max_searches: int = _knob(64, "Searches that one web process answers at once.")
    max_uploads: int = _knob(
        8, "Requests of more than 64 kB that one web process takes in at once."
    )
    client_share: float = _knob(
        0.5,
        "Share of `max_streams`, `max_polls` and `max_uploads` that one client's address may have.",
    )
    web_threads: int = _knob(
        56, "Threads of a web process beside one for each stream, poll, search and upload."
    )
    redis_memory_mb: int = _knob(512, "maxmemory of the embedded queue Redis, MiB.")
    cache_memory_mb: int = _knob(256, "maxmemory of the embedded cache Redis, MiB.")

    # Health
    health_detail: str = _knob(
        "private",
        "Who is told more than the status by `/health` and `/readyz`, and is shown `/metrics` and "
        "`/prometheus/sd`: `everyone`; `private`, who calls from this host or a private network "
        "and through no proxy; `nobody`.",
    )
    health_disk_warn: float = _knob(0.15, "Free share of the data disk that is a warning.")
    health_disk_fail: float = _knob(0.05, "Free share of the data disk that is a failure.")
    health_disk_floor_mb: int = _knob(
        1_000, "Space of the data disk that stays free, MB; nothing is accepted that needs it."
    )
    health_memory_warn: float = _knob(0.15, "Free share of main memory that is a warning.")
    health_memory_fail: float = _knob(0.05, "Free share of main memory that is a failure.")
    health_queue_warn_s: float = _knob(30.0, "Wait of the oldest question that is a warning.")
    health_queue_fail_s: float = _knob(
        300.0, "Wait of the oldest question that is a failure, if none ended meanwhile either."
    )
    health_still_warn_s: float = _knob(
        6.0, "Seconds without a move in a worker that has work and does not go on: a warning."
    )
    health_still_fail_s: float = _knob(
        120.0, "The same, a failure; then a container's probe fails too."
    )
    health_lag_warn_s: float = _knob(
        10.0, "Seconds a word index may be behind before it is a warning."
    )
    health_gpu_celsius: float = _knob(83.0, "Temperature of a card that is a warning, Celsius.")
    alive_file: str = _knob(
        "", "File a worker touches while it lives, for a container's probe; empty: none."
    )
    web_drain_s: float = _knob(
        1.0, "How long the web server answers on after SIGTERM while `/readyz` says it is going."
    )

    # Traces
    otlp_endpoint: str = _knob(
        "",
        "Address of an OpenTelemetry collector that takes OTLP over HTTP, such as "
        "`http://127.0.0.1:4318`; empty: no traces.",
    )
    trace_ratio: float = _knob(
        1.0, "Share of requests that are traced, 0 to 1; a caller's `traceparent` says for itself."
    )

    # Logs and metrics
    log_level: str = _knob("INFO", "DEBUG, INFO, WARNING or ERROR.")
    metrics_port: int = _knob(
        9110,
        "Port of /metrics of a retrieval worker, on `host`; of ingestion one above, of generation "
        "two above. A taken one is replaced by a free one; 0 means none.",
    )

    @property
    def secrets(self) -> list[str]:
        """Everything that no log line may hold: keys, and passwords of addresses."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        keys = [values[f.name] for f in fields(self) if not f.repr]
        passwords = [_password(v) for n, v in values.items() if n.endswith("_url")]
        return [secret for p in (*keys, *passwords) if p for secret in {p, unquote(p)}]

    @property
    def answerer(self) -> str:
        """Who answers, once an empty `generator` has been made out."""
        return self.generator or ("vllm" if self.model else "extractive")

    @property
    def embedder_languages(self) -> frozenset[str] | None:
        """ISO 639-1 codes of what the embedding model was trained on; None means everything."""
        told = self.embedding_languages.replace(",", " ").lower().split()
        if not told:
            is_english = self.embedding_model.rstrip("/").rsplit("/", 1)[-1] in ENGLISH_MODELS
            return frozenset({"en"}) if is_english else None
        return None if told == ["all"] else frozenset(told)

    @property
    def keys_required(self) -> bool:
        """Whether callers need a key."""
        return self.keys == "on" or (self.keys == "auto" and not is_loopback(self.host))

    @property
    def reserved(self) -> int:
        """How many of the engine's places batch questions never take."""
        return min(self.reserve, self.max_num_seqs // 2)

    @property
    def all_web_threads(self) -> int:
        """Threads of a web process, those included that wait for jobs or for bytes."""
        waiting = self.max_streams + self.max_polls + self.max_searches + self.max_uploads
        return self.web_threads + waiting

    @property
    def blobs(self) -> Path:
        """Folder of the blob store."""
        return Path(self.blob_dir) if self.blob_dir else self.data_dir / "blobs"

    @property
    def indexes(self) -> Path:
        """Folder of the sparse indexes."""
        return Path(self.index_dir) if self.index_dir else self.data_dir / "index"

    def environment(self) -> dict[str, str]:
        """Return the variables that give a child process these settings."""
        return {
            PREFIX + f.name.upper(): str(getattr(self, f.name))
            for f in fields(self)
            if f.default is MISSING or getattr(self, f.name) != f.default
        }


def _password(url: str) -> str | None:
    """Return the password of an address; what is no address has none."""
    try:
        return urlsplit(url).password
    except ValueError:
        return None
