"""The check of what the catalogue does not know: entries that it lost, and orphans."""

from collections.abc import Callable, Iterator
from functools import partial

from corpus.check_and_repair.repair import CannotRepair
from corpus.check_and_repair.scope import BATCH, INGEST_AGAIN, Scope, batches
from corpus.check_and_repair.stored_generations import Held, StoredGenerations
from rag.documents import chunk_id


class LostEntries:
    """
    Find records and rows of documents without an entry, and write the entry anew.

    Args:
        examine: Looks at one document again, exactly, and repairs it.
    """

    def __init__(self, scope: Scope, *, examine: Callable[[str], Iterator[int]]) -> None:
        self._scope = scope
        self._inc = scope.collection_id
        self._catalogue = scope.catalogue
        self._report = scope.report
        self._examine = examine
        self._told: set[str] = set()  # documents whose lost entries were reported

    def check_records(self) -> Iterator[int]:
        """Look for records without an entry: the entry was lost, and its record has it all."""
        documents, repairs = self._catalogue.documents, self._catalogue.repairs
        _, records = documents.sizes(self._inc)
        if records == self._report.documents:
            return
        for batch in batches(documents.recorded(self._inc)):
            known = self._catalogue.generations.current(self._inc, batch)
            yield 0
            for document in batch:
                if document in known or self._scope.current(document) is not None:
                    continue
                record = documents.record(self._inc, document)
                if record is None or self._scope.current(document) is not None:
                    continue
                self._told.add(document)
                if self._scope.repair:
                    repairs.restore(self._inc, record)
                detail = "the catalogue lost its entry"
                self._report.add_repaired("entry_missing", document, detail)
                if self._scope.repair:
                    yield from self._examine(document)

    def check_generations(self, held: StoredGenerations) -> Iterator[int]:
        """Look at generations in the vector store that were not current; after the records."""
        lost: dict[str, dict[int, Held]] = {}
        for n, ((document, generation), there) in enumerate(held.items()):
            snapshot = partial(
                self._catalogue.garbage.orphan, self._inc, document, generation, there.chunks
            )
            word = snapshot(dry_run=True)
            # Collected since they were listed: of those nobody knows either.
            if word != "known" and not self._are_there(document, generation, there):
                continue
            if word == "orphan" and (not self._scope.repair or snapshot() == "orphan"):
                detail = f"nobody knows generation {generation}"
                self._report.add_repaired("orphan", document, detail)
            elif word == "lost" and document not in self._told:
                lost.setdefault(document, {})[generation] = there
            if n % BATCH == 0:
                yield 0
        for document, generations in lost.items():
            self._restore(document, generations)
            yield 0

    def _are_there(self, document: str, generation: int, there: Held) -> bool:
        """Return True if a generation still has rows."""
        ids = [chunk_id(document, generation, n) for n in range(there.chunks)]
        return bool(self._scope.vectors.present(self._inc, ids))

    def _restore(self, document: str, generations: dict[int, Held]) -> None:
        """Write the entry of a document that the catalogue lost: its newest whole generation."""
        whole = [generation for generation, there in generations.items() if there.whole]
        if not whole:
            there = generations[max(generations)]
            detail = f"only {there.bits.bit_count()} of its {there.of} passages are left"
            self._report.add_unrepaired(
                "entry_missing", document, f"the catalogue lost it, and {detail}: {INGEST_AGAIN}"
            )
            return
        newest = max(whole)
        detail = "the catalogue lost it; its file, its name and its kind cannot be restored"
        if self._scope.repair:
            try:
                record = self._scope.repairer.rebuild_record(
                    self._inc, document, newest, generations[newest].of
                )
            except CannotRepair as error:  # changed since it was listed; another check tells
                self._report.add("entry_missing", "left", document, str(error))
                return
            self._catalogue.repairs.restore(self._inc, record)
        self._report.add_repaired("entry_missing", document, detail)
        for generation, there in generations.items():
            if generation != newest and self._scope.repair:
                self._catalogue.garbage.orphan(self._inc, document, generation, there.chunks)
