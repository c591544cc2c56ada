"""What people may ask for, checked once: a request that exists is a request that can be served."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Self

import orjson

from rag.documents import Value
from rag.errors import InvalidRequest
from rag.metadata.filters import parse
from rag.metadata.scalars import check_scalar, encoded
from runtime.settings import Settings

#: Control characters, surrogates, line and paragraph separators; and what turns the order of text.
_UNSEEN = frozenset({"Cc", "Cs", "Zl", "Zp"})
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
COLLECTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
MAX_DOCUMENT_ID = 512
MAX_TITLE = 300
MAX_METADATA = 32
#: Values of one name.
MAX_METADATA_VALUES = 100
#: As JSON in UTF-8, of one document together with what its request says of all.
MAX_METADATA_BYTES = 4_096
MAX_DEADLINE_S = 7 * 86_400
MAX_ANSWER_TOKENS = 8_192
MAX_TEMPERATURE = 2.0
MAX_TURNS = 20
MAX_HISTORY_BYTES = 64 * 1024
PRIORITIES = ("interactive", "batch")
ROLES = ("user", "assistant")
MODES = ("hybrid", "dense", "sparse")
DUPLICATES = ("index", "skip", "fail")

#: Known to the API's design and not built yet: named apart, so that nobody thinks it worked.
NOT_YET = ("callback_url",)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryRequest:
    """
    A question, valid by construction.

    *history* holds the earlier turns, oldest first, each an object of `role` and `text`. *filters*
    is the filter as it was given, which `rag.metadata.filters` can read.
    """

    question: str
    history: Sequence[Mapping[str, str]] = ()
    collection: str = "default"
    top_k: int
    filters: Mapping[str, Any] | None = None
    priority: str = "interactive"
    max_tokens: int | None = None
    temperature: float | None = None
    trace: bool = False
    deadline_s: int
    cancel_on_disconnect: bool = False

    KNOWN: ClassVar[frozenset[str]] = frozenset(
        {
            "question", "history", "collection", "top_k", "filters", "priority", "max_tokens",
            "temperature", "trace", "deadline_s", "cancel_on_disconnect",
        }
    )  # fmt: skip

    @classmethod
    def from_json(cls, body: object, settings: Settings) -> Self:
        """
        Check a JSON body.

        Raises:
            InvalidRequest: Names the field and what it should hold.
        """
        known = _object(body, cls.KNOWN)
        priority = _choice(known, "priority", PRIORITIES, "interactive")
        usual = (
            settings.interactive_deadline_s
            if priority == "interactive"
            else settings.batch_deadline_s
        )
        return cls(
            question=_text(known, "question", settings.max_question_bytes),
            history=_history(known.get("history")),
            collection=collection_name(known.get("collection", "default")),
            top_k=_whole(known, "top_k", 0, settings.max_top_k, settings.top_k),
            filters=_filters(known),
            priority=priority,
            max_tokens=_whole_or_none(known, "max_tokens", 1, MAX_ANSWER_TOKENS),
            temperature=_number_or_none(known, "temperature", 0, MAX_TEMPERATURE),
            trace=_flag(known, "trace"),
            deadline_s=_whole(known, "deadline_s", 1, MAX_DEADLINE_S, usual),
            cancel_on_disconnect=_flag(known, "cancel_on_disconnect"),
        )

    def as_json(self) -> dict[str, Any]:
        """Return the request as the ledger keeps it."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRequest:
    """A search, valid by construction."""

    query: str
    collection: str = "default"
    top_k: int
    filters: Mapping[str, Any] | None = None
    mode: str = "hybrid"
    trace: bool = False

    KNOWN: ClassVar[frozenset[str]] = frozenset(
        {"query", "collection", "top_k", "filters", "mode", "trace"}
    )

    @classmethod
    def from_json(cls, body: object, settings: Settings) -> Self:
        """Check a JSON body; raises InvalidRequest."""
        known = _object(body, cls.KNOWN)
        return cls(
            query=_text(known, "query", settings.max_question_bytes),
            collection=collection_name(known.get("collection", "default")),
            top_k=_whole(known, "top_k", 1, settings.max_top_k, settings.top_k),
            filters=_filters(known),
            mode=_choice(known, "mode", MODES, "hybrid"),
            trace=_flag(known, "trace"),
        )

    def as_json(self) -> dict[str, Any]:
        """Return the request as the ledger keeps it."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReindexRequest:
    """Which collection's vectors are to be made anew."""

    collection: str

    KNOWN: ClassVar[frozenset[str]] = frozenset({"collection"})

    @classmethod
    def from_json(cls, body: object) -> Self:
        """Check a JSON body; raises InvalidRequest."""
        return cls(collection=collection_name(_object(body, cls.KNOWN).get("collection")))


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRequest:
    """A check of one collection, or of all where *collection* is None."""

    collection: str | None = None
    repair: bool = False

    KNOWN: ClassVar[frozenset[str]] = frozenset({"collection", "repair"})

    @classmethod
    def from_json(cls, body: object) -> Self:
        """Check a JSON body; raises InvalidRequest."""
        known = _object(body, cls.KNOWN)
        given = known.get("collection")
        return cls(
            collection=None if given is None else collection_name(given),
            repair=_flag(known, "repair"),
        )

    def as_json(self) -> dict[str, Any]:
        """Return the request as the ledger keeps it."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestRequest:
    """What an ingest says of all its documents."""

    collection: str = "default"
    priority: str = "batch"
    on_duplicate: str = "index"
    metadata: Mapping[str, Value] = field(default_factory=dict)
    keep_open: bool = False
    deadline_s: int

    KNOWN: ClassVar[frozenset[str]] = frozenset(
        {"collection", "priority", "on_duplicate", "metadata", "open", "deadline_s"}
    )

    @classmethod
    def from_json(cls, body: object, settings: Settings) -> Self:
        """Check the fields of an ingest, its documents left out; raises InvalidRequest."""
        known = _object(body, cls.KNOWN)
        return cls(
            collection=collection_name(known.get("collection", "default")),
            priority=_choice(known, "priority", PRIORITIES, "batch"),
            on_duplicate=_choice(known, "on_duplicate", DUPLICATES, "index"),
            metadata=metadata(known.get("metadata", {}), "metadata"),
            keep_open=_flag(known, "open"),
            deadline_s=_whole(known, "deadline_s", 1, MAX_DEADLINE_S, settings.batch_deadline_s),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentUpload:
    """One document of an ingest: its bytes, what it is called, what is known of it."""

    document_id: str
    data: bytes
    filename: str
    title: str | None = None
    metadata: Mapping[str, Value] = field(default_factory=dict)

    KNOWN: ClassVar[frozenset[str]] = frozenset({"id", "text", "title", "metadata"})

    @classmethod
    def from_json(cls, body: object, where: str) -> Self:
        """Check one entry of `documents`; raises InvalidRequest naming *where*."""
        if not isinstance(body, dict):
            raise InvalidRequest(where, "must be an object with id and text")
        for name in body:
            if name not in cls.KNOWN:
                raise InvalidRequest(f"{where}.{name}", "is not a known field")
        text, title = body.get("text"), body.get("title")
        if not isinstance(text, str):
            raise InvalidRequest(f"{where}.text", "must be a string")
        if title is not None and (not isinstance(title, str) or len(title) > MAX_TITLE):
            raise InvalidRequest(
                f"{where}.title", f"must be a string of at most {MAX_TITLE} characters"
            )
        document_id = check_document_id(body.get("id"), f"{where}.id")
        return cls(
            document_id=document_id,
            data=encoded(text, f"{where}.text"),
            filename="",
            title=title,
            metadata=metadata(body.get("metadata", {}), f"{where}.metadata"),
        )


def collection_name(value: object) -> str:
    """Check a collection's name; raises InvalidRequest."""
    if not isinstance(value, str) or not COLLECTION.fullmatch(value):
        raise InvalidRequest(
            "collection",
            "must be 1 to 63 letters, digits, dots, dashes or underscores, a letter or digit first",
        )
    return value


