"""Attached files: what became of each, and how many there are of each state."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, get_args

import orjson
from redis import Redis

from protocol.keys import key
from protocol.scripts import Scripts

State = Literal["in_progress", "completed", "failed", "cancelled"]
#: In the order in which they are counted.
STATES: Final[tuple[State, ...]] = get_args(State)
_ALL: Final = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """
    A file of a vector store.

    Attributes:
        unit: The row that makes its document.

        told: What was said when it was attached, see `Told`.

        error: Why it failed, as the ledger has it; None of one that did not.
    """

    file_id: str
    state: State
    unit: str
    size: int
    created_us: int
    told: "Told"
    error: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """
    What is told of a file when it is attached.

    Attributes:
        chunking: Tokens of a chunk and of its overlap with the next, as they were asked for; None
            where that was left to Quern.
    """

    filename: str
    attributes: Mapping[str, Any]
    chunking: tuple[int, int] | None = None

    def as_json(self) -> str:
        """Return it as it is kept."""
        kept: dict[str, Any] = {"filename": self.filename, "attributes": dict(self.attributes)}
        if self.chunking is not None:
            kept["chunking"] = self.chunking
        return orjson.dumps(kept).decode()

    @classmethod
    def read(cls, text: str) -> "Told":
        """Read what is kept."""
        kept = orjson.loads(text)
        chunking = kept.get("chunking")
        return cls(
            filename=kept["filename"],
            attributes=kept["attributes"],
            chunking=tuple(chunking) if chunking else None,
        )


class Counts(NamedTuple):
    """How many files of a store are in each state, and how large the completed ones are."""

    in_progress: int
    completed: int
    failed: int
    cancelled: int
    size: int = 0

    @property
    def total(self) -> int:
        """How many there are."""
        return self.in_progress + self.completed + self.failed + self.cancelled


class Attachments:
    """Read which files are attached to collections; scripts of the ledger attach and detach."""

    def __init__(self, redis: Redis, scripts: Scripts) -> None:
        self._redis = redis
        self._run = scripts

    def find(self, collection_id: str, file_id: str) -> Attachment | None:
        """Return an attached file; None where it is not attached."""
        return self.several(collection_id, [file_id]).get(file_id)

    def several(self, collection_id: str, file_ids: Sequence[str]) -> dict[str, Attachment]:
        """Return those of some files that are attached, all as of one moment."""
        if not file_ids:
            return {}
        names = list(file_ids)
        pipe = self._redis.pipeline()  # of one moment: a file moves from set to set
        pipe.hmget(key("attached", collection_id), names)
        pipe.hmget(key("attached_errors", collection_id), names)
        pipe.zmscore(key("attached_in", collection_id, _ALL), names)
        for state in STATES:
            pipe.zmscore(key("attached_in", collection_id, state), names)
        kept, errors, times, *places = pipe.execute()
        found: dict[str, Attachment] = {}
        for n, file_id in enumerate(names):
            states = [one for one, at in zip(STATES, places, strict=True) if at[n]]
            if kept[n] and states:
                unit, size, told = kept[n].split(" ", 2)
                found[file_id] = Attachment(
                    file_id=file_id,
                    state=states[0],
                    unit=unit,
                    size=int(size),
                    created_us=int(times[n] or 0),
                    told=Told.read(told),
                    error=orjson.loads(errors[n]) if errors[n] else None,
                )
        return found

    def counts(self, collection_ids: Sequence[str]) -> list[Counts]:
        """Return the counts of each collection, each as of one moment."""
        found = []
        pipe = self._redis.pipeline()
        for collection_id in collection_ids:
            for state in STATES:
                pipe.zcard(key("attached_in", collection_id, state))
            pipe.get(key("attached_bytes", collection_id))
        told = pipe.execute() if collection_ids else []
        each = len(STATES) + 1
        for at in range(0, len(told), each):
            in_progress, completed, failed, cancelled, size = told[at : at + each]
            found.append(Counts(in_progress, completed, failed, cancelled, int(size or 0)))
        return found

    def documents_of_other_states(self, collection_id: str) -> int:
        """Return how many files are documents that people read, and attached as what is none."""
        pipe = self._redis.pipeline()
        for state in STATES:
            if state != "completed":
                pipe.zinter([key("attached_in", collection_id, state), key("names", collection_id)])
        return sum(len(names) for names in pipe.execute())

    def page(
        self,
        collection_id: str,
        *,
        state: State | None,
        after: str | None,
        before: str | None,
        newest_first: bool,
        limit: int,
    ) -> tuple[list[str], bool]:
        """
        Return up to *limit* files in the order they came in, and whether more follow.

        They are those behind the file *after*, or the last ones in front of the file *before*.
        """
        name = key("attached_in", collection_id, state or _ALL)
        if after is None and before is not None:
            place = self._place(collection_id, name, before, newest_first=newest_first)
            first = max(0, place - limit)
            found = self._range(name, first, place - 1, newest_first) if place else []
            return found, first > 0
        first = 0
        if after is not None:
            first = self._place(collection_id, name, after, newest_first=newest_first)
            first += bool(self._redis.zscore(name, after) is not None)
        found = self._range(name, first, first + limit, newest_first)
        return found[:limit], len(found) > limit

    def retell(self, collection_id: str, file_id: str, unit: str, told: Told) -> bool:
        """Change what is told of a file; False where it was attached anew, or detached, since."""
        word, *_ = self._run("retell_attached", collection_id, file_id, unit, told.as_json())
        return bool(word == "ok")

    def _place(self, collection_id: str, name: str, file_id: str, *, newest_first: bool) -> int:
        """Return how many of a set stand before a file, which may have left it for another."""
        rank = (self._redis.zrevrank if newest_first else self._redis.zrank)(name, file_id)
        if rank is not None:
            return int(rank)
        at = self._redis.zscore(key("attached_in", collection_id, _ALL), file_id)
        if at is None:
            return 0
        low, high = (f"({int(at)}", "+inf") if newest_first else ("-inf", f"({int(at)}")
        return int(self._redis.zcount(name, low, high))

    def _range(self, name: str, first: int, last: int, newest_first: bool) -> list[str]:
        """Return part of a set."""
        found: list[str] = (self._redis.zrevrange if newest_first else self._redis.zrange)(
            name, first, last
        )
        return found
