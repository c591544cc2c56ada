"""Checking: compares catalogue, vector store and every sparse index, document by document."""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, Final, TypeVar

from ulid import ULID

from corpus.blobs import BlobStore
from corpus.catalogue.catalogue import Catalogue
from corpus.catalogue.generations import Current
from corpus.change_log import ChangeLog
from corpus.checking.findings import Outcome, Report
from corpus.checking.mending import CannotMend, Mender
from corpus.current_vectors import CurrentVectors
from corpus.durable import Durable
from protocol import timings
from rag.documents import chunk_id
from rag.errors import EmbedderMismatch, ReindexUnderWay
from rag.ports import Embedder, VectorStore

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Documents looked at between two looks at whether to go on.
BATCH: Final = 200
#: How often it is looked whether the replicas have answered.
LOOK_S: Final = 0.1
INGEST_AGAIN: Final = "ingest it again"
AWAY: Final = "the blob store is empty: is its disk there?"


@dataclass(frozen=True, slots=True)
class Step:
    """How far a walk is: rows and entries looked at, of how many."""

    done: int
    total: int


@dataclass(slots=True)
class _Held:
    """What the vector store holds of a generation: a bit for each chunk, and how many there be."""

    bits: int
    of: int

    @property
    def whole(self) -> bool:
        """Whether no chunk is missing."""
        return self.bits == (1 << self.of) - 1

    @property
    def chunks(self) -> int:
        """How many ids have to be deleted to be rid of it."""
        return max(self.of, self.bits.bit_length())


_Generations = dict[tuple[str, int], _Held]


class Checker:
    """
    Find what differs between catalogue, vector store, blobs and indexes, and mend it.

    All of them go on to change meanwhile, so whatever seems to differ is looked at again, exactly,
    before it is told or touched; what decides is one script each. Generations of open rows are
    never touched. To stop at any instant is harmless, and so is a second walk at the same time.

    Memory grows with the documents of one collection (some 200 bytes each), not with their text.

    Args:
        vectors: The truth about chunks, asked by incarnation; see `CurrentVectors`.

        catalogue: The truth about what is current.

        change_log: Where replicas are asked to look at their own indexes.

        blobs: Where files, texts and manifests lie.

        mender: Does the repairs.
    """

    def __init__(
        self,
        *,
        vectors: VectorStore,
        catalogue: Catalogue,
        change_log: ChangeLog,
        blobs: BlobStore,
        mender: Mender,
    ) -> None:
        self.vectors = vectors
        self.catalogue = catalogue
        self.change_log = change_log
        self.blobs = blobs
        self.mender = mender

    def walk(self, collection: str | None, *, repair: bool, adopt: bool = True) -> "Walk":
        """
        Prepare a walk through one collection, or all; nothing happens until it is iterated.

        With *adopt*, collections of the vector store that no catalogue knows are looked for too.
        """
        return Walk(self, collection, repair=repair, adopt=adopt and collection is None)

    def label(self, incarnation: str) -> bool:
        """Write beside a collection what a lost catalogue would need; tells whether it is there."""
        return self.vectors.label(incarnation, self.catalogue.collections.about(incarnation))


def checker_of(durable: Durable, store: VectorStore, embedder: Embedder) -> Checker:
    """Wire a checker for what a worker owns."""
    catalogue, change_log, blobs = durable.catalogue, durable.change_log, durable.blobs
    vectors = CurrentVectors(store, catalogue.editions)
    mender = Mender(
        vectors=vectors, store=store, embedder=embedder, catalogue=catalogue,
        change_log=change_log, blobs=blobs,
    )  # fmt: skip
    return Checker(
        vectors=vectors, catalogue=catalogue, change_log=change_log, blobs=blobs,
        mender=mender,
    )  # fmt: skip


