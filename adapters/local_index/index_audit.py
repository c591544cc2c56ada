"""Audit of one replica's sparse index: it must hold the current generations and no others."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from adapters.local_index.errors import IndexUnusable
from corpus.catalogue.catalogue import Catalogue
from corpus.change_log import ChangeLog
from rag.ports import StoredChunk, Vectors
from rag.reading_ports import ReplicaIndex

log = logging.getLogger(__name__)

#: Differences told one by one; more are only counted.
TOLD: Final = 20
#: Above so many differing generations it is quicker, and surer, to build the index anew.
REBUILD: Final = 1_000

Generation = tuple[str, int]
Fetch = Callable[[str, int, int], tuple[list[StoredChunk], Vectors]]


@dataclass(slots=True)
class Answer:
    """What an audit found; *rebuild* says that the index must be built anew to repair it."""

    follower: str
    repair: bool
    documents: int = 0
    state: str = "same"
    rebuild: bool = False
    findings: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self, kind: str, generations: Sequence[tuple[str | None, int]], detail: str, *, left: int
    ) -> None:
        """Add differences of one kind, of which *left* are not repaired."""
        for outcome, share in (
            ("repaired" if self.repair else "found", generations[left:]),
            ("left" if self.repair else "found", generations[:left]),
        ):
            told: list[dict[str, Any]] = [
                {
                    "kind": kind, "outcome": outcome, "document_id": document,
                    "detail": f"{detail}, in {self.follower}",
                }
                for document, _ in share[:TOLD]
            ]  # fmt: skip
            if len(share) > TOLD:
                told[-1]["times"] = len(share) - TOLD + 1
            self.findings += told

    def as_json(self) -> dict[str, Any]:
        """Return it as the check reads it."""
        return {"state": self.state, "documents": self.documents, "findings": self.findings}


class Auditor:
    """
    Compare an index with the catalogue.

    Runs in the thread that writes the index, so that the index stands still; the catalogue does
    not. A generation goes from open to current to garbage to a `drop` in the log, and is looked
    for in that order, so that one on its way is always met.

    Args:
        follower: Whose index it is.

        fetch: Returns the chunks of a generation that the vector store has, with their vectors.
    """

    def __init__(
        self, follower: str, *, catalogue: Catalogue, change_log: ChangeLog, fetch: Fetch
    ) -> None:
        self._follower = follower
        self._catalogue = catalogue
        self._change_log = change_log
        self._fetch = fetch

    def audit(self, collection_id: str, index: ReplicaIndex, *, repair: bool) -> Answer:
        """Compare; repair if *repair* is set. Both sides of a difference are checked twice."""
        answer = Answer(self._follower, repair)
        held = _holdings(index)
        if held is None:
            answer.state = "unusable"
            answer.rebuild = repair
            answer.add("index_unusable", [(None, 0)], "files are gone or corrupt", left=0)
            return answer
        missing, extra = self._compare(collection_id, index.cursor or "0-0", held, answer)
        if missing or extra:
            answer.state = "differed"
            log.warning(
                "index differs",
                extra={
                    "collection_id": collection_id,
                    "missing": len(missing),
                    "extra": len(extra),
                },
            )
        if len(missing) + len(extra) > REBUILD:
            answer.rebuild = repair
            unrepaired: list[Generation] = []
        else:
            unrepaired = self._repair(index, missing, extra) if repair else []
        told = [*unrepaired, *(name for name in missing if name not in set(unrepaired))]
        answer.add("sparse_missing", told, "not wholly in the index", left=len(unrepaired))
        answer.add("sparse_extra", extra, "in the index, and not current", left=0)
        return answer

    def _compare(
        self,
        collection_id: str,
        cursor: str,
        held: Mapping[Generation, int],
        answer: Answer,
    ) -> tuple[dict[Generation, int], list[Generation]]:
        """Return what is missing, with its number of chunks, and what is there and should not."""
        missing: dict[Generation, int] = {}
        wanted: set[Generation] = set()
        for document, current in self._catalogue.generations.every_current(collection_id):
            if current.chunks:
                wanted.add((document, current.generation))
                if held.get((document, current.generation)) != current.chunks:
                    missing[document, current.generation] = current.chunks
        answer.documents = len(wanted)
        extra = [name for name in held if name not in wanted]
        if extra:
            # What the catalogue lost is no orphan: its entry will come back.
            extra = [name for name in extra if self._is_orphan(collection_id, *name, held[name])]
            garbage = self._catalogue.garbage.generations(collection_id)
            extra = [name for name in extra if name not in garbage]
        missing = {
            name: chunks
            for name, chunks in missing.items()
            if self._is_current(collection_id, *name)
        }
        if missing or extra:
            # Looked at last: what was activated or dropped before is in the log by now.
            waiting = {
                (entry.document, entry.generation)
                for entry in self._change_log.read(collection_id, cursor, most=100_000)
            }
            missing = {name: chunks for name, chunks in missing.items() if name not in waiting}
            extra = [name for name in extra if name not in waiting]
        return missing, extra

    def _is_orphan(self, collection_id: str, document: str, generation: int, chunks: int) -> bool:
        """Return True if a generation is neither on its way nor current."""
        look = self._catalogue.garbage.orphan
        return look(collection_id, document, generation, chunks, dry_run=True) == "orphan"

    def _is_current(self, collection_id: str, document: str, generation: int) -> bool:
        """Return True if a generation is current at this moment."""
        current = self._catalogue.generations.current_of(collection_id, document)
        return current is not None and bool(current.chunks) and current.generation == generation

    def _repair(
        self,
        index: ReplicaIndex,
        missing: Mapping[Generation, int],
        extra: Sequence[Generation],
    ) -> list[Generation]:
        """Put in what is missing and take out what is not current; returns what could not be."""
        unrepaired: list[Generation] = []
        for (document, generation), chunks in missing.items():
            found, vectors = self._fetch(document, generation, chunks)
            if len(found) != chunks:
                unrepaired.append((document, generation))
            else:
                index.add(found, vectors)
        for document, generation in extra:
            index.remove(document, generation)
        if missing or extra:
            index.commit(cursor=index.cursor, log_epoch=index.log_epoch)
        return unrepaired


def _holdings(index: ReplicaIndex) -> Mapping[Generation, int] | None:
    """Return what is in an index, None where it cannot be read."""
    try:
        return index.holdings() if index.intact(thorough=True) else None
    except IndexUnusable:
        return None