def check_document_id(value: object, where: str) -> str:
    """
    Check a document's id; raises InvalidRequest naming *where*.

    An id is part of the document's address, so it may look like a path, but never like a way out
    of one: no empty, `.` or `..` segments.
    """
    if not isinstance(value, str) or not value.strip():
        raise InvalidRequest(where, "must be a non-empty string")
    if len(value) > MAX_DOCUMENT_ID:
        raise InvalidRequest(where, f"must have at most {MAX_DOCUMENT_ID} characters")
    if any(unicodedata.category(c) in _UNSEEN or c in _BIDI for c in value):
        raise InvalidRequest(where, "must not hold control characters")
    if not any(unicodedata.category(c)[0] in "LMNPS" for c in value):
        raise InvalidRequest(where, "must hold a visible character")
    if any(segment in ("", ".", "..") for segment in value.split("/")):
        raise InvalidRequest(
            where, "must not begin or end with a slash, or hold empty, . or .. segments"
        )
    return value


def metadata(value: object, where: str) -> dict[str, Value]:
    """
    Check metadata: an object of strings, numbers, booleans and lists of these.

    Raises:
        InvalidRequest: Names the place and what it should hold.
    """
    if not isinstance(value, dict):
        raise InvalidRequest(where, "must be an object")
    if len(value) > MAX_METADATA:
        raise InvalidRequest(where, f"must have at most {MAX_METADATA} entries")
    for name, entry in value.items():
        encoded(name, where)
        place = f"{where}.{name}"
        if isinstance(entry, list):
            if len(entry) > MAX_METADATA_VALUES:
                raise InvalidRequest(place, f"must have at most {MAX_METADATA_VALUES} values")
            for n, one in enumerate(entry):
                check_scalar(one, f"{place}[{n}]", kinds="must be a string, a number or a boolean")
        else:
            kinds = "must be a string, a number, a boolean or a list of these"
            check_scalar(entry, place, kinds=kinds)
    if (size := len(orjson.dumps(value))) > MAX_METADATA_BYTES:
        raise InvalidRequest(
            where, f"has {size} bytes as JSON; a document's may have {MAX_METADATA_BYTES}"
        )
    return value


