"""What the steps of a check share: one collection, where its parts lie, and its report."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, TypeVar

from corpus.blobs import BlobStore
from corpus.catalogue.catalogue import Catalogue
from corpus.catalogue.generations import Current
from corpus.change_log import ChangeLog
from corpus.check_and_repair.findings import Report
from corpus.check_and_repair.repair import Repairer
from rag.ports import VectorStore

T = TypeVar("T")

#: Documents looked at between two looks at whether to go on.
BATCH: Final = 200
INGEST_AGAIN: Final = "ingest it again"
#: Where a check of current documents is that has looked at all of them.
ALL: Final = -1


@dataclass(slots=True)
class Scope:
    """
    One collection under check; *report* says whether what differs is repaired too.

    *at* says how far the current documents were looked at, for who goes on later: a cursor of
    Redis', ALL at their end; and *told* what the report had then, as JSON.
    """

    collection_id: str
    catalogue: Catalogue
    vectors: VectorStore
    blobs: BlobStore
    change_log: ChangeLog
    repairer: Repairer
    report: Report
    at: int = 0
    told: dict[str, Any] = field(default_factory=dict)

    def mark(self, at: int) -> None:
        """Note how far the current documents were looked at."""
        self.at, self.told = at, self.report.as_json()

    @property
    def repair(self) -> bool:
        """Whether what differs is repaired."""
        return self.report.repair

    @property
    def exists(self) -> bool:
        """Whether the collection has not been deleted meanwhile."""
        return self.catalogue.collections.exists(self.collection_id)

    def current(self, document: str) -> Current | None:
        """Return what is current of a document at this moment."""
        return self.catalogue.generations.current_of(self.collection_id, document)


def batches(items: Iterator[T]) -> Iterator[list[T]]:
    """Group what an iterator yields, BATCH at a time."""
    while batch := list(islice(items, BATCH)):
        yield batch
