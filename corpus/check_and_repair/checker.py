"""The check: compares catalogue, vector store and every sparse index, document by document."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from corpus.blobs import BlobStore
from corpus.catalogue.catalogue import Catalogue
from corpus.change_log import ChangeLog
from corpus.check_and_repair.current_documents import CurrentDocuments
from corpus.check_and_repair.findings import Report
from corpus.check_and_repair.lost_collections import LostCollection, adopt, lost_collections
from corpus.check_and_repair.lost_entries import LostEntries
from corpus.check_and_repair.repair import Repairer
from corpus.check_and_repair.replicas import check_replicas
from corpus.check_and_repair.scope import Scope
from corpus.check_and_repair.stored_generations import StoredElsewhere
from corpus.current_vectors import CurrentVectors
from corpus.storage import Storage
from rag.ports import Embedder, VectorStore

#: A walk in the background lists a vector store so often, while documents are on their way to it.
LIST_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Step:
    """How far a walk is: rows and entries looked at, of how many."""

    done: int
    total: int


class Checker:
    """
    Find what differs between catalogue, vector store, blobs and indexes, and repair it.

    All of them go on to change meanwhile, so whatever seems to differ is looked at again, exactly,
    before it is told or touched; what decides is one script each. Generations of open rows are
    never touched. To stop at any instant is harmless, and so is a second walk at the same time.

    The chunks of current documents are asked for by their ids, in a time that grows with their
    number. What else there is is listed only where the vector store holds more than that: its pages
    cost what lies before them. Memory grows with what nobody knows (some 200 bytes a generation).

    Args:
        vectors: The truth about chunks, asked by collection id; see `CurrentVectors`.

        catalogue: The truth about what is current.

        change_log: Where replicas are asked to look at their own indexes.

        blobs: Where files, texts and manifests lie.

        repairer: Does the repairs of documents.
    """

    def __init__(
        self,
        *,
        vectors: VectorStore,
        catalogue: Catalogue,
        change_log: ChangeLog,
        blobs: BlobStore,
        repairer: Repairer,
    ) -> None:
        self.vectors = vectors
        self.catalogue = catalogue
        self.change_log = change_log
        self.blobs = blobs
        self.repairer = repairer
        self.listed_at: dict[str, float] = {}  # collections, by the monotonic clock

    def walk(
        self, collection: str | None, *, repair: bool, adopt: bool = True, patient: bool = False
    ) -> "Walk":
        """
        Prepare a walk through one collection, or all; nothing happens until it is iterated.

        With *adopt*, collections of the vector store that no catalogue knows are looked for too. A
        *patient* one lists a vector store once a day at most, while documents are on their way.
        """
        return Walk(
            self, collection, repair=repair, adopt=adopt and collection is None, patient=patient
        )

    def label(self, collection_id: str) -> bool:
        """Write beside a collection what a lost catalogue would need; False where it is gone."""
        return self.vectors.label(collection_id, self.catalogue.collections.about(collection_id))


def checker_of(storage: Storage, store: VectorStore, embedder: Embedder) -> Checker:
    """Wire a checker for what a worker owns."""
    catalogue, change_log, blobs = storage.catalogue, storage.change_log, storage.blobs
    vectors = CurrentVectors(store, catalogue.vector_indexes)
    repairer = Repairer(
        vectors=vectors, store=store, embedder=embedder, catalogue=catalogue,
        change_log=change_log, blobs=blobs,
    )  # fmt: skip
    return Checker(
        vectors=vectors, catalogue=catalogue, change_log=change_log, blobs=blobs,
        repairer=repairer,
    )  # fmt: skip


class Walk:
    """One walk of a checker: iterate it to its end, then ask for the result."""

    def __init__(
        self, checker: Checker, collection: str | None, *, repair: bool, adopt: bool, patient: bool
    ) -> None:
        self._checker = checker
        self._catalogue = checker.catalogue
        self._vectors = checker.vectors
        self._wanted = collection
        self._repair = repair
        self._adopt = adopt
        self._patient = patient
        self._done = 0
        self._total = 0
        self.reports: list[Report] = []

    def __iter__(self) -> Iterator[Step]:
        """Walk, pausing after each bounded piece of work."""
        names = self._catalogue.collections.collection_ids()
        if self._wanted is not None:
            names = {name: inc for name, inc in names.items() if name == self._wanted}
        lost = lost_collections(self._catalogue, self._vectors) if self._adopt else []
        for searched in (*names.values(), *(one.vector_index for one in lost)):
            self._total += self._vectors.count(searched)
            self._total += self._catalogue.documents.sizes(searched)[0]
        yield Step(self._done, self._total)
        for name, collection_id in sorted(names.items()):
            yield from self._collection(Report(name, repair=self._repair), collection_id)
        for one in lost:
            yield from self._lost_collection(one)

    def result(self) -> dict[str, Any]:
        """Return what was found, as the job's result."""
        return {
            "repair": self._repair,
            "consistent": not any(report.left for report in self.reports),
            "collections": [report.as_json() for report in self.reports],
        }

    def _lost_collection(self, lost: LostCollection) -> Iterator[Step]:
        """Report a collection that the catalogue lost; a repair takes it back, and checks it."""
        if not self._repair:
            report = Report(lost.name, repair=False)
            report.add("collection_unknown", "found", None, lost.detail)
            self.reports.append(report)
            return
        name = adopt(self._catalogue, lost)
        if name is None:
            return  # another check was quicker
        report = Report(name, repair=True)
        detail = f"{lost.detail}; it is called {name}"
        report.add("collection_unknown", "repaired", None, detail)
        yield from self._collection(report, lost.collection_id)

    def _collection(self, report: Report, collection_id: str) -> Iterator[Step]:
        """Check one collection; what is found of one that is deleted meanwhile is not told."""
        checker = self._checker
        scope = Scope(
            collection_id=collection_id, catalogue=checker.catalogue, vectors=checker.vectors,
            blobs=checker.blobs, change_log=checker.change_log, repairer=checker.repairer,
            report=report,
        )  # fmt: skip
        for looked_at in self._steps(scope):
            self._done += looked_at
            yield Step(self._done, self._total)
        if scope.exists:
            self.reports.append(report)

    def _may_list(self, scope: Scope) -> bool:
        """Return True unless a patient walk listed it of late, and rows come and go meanwhile."""
        since = time.monotonic() - self._checker.listed_at.get(scope.collection_id, float("-inf"))
        open_rows = scope.catalogue.generations.open_rows(scope.collection_id)
        return not (self._patient and open_rows and since < LIST_S)

    def _steps(self, scope: Scope) -> Iterator[int]:
        """Check a collection step by step; yields how many rows and entries were looked at."""
        current = CurrentDocuments(scope)
        lost = LostEntries(scope, examine=current.examine)
        if scope.repair:
            self._checker.label(scope.collection_id)
        if scope.change_log.repair(scope.collection_id, dry_run=not scope.repair):
            detail = "the change log vanished; every index is built anew"
            scope.report.add_repaired("log_lost", None, detail)
        yield from current.check()
        yield from lost.check_records()
        stored = StoredElsewhere(scope)
        if (yield from stored.are_there()) and self._may_list(scope):
            self._checker.listed_at[scope.collection_id] = time.monotonic()
            yield from stored.list_them()
            yield from lost.check_generations(stored.held)
        if scope.repair and scope.exists:
            scope.catalogue.repairs.all_restored(scope.collection_id)
        yield from check_replicas(scope)