class Walk:
    """One walk of a checker: iterate it to its end, then ask for the result."""

    def __init__(
        self, checker: Checker, collection: str | None, *, repair: bool, adopt: bool
    ) -> None:
        self._checker = checker
        self._catalogue = checker.catalogue
        self._vectors = checker.vectors
        self._mender = checker.mender
        self._wanted = collection
        self._repair = repair
        self._adopt = adopt
        self._done = 0
        self._total = 0
        self.reports: list[Report] = []

    def __iter__(self) -> Iterator[Step]:
        """Walk, pausing after each bounded piece of work."""
        names = self._catalogue.collections.incarnations()
        if self._wanted is not None:
            names = {name: inc for name, inc in names.items() if name == self._wanted}
        unknown = self._unknown() if self._adopt else {}
        for incarnation in (*names.values(), *unknown):
            self._total += (
                self._vectors.count(incarnation) + self._catalogue.documents.sizes(incarnation)[0]
            )
        yield Step(self._done, self._total)
        for name, incarnation in sorted(names.items()):
            yield from self._collection(Report(name), incarnation)
        # Newest first: of two editions of one collection the older was about to be dropped.
        for edition, about in sorted(unknown.items(), reverse=True):
            yield from self._unknown_collection(edition, about)

    def result(self) -> dict[str, Any]:
        """Return what was found, as the job's result."""
        return {
            "repair": self._repair,
            "consistent": not any(report.left for report in self.reports),
            "collections": [report.as_json() for report in self.reports],
        }

    # Collections ---------------------------------------------------------------------------

    def _unknown(self) -> dict[str, dict[str, str]]:
        """Return the collections of the vector store that no catalogue knows, with their labels."""
        catalogue = self._catalogue
        labels = self._vectors.labels()
        # Looked at after the list: what is made later is not in it.
        known = catalogue.editions.known(catalogue.collections.incarnations().values())
        found: dict[str, dict[str, str]] = {}
        for edition, about in labels.items():
            incarnation = about.get("incarnation", edition)
            if (
                _is_incarnation(edition)
                and edition not in known
                and "unfinished" not in about
                and not catalogue.collections.exists(incarnation)
                and not catalogue.collections.buried(incarnation)
                and (about or self._vectors.count(edition))
            ):
                found[edition] = about
        return found

    def _unknown_collection(self, edition: str, about: dict[str, str]) -> Iterator[Step]:
        """Take back a collection that the catalogue lost."""
        incarnation = about.get("incarnation", edition)
        tail = incarnation[-6:].lower()
        name = about.get("name") or f"restored-{tail}"
        report = Report(name)
        detail = f"{edition} is in the vector store, and in no catalogue"
        if not self._repair:
            report.add("collection_unknown", "found", None, detail)
            self.reports.append(report)
            return
        adopted = self._catalogue.repairs.adopt(
            incarnation,
            edition=edition,
            name=name,
            other_name=f"{name[:40]}-restored-{tail}",
            about={field: told for field, told in about.items() if field != "incarnation"},
        )
        if adopted is None:
            return  # another check was quicker
        log.warning("collection restored", extra={"collection": adopted})
        report = Report(adopted)
        report.add("collection_unknown", "repaired", None, f"{detail}; it is called {adopted}")
        yield from self._collection(report, incarnation)

    def _collection(self, report: Report, incarnation: str) -> Iterator[Step]:
        """Check one collection; what is found of one that is deleted meanwhile is not told."""
        check = _CollectionCheck(self._checker, report, incarnation, repair=self._repair)
        for units in check.steps():
            self._done += units
            yield Step(self._done, self._total)
        if self._catalogue.collections.exists(incarnation):
            self.reports.append(report)