def _filters(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """Check a filter; one that excludes nothing is none."""
    given = body.get("filters")
    return None if parse(given) is None else given


def _history(value: object) -> list[dict[str, str]]:
    """Check the earlier turns of a conversation."""
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > MAX_TURNS:
        raise InvalidRequest("history", f"must be a list of at most {MAX_TURNS} turns")
    turns = [_turn(turn, f"history[{n}]") for n, turn in enumerate(value)]
    if sum(len(turn["text"].encode()) for turn in turns) > MAX_HISTORY_BYTES:
        raise InvalidRequest("history", f"must have at most {MAX_HISTORY_BYTES} bytes of text")
    return turns


def _turn(turn: object, where: str) -> dict[str, str]:
    """Check one turn; `content` is another name for `text`."""
    if not isinstance(turn, dict):
        raise InvalidRequest(where, "must be an object with role and text")
    for name in turn:
        if name not in ("role", "text", "content"):
            raise InvalidRequest(f"{where}.{name}", "is not a known field")
    if turn.get("role") not in ROLES:
        raise InvalidRequest(f"{where}.role", f"must be one of: {', '.join(ROLES)}")
    if "text" in turn and "content" in turn:
        raise InvalidRequest(f"{where}.content", "is another name for text; give one of them")
    name = "content" if "content" in turn else "text"
    text = turn.get(name)
    if not isinstance(text, str) or not text.strip():
        raise InvalidRequest(f"{where}.{name}", "must be a non-empty string")
    encoded(text, f"{where}.{name}")
    return {"role": turn["role"], "text": text}


def _object(body: object, known: frozenset[str]) -> dict[str, Any]:
    """Check that a body is an object of known fields."""
    if not isinstance(body, dict):
        raise InvalidRequest("body", "must be a JSON object")
    for name in body:
        if name in NOT_YET:
            raise InvalidRequest(name, "is not supported by this version")
        if name not in known:
            raise InvalidRequest(name, "is not a known field")
    return body


def _text(body: Mapping[str, Any], name: str, most: int) -> str:
    """Read a non-empty text of bounded size."""
    value = body.get(name)
    if not isinstance(value, str) or not value.strip():
        raise InvalidRequest(name, "must be a non-empty string")
    if len(encoded(value, name)) > most:
        raise InvalidRequest(name, f"must have at most {most} bytes")
    return value


def _choice(body: Mapping[str, Any], name: str, allowed: tuple[str, ...], usual: str) -> str:
    """Read one of some words."""
    value = body.get(name, usual)
    if value not in allowed:
        raise InvalidRequest(name, f"must be one of: {', '.join(allowed)}")
    return str(value)


def _flag(body: Mapping[str, Any], name: str) -> bool:
    """Read a boolean, false where it is absent."""
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise InvalidRequest(name, "must be true or false")
    return value


def _whole(body: Mapping[str, Any], name: str, low: int, high: int, usual: int) -> int:
    """Read a whole number within bounds."""
    value = body.get(name, usual)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InvalidRequest(name, f"must be a whole number from {low} to {high}")
    return value


def _whole_or_none(body: Mapping[str, Any], name: str, low: int, high: int) -> int | None:
    """Read a whole number within bounds, or nothing."""
    return None if body.get(name) is None else _whole(body, name, low, high, low)


def _number_or_none(body: Mapping[str, Any], name: str, low: float, high: float) -> float | None:
    """Read a number within bounds, or nothing."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InvalidRequest(name, f"must be a number from {low} to {high}")
    return float(value)
