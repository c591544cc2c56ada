"""The check: compares catalogue, vector store and every sparse index, document by document."""

import time
from collections.abc import Iterator, Mapping
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
from jobs.searches import SearchSight
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

        searches: Whether people search; a walk lets them pass.
    """

    def __init__(
        self,
        *,
        vectors: VectorStore,
        catalogue: Catalogue,
        change_log: ChangeLog,
        blobs: BlobStore,
        repairer: Repairer,
        searches: SearchSight,
    ) -> None:
        self.vectors = vectors
        self.catalogue = catalogue
        self.change_log = change_log
        self.blobs = blobs
        self.repairer = repairer
        self.searches = searches
        self.listed_at: dict[str, float] = {}  # collections, by the monotonic clock

    def walk(
        self,
        collection: str | None,
        *,
        repair: bool,
        adopt: bool = True,
        patient: bool = False,
        after: Mapping[str, Any] | None = None,
    ) -> "Walk":
        """
        Prepare a walk through one collection, or all; nothing happens until it is iterated.

        With *adopt*, collections of the vector store that no catalogue knows are looked for too. A
        *patient* one lists a vector store once a day at most, while documents are on their way. It
        goes on *after* what `Walk.standing` of another told, if that is given.
        """
        return Walk(
            self, collection, repair=repair, adopt=adopt and collection is None, patient=patient,
            after=after,
        )  # fmt: skip

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
        repairer=repairer, searches=SearchSight(storage.redis),
    )  # fmt: skip


class Walk:
    """One walk of a checker: iterate it to its end, then ask for the result."""

    def __init__(
        self,
        checker: Checker,
        collection: str | None,
        *,
        repair: bool,
        adopt: bool,
        patient: bool,
        after: Mapping[str, Any] | None,
    ) -> None:
        self._checker = checker
        self._catalogue = checker.catalogue
        self._vectors = checker.vectors
        self._wanted = collection
        self._repair = repair
        self._adopt = adopt
        self._patient = patient
        self._total = 0
        self._scope: Scope | None = None
        self._before = after or {}
        self._run_id = ""
        self._done = self._done_there = int(self._before.get("done", 0))
        told = self._before.get("reports", ())
        self.reports: list[Report] = [Report.resumed(one, repair=repair) for one in told]

    def __iter__(self) -> Iterator[Step]:
        """Walk, pausing after each bounded piece of work; searches go first meanwhile."""
        steps = self._walk()
        while True:
            began = time.monotonic()
            step = next(steps, None)
            if step is None:
                return
            took_s = time.monotonic() - began
            yield step
            self._checker.searches.let_pass(longest_s=took_s)

    def _walk(self) -> Iterator[Step]:
        """Walk, as fast as it goes."""
        self._run_id = self._catalogue.generations.run_id()
        names = self._catalogue.collections.collection_ids()
        if self._wanted is not None:
            names = {name: inc for name, inc in names.items() if name == self._wanted}
        lost = lost_collections(self._catalogue, self._vectors) if self._adopt else []
        for searched in (*names.values(), *(one.vector_index for one in lost)):
            self._total += self._vectors.count(searched)
            self._total += self._catalogue.documents.sizes(searched)[0]
        yield Step(self._done, self._total)
        ended = {report.collection for report in self.reports}
        for name, collection_id in sorted(names.items()):
            if name not in ended and name >= self._before.get("first", ""):
                yield from self._collection(Report(name, repair=self._repair), collection_id)
        for one in lost:
            yield from self._lost_collection(one)

    def standing(self, *, reports: bool) -> dict[str, Any]:
        """
        Return how far the walk is, as JSON, for another one that goes on after it.

        Without *reports* it goes on in the order of the names, and tells nothing of what was
        found before.
        """
        # The same for as long as it is at the same place: who dies there again and again gives up.
        told: dict[str, Any] = {"done": self._done_there, "run_id": self._run_id}
        if reports:
            told["reports"] = [report.as_json() for report in self.reports]
        scope = self._scope
        if scope is not None and not reports:
            told["first"] = scope.report.collection
        if scope is not None and scope.told:
            said = scope.told if reports else scope.told | {"findings": []}
            told |= {"collection_id": scope.collection_id, "at": scope.at, "report": said}
        return told

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
        before = self._before
        known = ("run_id", self._run_id), ("collection_id", collection_id)
        if all(before.get(name) == now for name, now in known):
            scope.report = Report.resumed(before["report"], repair=self._repair)
            scope.mark(before["at"])
        self._scope = scope
        at = scope.at
        for looked_at in self._steps(scope):
            self._done += looked_at
            if scope.at != at:
                at, self._done_there = scope.at, self._done
            yield Step(self._done, self._total)
        self._scope, self._done_there = None, self._done
        if scope.exists:
            self.reports.append(scope.report)

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
        seen_all = not (yield from stored.are_there()) or self._may_list(scope)
        if seen_all and stored.more:
            self._checker.listed_at[scope.collection_id] = time.monotonic()
            yield from stored.list_them()
            yield from lost.check_generations(stored.held)
        if scope.repair and scope.exists:
            scope.catalogue.repairs.all_restored(scope.collection_id)
            if seen_all:
                scope.catalogue.tombstones.bury(scope.collection_id, current.deleted)
        yield from check_replicas(scope)
