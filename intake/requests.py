"""Requests of the API, validated in their constructors: each that exists can be served."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, get_args

from access.grants import collection_named
from intake.documents import METADATA
from intake.fields import Field, Fields, Kind, choice, flag, nullable, number, sent, text, whole
from jobs.requests import CheckRequest, PurgeRequest, QueryRequest, SearchRequest
from jobs.webhooks.deliveries import Form
from jobs.webhooks.urls import MAX_URL, check_url
from rag.answers.conversation import Priority, Turn
from rag.documents import Value
from rag.errors import InvalidRequest
from rag.metadata.filters import parse
from rag.metadata.scalars import encoded
from rag.search.modes import Mode
from runtime.settings import Settings

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
MAX_DEADLINE_S: Final = 7 * 86_400
MAX_ANSWER_TOKENS: Final = 8_192
MAX_TEMPERATURE: Final = 2.0
MAX_TURNS: Final = 20
MAX_ID_BYTES: Final = 200
MAX_HISTORY_BYTES: Final = 64 * 1024
_ROLE: Final = choice("user", "assistant")
#: Known to the API's design and not built yet.
PLANNED: Final = ("callback_url",)


def _collection_name(value: object, where: str) -> str:
    """
    Check the name of a collection; returns how it is written down.

    Raises:
        InvalidRequest: It is no name.

        NoSuchCollection: The caller may not use it.
    """
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise InvalidRequest(
            where,
            "must be 1 to 63 letters, digits, dots, dashes or underscores, a letter or digit first",
        )
    return collection_named(value)


def _url(value: object, where: str) -> str:
    """Check where a webhook is to be sent."""
    if not isinstance(value, str):
        raise InvalidRequest(where, "must be a URL")
    return check_url(value, where)


def _webhook_url(settings: Settings) -> Field:
    """Declare who is told, signed by the installation's secret, when a job has ended."""

    def read(value: object, where: str) -> str:
        if not settings.webhook_secret:
            raise InvalidRequest(
                where, "is signed with QUERN_WEBHOOK_SECRET, which the operator has not set"
            )
        return _url(value, where)

    told = "Told, signed, when the job has ended; where `QUERN_WEBHOOK_SECRET` is set."
    return Field(nullable(Kind(read, URL.schema)), description=told)


def _filters(value: object, where: str) -> object:
    """Check a filter; it is kept as it was given, and one that excludes nothing is none."""
    return None if parse(value, where) is None else value


def _history(value: object, where: str) -> tuple[Turn, ...]:
    """Check the earlier turns of a conversation."""
    if not isinstance(value, list) or len(value) > MAX_TURNS:
        raise InvalidRequest(where, f"must be a list of at most {MAX_TURNS} turns")
    turns = tuple(_turn(turn, f"{where}[{n}]") for n, turn in enumerate(value))
    if sum(len(turn.text.encode()) for turn in turns) > MAX_HISTORY_BYTES:
        raise InvalidRequest(where, f"must have at most {MAX_HISTORY_BYTES} bytes of text")
    return turns


def _turn(turn: object, where: str) -> Turn:
    """Check one turn of a conversation."""
    if not isinstance(turn, dict):
        raise InvalidRequest(where, "must be an object with role and text")
    for name in turn:
        if name not in ("role", "text", "content"):
            raise InvalidRequest(f"{where}.{name}", "is not a known field")
    _ROLE.read(turn.get("role"), f"{where}.role")
    if "text" in turn and "content" in turn:
        raise InvalidRequest(f"{where}.content", "is another name for text; give one of them")
    name = "content" if "content" in turn else "text"
    said = turn.get(name)
    if not isinstance(said, str) or not said.strip():
        raise InvalidRequest(f"{where}.{name}", "must be a non-empty string")
    encoded(said, f"{where}.{name}")
    return Turn(turn["role"], said)


