"""What clients saw of the service, each record as soon as it is known."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Final, TypeVar

#: The outcomes of a write that made its revision the one that people read.
TAKEN: Final = frozenset({"created", "updated", "deleted"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """
    One document of an ingest, or its delete. A document has one writer: its writes have an order.

    Times are seconds of the history's clock.

    Args:
        document: Its id.

        revision: Its number, 1 for the first; higher ones were sent later.

        deletes: The document was deleted.

        began: When the call was sent.

        known: When the client read how the write had ended.

        outcome: How it ended: `created`, `updated`, `superseded`, `deleted`, `absent`, or
            `failed: TYPE`, `cancelled`, `expired`.

        chunks: How many the revision has.

        poisoned: The worker was killed each time it began the document.
    """

    document: str
    revision: int
    deletes: bool
    began: float
    known: float
    outcome: str
    chunks: int = 0
    poisoned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """
    What one call showed of one document.

    Args:
        how: `search`: every chunk of the document was asked for; `answer`: some were quoted.

        revisions: The revisions that were seen, each once.

        chunks: How many chunks were seen, of a search.

        whole: Both retrievers of the search had answered.
    """

    how: str
    document: str
    began: float
    ended: float
    revisions: tuple[int, ...]
    chunks: int = 0
    whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A job that was acknowledged: it must have ended *deadline_s* and a minute after *at*."""

    job: str
    kind: str
    at: float
    deadline_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """
    A final state of a job.

    Args:
        digest: Of all that must not change any more, until a document that is quoted is deleted.

        frame: Of what stays even then: its state, times, and which passages it had.

        withheld: Deleted documents whose words are not shown any more.

        took_s: Seconds from its beginning to its end, as the service tells.

        ends: How many ends its events tell of.
    """

    job: str
    at: float
    state: str
    digest: str
    frame: str = ""
    withheld: tuple[str, ...] = ()
    took_s: float = 0.0
    error: str = ""
    ends: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """The service said that a job had ended and was forgotten since (410)."""

    job: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """The service said that a job *is* cancelled, so it stays so."""

    job: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An answer that is no success: its HTTP status, and on what."""

    at: float
    status: int
    call: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hurt:
    """What was done to the service, and to which part of it."""

    what: str
    target: str
    began: float
    ended: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """
    A unit whose worker was killed.

    Args:
        waited_s: How long it waited at a stretch in which nothing else was wrong.

        went_on: Somebody had it again, or it ended.
    """

    unit: str
    at: float
    waited_s: float
    went_on: bool


Record = Write | Read | Accepted | Seen | Forgotten | Cancelled | Answered | Hurt | Victim
Kind = TypeVar("Kind", Write, Read, Accepted, Seen, Forgotten, Cancelled, Answered, Hurt, Victim)


class History:
    """
    Collects the records of all clients, and writes each as a line of JSON. Any thread may add.

    Args:
        file: Where the lines go.
    """

    def __init__(self, file: Path) -> None:
        self._lock = threading.Lock()
        self._records: list[Record] = []
        self._began = time.monotonic()
        self._lines: IO[str] = file.open("w", encoding="utf-8")

    def now(self) -> float:
        """Return the seconds since the history began."""
        return time.monotonic() - self._began

    def add(self, record: Record) -> None:
        """Keep a record."""
        line: dict[str, Any] = {"record": type(record).__name__} | asdict(record)
        with self._lock:
            self._records.append(record)
            self._lines.write(json.dumps(line) + "\n")
            self._lines.flush()

    def of(self, kind: type[Kind]) -> list[Kind]:
        """Return the records of a kind, in the order in which they were added."""
        with self._lock:
            return [record for record in self._records if isinstance(record, kind)]

    def __iter__(self) -> Iterator[Record]:
        with self._lock:
            return iter(self._records.copy())
