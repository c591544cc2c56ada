"""What the API answers with, by its fields; `quern.client` returns these as they came."""

from typing import Any, Literal, NotRequired, TypedDict

State = Literal["queued", "running", "succeeded", "partial", "failed", "cancelled", "expired"]
RowState = Literal["queued", "running", "succeeded", "failed", "cancelled", "expired"]
JobKind = Literal[
    "query", "questions", "ingest", "delete", "delete_collection", "reindex", "check", "search",
    "embedding",
]  # fmt: skip
Priority = Literal["interactive", "batch"]
Mode = Literal["hybrid", "dense", "sparse"]
OnDuplicate = Literal["index", "skip", "fail"]
#: A comparison such as `{"author": "Knuth"}` or `{"and": […]}`; see docs/api.md.
Filter = dict[str, Any]


class Turn(TypedDict):
    """An earlier turn of a conversation."""

    role: Literal["user", "assistant"]
    text: str


class JobError(TypedDict):
    """Why a job or a row failed."""

    type: NotRequired[str]
    title: NotRequired[str]
    detail: NotRequired[str]


class Progress(TypedDict):
    """How far a job that counts is; *done* of *total* have ended, however they did."""

    done: int
    total: int
    unit: str
    failed: NotRequired[int]
    cancelled: NotRequired[int]
    given_up: NotRequired[int]


class Source(TypedDict):
    """A passage: the parsed text of a document from *start* to *end*, in Unicode code points."""

    chunk_id: str
    document_id: str
    generation: int
    n: int
    title: str
    text: str
    start: int
    end: int
    score: float
    page: NotRequired[int | None]
    page_label: NotRequired[str | None]
    page_kind: NotRequired[str | None]
    metadata: NotRequired[dict[str, Any]]
    parts: NotRequired[list[dict[str, Any]]]
    language: NotRequired[str]
    context: NotRequired[str]
    deleted: NotRequired[bool]


class Citation(TypedDict):
    """Where an answer quotes: *source* counts from 0, the span is that of the document's text."""

    marker: int
    source: int
    start: int
    end: int
    quote: str
    shown: NotRequired[str]
    heading: NotRequired[str]
    document_id: NotRequired[str]
    chunk_id: NotRequired[str]
    page: NotRequired[int | None]
    page_label: NotRequired[str | None]
    page_kind: NotRequired[str | None]
    deleted: NotRequired[bool]


class Answer(TypedDict):
    """What a question comes to."""

    answer: str
    answered: bool
    confidence: float | None
    citations: list[Citation]
    sources: NotRequired[list[Source]]
    generator: str
    usage: dict[str, Any]
    degraded: list[str]
    why: NotRequired[str | None]
    missing: NotRequired[list[str]]
    documents: NotRequired[int]
    waiting: NotRequired[int]
    finish_reason: NotRequired[str | None]
    answer_html: NotRequired[str]
    attributions: NotRequired[list[Citation]]
    deleted: NotRequired[list[str]]
    filter_hints: NotRequired[list[str]]
    trace: NotRequired[Any]


class Found(TypedDict):
    """What a search comes to, best first."""

    results: list[Source]
    degraded: list[str]
    timings_ms: dict[str, float]
    why: NotRequired[str | None]
    documents: NotRequired[int]
    waiting: NotRequired[int]
    deleted: NotRequired[list[str]]
    filter_hints: NotRequired[list[str]]
    trace: NotRequired[Any]


class Job(TypedDict):
    """A job; what only some kinds have is not required."""

    id: str
    kind: JobKind
    state: State
    stage: str | None
    collection: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    deadline_at: str
    attempts: int
    links: dict[str, str]
    timings_ms: dict[str, float]
    progress: NotRequired[Progress]
    queue: NotRequired[dict[str, Any]]
    request: NotRequired[dict[str, Any]]
    result: NotRequired[Any]
    error: NotRequired[JobError]
    retry_of: NotRequired[str]
    retried_as: NotRequired[str]
    open: NotRequired[bool]
    filling: NotRequired[bool]
    filled: NotRequired[dict[str, Any]]
    note: NotRequired[str]
    conversation: NotRequired[dict[str, Any]]
    sources: NotRequired[list[Source]]


class Row(TypedDict):
    """What became of a document of an ingest."""

    document_id: str
    file: str | None
    stage: str
    state: RowState
    outcome: str | None
    chunks: int
    attempts: int
    error: NotRequired[JobError]
    note: NotRequired[str]
    duplicate_of: NotRequired[str]
    sparse: NotRequired[str]


class AskedQuestion(TypedDict):
    """A question of a list, and its answer."""

    n: int
    id: str
    question: str
    state: RowState
    answer: str | None
    answered: bool | None
    confidence: float | None
    citations: list[Citation]
    why: str | None
    missing: NotRequired[list[str]]
    deleted: NotRequired[list[str]]
    degraded: NotRequired[list[str]]
    note: NotRequired[str]
    error: NotRequired[JobError]


class Collection(TypedDict):
    """A collection."""

    name: str
    documents: int
    created_at: str
    embedder: dict[str, Any] | None
    hnsw: dict[str, Any] | None
    links: dict[str, str]


class Document(TypedDict):
    """A document: its current generation."""

    document_id: str
    generation: int
    title: str
    chars: int
    chunks: int
    bytes: int
    sha256: str
    metadata: dict[str, Any]
    links: dict[str, str]
    file: NotRequired[str | None]
    kind: NotRequired[str]
    language: NotRequired[str]
    encoding: NotRequired[str]
    updated_at: NotRequired[str]
    notes: NotRequired[list[str]]


class Text(TypedDict):
    """A part of a document's parsed text."""

    document_id: str
    generation: int
    start: int
    end: int
    chars: int
    text: str


class KeyUsage(TypedDict):
    """A key, what it may spend, and what it spent today and ever."""

    id: str
    name: str
    tenant: str
    scopes: list[str]
    collections: list[str] | None
    limits: dict[str, int | None]
    created_at: str
    expires_at: str | None
    used_at: str | None
    today: dict[str, int]
    all: dict[str, int]