def _listed_id(value: object, where: str) -> str:
    """Check what a question of a list is called; a number is read as text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return text(MAX_ID_BYTES).read(value, where)


COLLECTION_NAME: Final = Kind(_collection_name, {"type": "string", "pattern": f"^{_NAME.pattern}$"})
_SAID: Final = text(MAX_HISTORY_BYTES).schema
_TURNS: Final = Kind(
    _history,
    {
        "type": "array",
        "maxItems": MAX_TURNS,
        "items": {
            "oneOf": [
                sent({"role": _ROLE.schema, name: _SAID}, required=["role", name])
                for name in ("text", "content")
            ]
        },
    },
)
_PRIORITY: Final = choice(*get_args(Priority))
_COLLECTION: Final = Field(COLLECTION_NAME, default="default", description="Which documents.")
URL: Final = Kind(
    _url, {"type": "string", "format": "uri", "pattern": "^https?://", "maxLength": MAX_URL}
)
_LISTED_ID: Final = Kind(_listed_id, {"anyOf": [text(MAX_ID_BYTES).schema, {"type": "integer"}]})
_DEADLINE: Final = whole(1, MAX_DEADLINE_S)
_TRACE: Final = "Tell how the ranking came about."
_FILTERS: Final = Field(
    nullable(Kind(_filters, {"$ref": "#/components/schemas/Filter"})),
    description="Only documents that match are searched.",
)


@lru_cache(maxsize=8)
def query_fields(settings: Settings) -> Fields:
    """Declare the fields of a question."""
    deadlines = {
        "interactive": settings.interactive_deadline_s, "batch": settings.batch_deadline_s
    }  # fmt: skip
    return Fields(
        {
            "priority": Field(
                _PRIORITY, default="interactive", description="`batch` waits for `interactive`."
            ),
            "question": _question(settings),
            "history": Field(
                nullable(_TURNS, empty=()),
                description=(
                    "Earlier turns, oldest first; `content` is another name for `text`. "
                    f"At most {MAX_HISTORY_BYTES} bytes of text together."
                ),
            ),
            "collection": _COLLECTION,
            "top_k": Field(
                whole(0, settings.max_top_k),
                default=settings.top_k,
                description="How many passages to answer from; with 0 nothing is searched.",
            ),
            "filters": _FILTERS,
            "max_tokens": Field(
                nullable(whole(1, MAX_ANSWER_TOKENS)),
                description="How long an answer of a language model may be.",
            ),
            "temperature": Field(
                nullable(number(0, MAX_TEMPERATURE)),
                description="How freely a language model may choose its words.",
            ),
            "trace": Field(flag(), default=False, description=_TRACE),
            "deadline_s": Field(
                _DEADLINE,
                usual=lambda known: deadlines[known["priority"]],
                description="When the job ends as `expired`.",
            ),
            "cancel_on_disconnect": Field(
                flag(), default=False, description="Cancel when its reader hangs up."
            ),
            "webhook_url": _webhook_url(settings),
        },
        planned=PLANNED,
    )


@lru_cache(maxsize=8)
def list_fields(settings: Settings) -> Fields:
    """Declare what a list of questions says of all of them."""
    return Fields(
        {
            "collection": _COLLECTION,
            "top_k": Field(whole(0, settings.max_top_k), default=settings.top_k),
            "filters": _FILTERS,
            "max_tokens": Field(nullable(whole(1, MAX_ANSWER_TOKENS))),
            "temperature": Field(nullable(number(0, MAX_TEMPERATURE))),
            "deadline_s": Field(
                _DEADLINE,
                default=settings.batch_deadline_s,
                description="Of each question, from when it joins the queue.",
            ),
            "webhook_url": _webhook_url(settings),
        },
        planned=PLANNED,
    )


@lru_cache(maxsize=8)
def listed_fields(settings: Settings) -> Fields:
    """Declare the fields of one question of a list; what it lacks holds as the list says."""
    told = f"What its answer is called; its number where it has none. At most {MAX_ID_BYTES} bytes."
    return Fields(
        {
            "id": Field(nullable(_LISTED_ID), description=told),
            "question": _question(settings),
            "history": Field(nullable(_TURNS, empty=())),
            "top_k": Field(nullable(whole(0, settings.max_top_k))),
            "filters": _FILTERS,
            "max_tokens": Field(nullable(whole(1, MAX_ANSWER_TOKENS))),
            "temperature": Field(nullable(number(0, MAX_TEMPERATURE))),
            "deadline_s": Field(nullable(_DEADLINE)),
        },
        demand="must be an object with question",
        planned=PLANNED,
    )


@lru_cache(maxsize=8)
def search_fields(settings: Settings) -> Fields:
    """Declare the fields of a search."""
    return Fields(
        {
            "query": _question(settings),
            "collection": _COLLECTION,
            "top_k": Field(
                whole(1, settings.max_top_k),
                default=settings.top_k,
                description="How many passages to return.",
            ),
            "filters": _FILTERS,
            "mode": Field(
                choice(*get_args(Mode)),
                default="hybrid",
                description="By meaning (`dense`), by words (`sparse`), or both.",
            ),
            "trace": Field(flag(), default=False, description=_TRACE),
        },
        planned=PLANNED,
    )


@lru_cache(maxsize=8)
def ingest_fields(settings: Settings) -> Fields:
    """Declare the fields of an ingest, its documents left out."""
    return Fields(
        {
            "collection": _COLLECTION,
            "priority": Field(_PRIORITY, default="batch"),
            "on_duplicate": Field(
                choice("index", "skip", "fail"),
                default="index",
                description="What becomes of a document whose bytes another one has.",
            ),
            "metadata": Field(METADATA, default={}),
            "open": Field(
                flag(), default=False, description="More documents come, until it is closed."
            ),
            "deadline_s": Field(
                _DEADLINE,
                usual=lambda _: settings.batch_deadline_s,
                description="When what has not ended ends as `expired`.",
            ),
            "webhook_url": _webhook_url(settings),
        },
        planned=PLANNED,
    )


CHECK: Final = Fields(
    {
        "collection": Field(nullable(COLLECTION_NAME), description="All of them if none."),
        "repair": Field(flag(), default=False, description="Put right what differs."),
    },
    planned=PLANNED,
)
REINDEX: Final = Fields({"collection": Field(COLLECTION_NAME, required=True)}, planned=PLANNED)
NEW_WEBHOOK: Final = Fields(
    {
        "url": Field(URL, required=True),
        "form": Field(
            choice(*get_args(Form)),
            default="quern",
            description="`openai`: told of batches and responses alone, as OpenAI does.",
        ),
    },
    planned=PLANNED,
)
#: Younger jobs may still be known by an idempotency key, which would then lead to nothing.
_LEAST_PURGED_S: Final = 86_400
PURGE: Final = Fields(
    {
        "older_than_s": Field(
            whole(_LEAST_PURGED_S, 10 * 366 * 86_400),
            required=True,
            description="Jobs that ended so many seconds ago.",
        ),
        "collection": Field(nullable(COLLECTION_NAME), description="All of them if none."),
        "dry_run": Field(flag(), default=False, description="Count only."),
        "cursor": Field(nullable(text(200)), description="Where the last call stopped."),
    },
    planned=PLANNED,
)
NEW_COLLECTION: Final = Fields({"name": Field(COLLECTION_NAME, required=True)})


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestRequest:
    """What an ingest says of all its documents."""

    collection: str
    priority: Priority
    on_duplicate: str
    metadata: Mapping[str, Value]
    keep_open: bool
    deadline_s: int
    webhook_url: str | None = None


def read_query(body: object, settings: Settings) -> QueryRequest:
    """
    Read a question from a JSON body.

    Raises:
        InvalidRequest: Names the field and what it should hold.
    """
    return QueryRequest(**query_fields(settings).read(body))


def read_search(body: object, settings: Settings) -> SearchRequest:
    """Read a search from a JSON body; raises InvalidRequest."""
    return SearchRequest(**search_fields(settings).read(body))


def read_ingest(body: object, settings: Settings) -> IngestRequest:
    """Read the fields of an ingest, its documents left out; raises InvalidRequest."""
    known = ingest_fields(settings).read(body)
    return IngestRequest(keep_open=known.pop("open"), **known)


def read_check(body: object) -> CheckRequest:
    """Read which collections are to be checked from a JSON body; raises InvalidRequest."""
    return CheckRequest(**CHECK.read(body))


def read_reindex(body: object) -> str:
    """Read which collection's vectors are to be made anew; raises InvalidRequest."""
    return str(REINDEX.read(body)["collection"])


def read_new_webhook(body: object) -> tuple[str, Form]:
    """Read where a new webhook is to be sent, and in which form; raises InvalidRequest."""
    known = NEW_WEBHOOK.read(body)
    return known["url"], known["form"]


def read_purge(body: object) -> tuple[PurgeRequest, str | None]:
    """Read which jobs are to be forgotten, and where to go on; raises InvalidRequest."""
    known = PURGE.read(body)
    cursor = known.pop("cursor")
    return PurgeRequest(**known), cursor


def read_new_collection(body: object) -> str:
    """Read what a new collection is to be called; raises InvalidRequest."""
    return str(NEW_COLLECTION.read(body)["name"])


def _question(settings: Settings) -> Field:
    """Declare what a question or a search is."""
    most = settings.max_question_bytes
    return Field(text(most), required=True, description=f"At most {most} bytes of UTF-8.")
