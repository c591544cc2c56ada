"""What was asked, as its row keeps it: written where it is taken in, read where it is served."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Final, Self

import orjson

from rag.answers.conversation import Priority, Turn
from rag.search.modes import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """
    A request that a row has under `request`; it was checked before it was written.

    The row may be of another build: what it lacks has its default, and what this build does not
    know is left out.
    """

    def as_json(self) -> dict[str, Any]:
        """Return the request as its row keeps it and the API shows it."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def from_row(cls, row: Mapping[str, str]) -> Self:
        """Read the request of a row."""
        return cls(**cls._known(row))

    @classmethod
    def _known(cls, row: Mapping[str, str]) -> dict[str, Any]:
        """Return what a row tells of the fields that there are."""
        told = orjson.loads(row["request"])
        return {f.name: told[f.name] for f in fields(cls) if f.name in told}


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryRequest(Request):
    """
    A question.

    *history* holds the earlier turns, oldest first. *filters* is the filter as it was given, which
    `rag.metadata.filters` can read. A *top_k* of 0 asks for an answer without passages.
    *instructions* are what the caller tells a language model of its role. With *calibrated*, or
    where a *least_score* is asked for, each passage has its relevance; with less it is none. With
    *named*, or *calibrated*, each has the name of its file. *also* are further collections that are
    searched: the id of each, by its name as it is written down.
    """

    question: str
    history: tuple[Turn, ...] = ()
    collection: str = "default"
    top_k: int
    filters: Mapping[str, Any] | None = None
    priority: Priority = "interactive"
    max_tokens: int | None = None
    temperature: float | None = None
    trace: bool = False
    deadline_s: int
    cancel_on_disconnect: bool = False
    webhook_url: str | None = None
    instructions: str = ""
    calibrated: bool = False
    named: bool = False
    least_score: float = 0.0
    also: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the request as its row keeps it and the API shows it."""
        turns = [{"role": turn.role, "text": turn.text} for turn in self.history]
        told = Request.as_json(self) | {"history": turns}
        if self.webhook_url is None:
            del told["webhook_url"]
        for name in ("instructions", "calibrated", "named", "least_score", "also"):
            if not told[name]:
                del told[name]
        return told

    @classmethod
    def from_row(cls, row: Mapping[str, str]) -> Self:
        """Read the request of a row."""
        known = cls._known(row)
        turns = known.pop("history", None) or ()
        return cls(history=tuple(Turn(turn["role"], turn["text"]) for turn in turns), **known)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRequest(Request):
    """
    A search: passages for *query*, without an answer.

    *calibrated* and *least_score* mean what they do of a question.
    """

    query: str
    collection: str = "default"
    top_k: int
    filters: Mapping[str, Any] | None = None
    mode: Mode = "hybrid"
    trace: bool = False
    calibrated: bool = False
    least_score: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Return the request as its row keeps it and the API shows it."""
        told = Request.as_json(self)
        for name in ("calibrated", "least_score"):
            if not told[name]:
                del told[name]
        return told


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingRequest(Request):
    """
    Texts that are to be embedded: *texts*, or *texts_blob*, which is their list in the blob store.

    A text that is too long for the model is refused, unless *truncate* says to cut it; so are all
    where the model's vectors have another number of *dimensions* than the caller wants.
    """

    collection: str = "default"
    texts: tuple[str, ...] = ()
    texts_blob: str = ""
    truncate: bool = False
    dimensions: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the request as its row keeps it."""
        told = Request.as_json(self)
        del told["texts_blob" if self.texts else "texts"]
        if self.dimensions is None:
            del told["dimensions"]
        return told


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRequest(Request):
    """A check of one collection, or of all where *collection* is None."""

    collection: str | None = None
    repair: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeRequest:
    """
    Which jobs are to be forgotten; no row keeps this.

    Those that ended *older_than_s* ago, of one collection or of all. *dry_run* only counts.
    """

    older_than_s: int
    collection: str | None = None
    dry_run: bool = False


#: Fields of `IngestTerms` that have another name in the job's row.
_IN_ROW: Final = {"collection_id": "incarnation"}


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestTerms:
    """
    What holds of all documents of an ingest, whenever they come; *metadata* is JSON.

    *store* is not empty where they are files that are attached to a vector store.

    The job's row has each under the name that scripts read.
    """

    collection: str
    collection_id: str
    priority: Priority
    on_duplicate: str
    metadata: str
    webhook_url: str = ""
    store: str = ""

    def as_row(self) -> dict[str, str]:
        """Return the fields of the job's row; what is empty is left out."""
        told = {_IN_ROW.get(f.name, f.name): getattr(self, f.name) for f in fields(self)}
        for name in ("webhook_url", "store"):
            if not told[name]:
                del told[name]
        return {"kind": "ingest"} | told

    @classmethod
    def from_row(cls, row: Mapping[str, str]) -> Self:
        """Read the terms of a job back."""
        known: dict[str, Any] = {
            f.name: row[name]
            for f in fields(cls)
            if (name := _IN_ROW.get(f.name, f.name)) in row or f.default is MISSING
        }
        return cls(**known)
