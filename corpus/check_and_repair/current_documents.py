"""The check of current documents: whether each has its passages, its record and its blobs."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from corpus.catalogue.generations import Current
from corpus.check_and_repair.findings import Kind
from corpus.check_and_repair.repair import CannotRepair
from corpus.check_and_repair.scope import ALL, INGEST_AGAIN, Scope, batches
from rag.documents import chunk_id
from rag.errors import EmbedderMismatch, NoVector, ReindexUnderWay

log = logging.getLogger(__name__)

#: Passages asked for at once: some tens of milliseconds of Chroma's time.
GROUP: Final = 1_000
#: Tombstones that one check ends at most, about; the next goes on.
MOST_BURIED: Final = 100_000
AWAY: Final = "the blob store is empty: is its disk there?"


class CurrentDocuments:
    """Look for every current document in vector store, records and blobs, and repair it."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._inc = scope.collection_id
        self._documents = scope.catalogue.documents
        self._repairs = scope.catalogue.repairs
        self._report = scope.report
        self._blobs = scope.blobs
        # A disk that is not there looks as if every text were lost.
        self._blobs_away = scope.blobs.is_empty()
        self.deleted: list[str] = []  # documents with tombstones: some of many

    def check(self) -> Iterator[int]:
        """Look for every current document after *at*, which moves along: see `Scope`."""
        scope = self._scope
        while scope.at != ALL:
            after, page = scope.catalogue.generations.page_of_current(self._inc, scope.at)
            for batch in batches(iter(page.items())):
                yield from self._check_some(batch)
            scope.mark(after or ALL)
            yield 0

    def _check_some(self, batch: Sequence[tuple[str, Current]]) -> Iterator[int]:
        """Look for some current documents."""
        documents = {name: current for name, current in batch if current.chunks}
        if len(self.deleted) < MOST_BURIED:
            self.deleted += [name for name, current in batch if not current.chunks]
        self._report.documents += len(documents)
        suspects: list[str] = []
        whole: set[str] = set()
        for some in grouped(documents):
            whole |= self._whole(some)
            yield sum(current.chunks for current in some.values())
        records = self._documents.records(self._inc, list(documents))
        unlisted = self._documents.unlisted(self._inc, list(documents))
        for (name, current), record in zip(documents.items(), records, strict=True):
            if (
                name not in whole
                or record is None
                or record["generation"] != current.generation
                or name in unlisted
                or any(self._gone(record))
            ):
                suspects.append(name)
        yield len(batch)
        for name in suspects:
            yield from self.examine(name)

    def _whole(self, documents: Mapping[str, Current]) -> set[str]:
        """Return those documents of which the vector store has every passage; counts these."""
        ids = {
            name: [chunk_id(name, current.generation, n) for n in range(current.chunks)]
            for name, current in documents.items()
        }
        wanted = [one for names in ids.values() for one in names]
        there = self._scope.vectors.present(self._inc, wanted)
        self._report.passages += len(there)
        return {name for name, names in ids.items() if there.issuperset(names)}

    def examine(self, document: str) -> Iterator[int]:
        """Look at one document again, exactly, and repair it."""
        current = self._scope.current(document)
        if current is None or not current.chunks:
            return
        record = self._documents.record(self._inc, document)
        numbers = self._scope.repairer.missing(self._inc, document, current)
        file_gone, text_gone = self._gone(record)
        yield 0
        # An activation since the first look explains everything, and so does the collection's end.
        if self._scope.current(document) != current or not self._scope.exists:
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
            if self._scope.repair:
                self._repairs.distrust(self._inc, document, current.generation)
            detail = f"the file as it came is gone from the blob store; {INGEST_AGAIN} to have it"
            self._report.add_unrepaired("file_missing", document, detail)

    def _passages(
        self, document: str, current: Current, record: dict[str, Any] | None, numbers: Sequence[int]
    ) -> Iterator[int]:
        """Put missing passages back; a document that cannot be made whole is not read any more."""
        detail = f"{len(numbers)} of {current.chunks} passages are not in the vector store"
        if not self._scope.repair:
            self._report.add("passages_missing", "found", document, detail)
            return
        try:
            for _ in self._scope.repairer.refill(self._inc, document, current, record, numbers):
                yield 0
        except (EmbedderMismatch, NoVector, ReindexUnderWay) as error:
            self._report.add("passages_missing", "left", document, f"{detail}; {error}")
        except CannotRepair as error:
            if self._blobs_away:
                detail = f"{detail}; {AWAY}"
                self._report.add("passages_missing", "left", document, detail)
                return
            self._repairs.withdraw(self._inc, document, current)
            why = f"{error}: it is withdrawn from search, {INGEST_AGAIN}"
            self._report.add("passages_missing", "left", document, f"{detail}; {why}")
            log.warning(
                "document withdrawn",
                extra={"collection_id": self._inc, "document_id": document, "reason": str(error)},
            )
        else:
            self._report.add("passages_missing", "repaired", document, detail)

    def _record(
        self,
        document: str,
        current: Current,
        record: dict[str, Any] | None,
        kind: Kind,
        detail: str,
    ) -> None:
        """Make a record, or the text of one, anew from the rows, which are all there."""
        if not self._scope.repair:
            self._report.add(kind, "found", document, detail)
            return
        if self._blobs_away and record is not None:
            self._report.add(kind, "left", document, f"{detail}; {AWAY}")
            return
        try:
            fresh = self._scope.repairer.rebuild_record(
                self._inc, document, current.generation, current.chunks
            )
        except CannotRepair as error:
            self._report.add(kind, "left", document, f"{detail}; {error}")
            return
        if record is not None:
            fresh = record | {name: fresh[name] for name in ("text_blob", "manifest_blob", "chars")}
        self._repairs.restore(self._inc, fresh)
        self._report.add(kind, "repaired", document, f"{detail}; made anew from its passages")

    def _listed(self, document: str, record: dict[str, Any]) -> None:
        """See that a document is in the list of all."""
        if self._documents.unlisted(self._inc, [document]):
            if self._scope.repair:
                self._repairs.restore(self._inc, record)
            self._report.add_repaired("record_missing", document, "the list of documents lacks it")

    def _gone(self, record: dict[str, Any] | None) -> tuple[bool, bool]:
        """Return whether the file, and whether the text or manifest of a record is missing."""
        if record is None:
            return False, False
        source = record["source_blob"]
        # A record made anew names no file: that was told when it was made.
        return bool(source) and not self._blobs.has(source), not (
            self._blobs.has(record["text_blob"]) and self._blobs.has(record["manifest_blob"])
        )


def grouped(documents: Mapping[str, Current]) -> Iterator[dict[str, Current]]:
    """Group documents so that a group has about GROUP passages, or is one document."""
    group: dict[str, Current] = {}
    chunks = 0
    for name, current in documents.items():
        group[name] = current
        chunks += current.chunks
        if chunks >= GROUP:
            yield group
            group, chunks = {}, 0
    if group:
        yield group