class _CollectionCheck:
    """The check of one collection."""

    def __init__(self, checker: Checker, report: Report, incarnation: str, *, repair: bool) -> None:
        self._catalogue = checker.catalogue
        self._vectors = checker.vectors
        self._change_log = checker.change_log
        self._blobs = checker.blobs
        self._mender = checker.mender
        self._label = checker.label
        self._report = report
        self._inc = incarnation
        self._repair = repair
        # A disk that is not there looks as if every text were lost.
        self._blobs_away = checker.blobs.is_empty()
        self._told: set[str] = set()  # documents whose lost entries were reported

    def steps(self) -> Iterator[int]:
        """Do it piece by piece; yields how many rows and entries were looked at."""
        if self._repair:
            self._label(self._inc)
        if self._change_log.mend(self._inc, only_look=not self._repair):
            self._add("log_lost", None, "the change log vanished; every index is built anew")
        held: _Generations = {}
        for page in self._vectors.rows(self._inc):
            for row in page:
                entry = held.setdefault((row.document, row.generation), _Held(0, row.of))
                entry.bits |= 1 << row.n
            self._report.passages += len(page)
            yield len(page)
        yield from self._entries(held)
        yield from self._strays()
        yield from self._leftovers(held)
        if self._repair and self._catalogue.collections.exists(self._inc):
            self._catalogue.repairs.all_restored(self._inc)
        yield from self._replicas()

    # Catalogue → vector store and blobs ----------------------------------------------------

    def _entries(self, held: _Generations) -> Iterator[int]:
        """Look for every current document; takes what it finds out of *held*."""
        for batch in _batches(self._catalogue.generations.every_current(self._inc)):
            documents = {name: current for name, current in batch if current.chunks}
            self._report.documents += len(documents)
            suspects: list[str] = []
            records = self._catalogue.documents.records(self._inc, list(documents))
            unlisted = self._catalogue.documents.unlisted(self._inc, list(documents))
            for (name, current), record in zip(documents.items(), records, strict=True):
                there = held.pop((name, current.generation), None)
                if (
                    there is None
                    or there.bits != (1 << current.chunks) - 1
                    or record is None
                    or record["generation"] != current.generation
                    or name in unlisted
                    or any(self._gone(record))
                ):
                    suspects.append(name)
            yield len(batch)
            for name in suspects:
                yield from self._examine(name)

    def _examine(self, document: str) -> Iterator[int]:
        """Look at one document again, exactly, and mend it."""
        current = self._current(document)
        if current is None or not current.chunks:
            return
        record = self._catalogue.documents.record(self._inc, document)
        numbers = self._mender.missing(self._inc, document, current)
        file_gone, text_gone = self._gone(record)
        yield 0
        # A flip since the first look explains everything, and so does the collection's end.
        if self._current(document) != current or not self._catalogue.collections.exists(self._inc):
            return
        if record is not None and record["generation"] != current.generation:
            record = None
        if numbers:
            yield from self._passages(document, current, record, numbers)
        elif record is None:
            self._record(document, current, None, "record_missing", "its record is gone")
        elif text_gone:
            self._record(document, current, record, "text_missing", "its parsed text is gone")
        else:
            self._listed(document, record)
        if file_gone:
            if self._repair:
                self._catalogue.repairs.distrust(self._inc, document, current.generation)
            detail = f"the file as it came is gone from the blob store; {INGEST_AGAIN} to have it"
            self._report.add("file_missing", self._unmended, document, detail)

    def _passages(
        self, document: str, current: Current, record: dict[str, Any] | None, numbers: Sequence[int]
    ) -> Iterator[int]:
        """Put missing passages back; a document that cannot be made whole is not read any more."""
        detail = f"{len(numbers)} of {current.chunks} passages are not in the vector store"
        if not self._repair:
            self._report.add("passages_missing", "found", document, detail)
            return
        try:
            for _ in self._mender.refill(self._inc, document, current, record, numbers):
                yield 0
        except (EmbedderMismatch, ReindexUnderWay) as error:
            self._report.add("passages_missing", "left", document, f"{detail}; {error}")
        except CannotMend as error:
            if self._blobs_away:
                detail = f"{detail}; {AWAY}"
                self._report.add("passages_missing", "left", document, detail)
                return
            self._catalogue.repairs.withdraw(self._inc, document, current)
            why = f"{error}: it is withdrawn from search, {INGEST_AGAIN}"
            self._report.add("passages_missing", "left", document, f"{detail}; {why}")
            log.warning(
                "document withdrawn",
                extra={"incarnation": self._inc, "document_id": document, "reason": str(error)},
            )
        else:
            self._report.add("passages_missing", "repaired", document, detail)

    def _record(
        self,
        document: str,
        current: Current,
        record: dict[str, Any] | None,
        kind: Any,
        detail: str,
    ) -> None:
        """Make a record, or the text of one, anew from the rows, which are all there."""
        if not self._repair:
            self._report.add(kind, "found", document, detail)
            return
        if self._blobs_away and record is not None:
            self._report.add(kind, "left", document, f"{detail}; {AWAY}")
            return
        try:
            fresh = self._mender.rebuild_record(
                self._inc, document, current.generation, current.chunks
            )
        except CannotMend as error:
            self._report.add(kind, "left", document, f"{detail}; {error}")
            return
        if record is not None:
            fresh = record | {name: fresh[name] for name in ("text_blob", "manifest_blob", "chars")}
        self._catalogue.repairs.restore(self._inc, fresh)
        self._report.add(kind, "repaired", document, f"{detail}; made anew from its passages")

    def _listed(self, document: str, record: dict[str, Any]) -> None:
        """See that a document is in the list of all."""
        if self._catalogue.documents.unlisted(self._inc, [document]):
            if self._repair:
                self._catalogue.repairs.restore(self._inc, record)
            self._add("record_missing", document, "the list of documents lacks it")

    def _gone(self, record: dict[str, Any] | None) -> tuple[bool, bool]:
        """Tell whether the file, and whether the text or manifest of a record is missing."""
        if record is None:
            return False, False
        source = record["source_blob"]
        # A record made anew names no file: that was told when it was made.
        return bool(source) and not self._blobs.has(source), not (
            self._blobs.has(record["text_blob"]) and self._blobs.has(record["manifest_blob"])
        )

    # Vector store and records → catalogue ----------------------------------------------------

    def _strays(self) -> Iterator[int]:
        """Look for records without an entry: the entry was lost, and its record has it all."""
        _, records = self._catalogue.documents.sizes(self._inc)
        if records == self._report.documents:
            return
        for batch in _batches(self._catalogue.documents.recorded(self._inc)):
            known = self._catalogue.generations.current(self._inc, batch)
            yield 0
            for document in batch:
                if document in known or self._current(document) is not None:
                    continue
                record = self._catalogue.documents.record(self._inc, document)
                if record is None or self._catalogue.generations.current(self._inc, [document]):
                    continue
                self._told.add(document)
                if self._repair:
                    self._catalogue.repairs.restore(self._inc, record)
                self._add("entry_missing", document, "the catalogue lost its entry")
                if self._repair:
                    yield from self._examine(document)

    def _leftovers(self, held: _Generations) -> Iterator[int]:
        """Look at generations in the vector store that were not current."""
        lost: dict[str, dict[int, _Held]] = {}
        for n, ((document, generation), there) in enumerate(held.items()):
            look = partial(
                self._catalogue.garbage.orphan, self._inc, document, generation, there.chunks
            )
            word = look(only_look=True)
            # Collected since they were listed: of those nobody knows either.
            if word != "known" and not self._are_there(document, generation, there):
                continue
            if word == "orphan" and (not self._repair or look() == "orphan"):
                self._add("orphan", document, f"nobody knows generation {generation}")
            elif word == "lost" and document not in self._told:
                lost.setdefault(document, {})[generation] = there
            if n % BATCH == 0:
                yield 0
        for document, generations in lost.items():
            self._restore(document, generations)
            yield 0

    def _are_there(self, document: str, generation: int, there: _Held) -> bool:
        """Tell whether a generation still has rows."""
        ids = [chunk_id(document, generation, n) for n in range(there.chunks)]
        return bool(self._vectors.present(self._inc, ids))

    def _restore(self, document: str, generations: dict[int, _Held]) -> None:
        """Write the entry of a document that the catalogue lost: its newest whole generation."""
        whole = [generation for generation, there in generations.items() if there.whole]
        if not whole:
            there = generations[max(generations)]
            detail = f"only {there.bits.bit_count()} of its {there.of} passages are left"
            self._report.add(
                "entry_missing", self._unmended, document,
                f"the catalogue lost it, and {detail}: {INGEST_AGAIN}",
            )  # fmt: skip
            return
        newest = max(whole)
        detail = "the catalogue lost it; its file, its name and its kind cannot be restored"
        if self._repair:
            try:
                record = self._mender.rebuild_record(
                    self._inc, document, newest, generations[newest].of
                )
            except CannotMend as error:  # changed since it was listed; another check tells
                self._report.add("entry_missing", "left", document, str(error))
                return
            self._catalogue.repairs.restore(self._inc, record)
        self._add("entry_missing", document, detail)
        for generation, there in generations.items():
            if generation != newest and self._repair:
                self._catalogue.garbage.orphan(self._inc, document, generation, there.chunks)

    # Followers -------------------------------------------------------------------------------

    def _replicas(self) -> Iterator[int]:
        """Let every live replica compare its own index with the catalogue."""
        ticket, names = self._change_log.ask_audit(self._inc, repair=self._repair)
        until = time.monotonic() + timings.AUDIT_WAIT_S
        answers: dict[str, dict[str, Any]] = {}
        try:
            while not set(names) <= set(answers) and time.monotonic() < until:
                time.sleep(LOOK_S)
                yield 0
                answers = self._change_log.audit_answers(ticket)
        finally:
            self._change_log.end_audit(self._inc, ticket)
        for name in names:
            answer = answers.get(name)
            if answer is None:
                self._report.add("replica_silent", self._unmended, None, f"{name} did not answer")
                self._report.replicas.append({"name": name, "state": "silent"})
            else:
                self._report.merge(answer["findings"])
                told = {"name": name, "state": answer["state"], "documents": answer["documents"]}
                self._report.replicas.append(told)

    # Inside ----------------------------------------------------------------------------------

    def _current(self, document: str) -> Current | None:
        return self._catalogue.generations.current_of(self._inc, document)

    def _add(self, kind: Any, document: str | None, detail: str) -> None:
        """Report a difference that a repair mends for certain."""
        outcome: Outcome = "repaired" if self._repair else "found"
        self._report.add(kind, outcome, document, detail)

    @property
    def _unmended(self) -> Outcome:
        """What becomes of a difference that no repair mends."""
        return "left" if self._repair else "found"


def _batches(items: Iterator[T]) -> Iterator[list[T]]:
    """Group what an iterator yields."""
    while batch := list(islice(items, BATCH)):
        yield batch


def _is_incarnation(name: str) -> bool:
    """Tell whether a collection of the vector store may be one of ours."""
    try:
        ULID.from_str(name)
    except ValueError:
        return False
    return True
