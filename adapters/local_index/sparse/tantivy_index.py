"""The sparse index on tantivy: BM25 over one collection's chunks, on this machine's own disk."""

import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import tantivy

from adapters.local_index.errors import IndexUnusable
from adapters.local_index.generation_hash import generation_hash
from adapters.local_index.sparse.chunk_names import add_name, names_of, ranked
from adapters.local_index.sparse.fact_terms import fact_terms, matching, only
from adapters.local_index.sparse.index_files import check_files, check_present, refusals
from adapters.local_index.sparse.schema import FORMAT_VERSION, RECORD, UNKNOWN, read_record, schema
from adapters.local_index.sparse.sparse_queries import BESIDE, TERMS, SparseQueries
from rag.documents import split_chunk_id
from rag.metadata.columns import Mask, Whole
from rag.metadata.filters import Filter, facts
from rag.ports import StoredChunk
from rag.terms.analysis import ANALYSIS_VERSION, analysed

#: A merge replaces files between two looks at them.
LOOKS = 3
#: Where too few hits are of what is wanted, so many times as many are asked for.
WIDER = 8
WRITER_BYTES = 32_000_000  # tantivy wants at least 15 MB for each writer thread


class TantivyIndex:
    """
    A `SparseIndex` in a folder; one writer, which is this object.

    Chunks are analysed by `analysis`, each in its document's language, and handed to tantivy as
    terms between blanks, so index and query cannot disagree. What a text may be found by beside its
    words has a field of its own. A word of a question stands for its stems in all languages of the
    index, and counts by the best of them (`SparseQueries`). The cursor is a stored record of the
    same index and the same commit: after a crash, text and cursor are those of the last commit.
    Searches may run in any number of threads beside one thread that writes.
    """

    def __init__(self, index: tantivy.Index, path: Path, *, cursor: str, log_epoch: str) -> None:
        """Take over an open index; use `open`."""
        self._path = path
        self._index = index
        self._schema = index.schema
        self._writer: tantivy.IndexWriter | None = None
        self._pending = False  # whether anything was written since the last commit
        self._lock = threading.Lock()  # of the writer and what is pending in it
        self._seen = _Seen.of(index)
        self._cursor = cursor
        self._log_epoch = log_epoch

    @classmethod
    def open(cls, path: Path) -> Self:
        """
        Open the index in the folder *path*, or make an empty one there.

        Raises:
            IndexUnusable: What lies there is corrupt, or was written by another format or analysis.

            IndexInUse: It must be written first, and another process is writing it.
        """
        path.mkdir(parents=True, exist_ok=True)
        with refusals(path):
            is_new = not tantivy.Index.exists(str(path))
            if is_new and any(path.iterdir()):
                raise IndexUnusable(f"{path} holds files, but no index")
            index = tantivy.Index(schema(), path=str(path))
            index.config_reader(reload_policy="manual")
            if is_new:
                opened = cls(index, path, cursor="", log_epoch="")
                opened.commit(cursor="", log_epoch="")
                return opened
            check_files(path)
            record = read_record(index)
            versions = (record.get("format"), record.get("analysis"))
            if versions != (FORMAT_VERSION, ANALYSIS_VERSION):
                raise IndexUnusable(f"{path} was written as {versions}: it must be rebuilt")
            return cls(index, path, cursor=record["cursor"], log_epoch=record["log_epoch"])

    @property
    def cursor(self) -> str:
        """The last applied entry of the change log, as of the last commit; empty when new."""
        return self._cursor

    @property
    def log_epoch(self) -> str:
        """Which log the cursor belongs to."""
        return self._log_epoch

    def add(self, chunks: Sequence[StoredChunk]) -> None:
        """Add chunks, replacing any of the same document and generation; seen after commit."""
        with self._lock, refusals():
            writer = self._open_writer()
            by_generation = {stored.chunk_id.rpartition(":")[0]: stored for stored in chunks}
            said = {}
            for generation, stored in by_generation.items():
                writer.delete_documents_by_term("generation", generation)
                document_id, _, _ = split_chunk_id(stored.chunk_id)
                known = facts(document_id, stored.title, stored.metadata, stored.language)
                said[generation] = (generation_hash(generation), fact_terms(known))
            for stored in chunks:
                generation = stored.chunk_id.rpartition(":")[0]
                hashed, known_by = said[generation]
                document = tantivy.Document()
                add_name(document, stored.chunk_id)
                document.add_text("generation", generation)
                document.add_integer("generation_hash", hashed)
                for fact in known_by:
                    document.add_text("facts", fact)
                document.add_text("language", stored.language or UNKNOWN)
                terms, beside = analysed(stored.indexed, stored.language)
                document.add_text(TERMS, " ".join(terms))
                document.add_text(BESIDE, " ".join(beside))
                writer.add_document(document)

    def remove(self, document_id: str, generation: int) -> None:
        """Remove a generation's chunks; seen after commit."""
        with self._lock, refusals():
            self._open_writer().delete_documents_by_term(
                "generation", f"{document_id}:{generation}"
            )

    def commit(self, *, cursor: str, log_epoch: str) -> None:
        """Make everything since the last commit durable and visible, together with the cursor."""
        record = {
            "format": FORMAT_VERSION,
            "analysis": ANALYSIS_VERSION,
            "cursor": cursor,
            "log_epoch": log_epoch,
        }
        with self._lock, refusals():
            writer = self._open_writer()
            writer.delete_documents_by_term(RECORD, RECORD)
            document = tantivy.Document()
            document.add_text(RECORD, RECORD)
            document.add_text("value", json.dumps(record))
            writer.add_document(document)
            writer.commit()
            self._pending = False
            self._index.reload()
            self._seen = _Seen.of(self._index)
            self._cursor, self._log_epoch = cursor, log_epoch

    def search(
        self,
        query: str,
        *,
        limit: int,
        generations: Sequence[str] | None = None,
        within: Filter | None = None,
    ) -> list[tuple[str, float]]:
        """
        Return (chunk id, BM25 score), best first, equal scores by id.

        *query* is plain text, never a query language. One without terms finds nothing. With
        *generations* (`document:generation`) only their chunks are found, and with *within*, a
        filter without bounds, only those that match; scored as among all.
        """
        if limit < 1:
            return []
        with refusals():
            searcher, queries = self._seen.searcher, self._seen.queries
            asked = queries.query(query)
            if asked is None:
                return []
            if generations is not None:
                among = tantivy.Query.term_set_query(self._schema, "generation", list(generations))
                asked = only(asked, among)
            if within is not None:
                asked = only(asked, matching(self._schema, within))
            return ranked(searcher, searcher.search(asked, limit, count=False).hits)

    def search_among(
        self, query: str, *, limit: int, among: Callable[[Whole], Mask], asked: int, most: int
    ) -> list[tuple[str, float]] | None:
        """
        Return what `search` returns for generations of which *among* tells their hashes apart.

        *asked* hits are looked through, best first, and then more until *limit* are kept; None
        where *most* hold too few.
        """
        if limit < 1:
            return []
        with refusals():
            searcher, queries = self._seen.searcher, self._seen.queries
            words = queries.query(query)
            if words is None:
                return []
            while True:
                hits = searcher.search(words, asked, count=False).hits
                addresses = [address for _, address in hits]
                # A column of numbers; the names would have to be unpacked one by one.
                hashes = searcher.fast_field_values("generation_hash", addresses)
                kept = np.flatnonzero(among(np.array(hashes, dtype=np.int64)))[:limit].tolist()
                if len(kept) == limit or len(hits) < asked:
                    return ranked(searcher, [hits[place] for place in kept])
                if asked >= most:
                    return None
                asked = min(asked * WIDER, most)

    def count(self) -> int:
        """Return the number of chunks that searches see."""
        return int(self._seen.searcher.num_docs) - 1  # the record of the cursor

    def holdings(self) -> Mapping[tuple[str, int], int]:
        """Return how many chunks searches see of each (document, generation)."""
        held: Counter[tuple[str, int]] = Counter()
        with refusals():
            searcher = self._seen.searcher
            record = tantivy.Query.term_query(self._schema, RECORD, RECORD, "basic")
            chunks = tantivy.Query.all_query().and_must_not_match(record)
            hits = searcher.search(chunks, max(int(searcher.num_docs), 1), count=False).hits
            for name in names_of(searcher, [address for _, address in hits]):
                document_id, generation, _ = split_chunk_id(name)
                held[document_id, generation] += 1
        return held

    def intact(self, *, thorough: bool = False) -> bool:
        """
        Return True if the files of the last commit are there; *thorough* also reads their sums.

        What searches have open goes on to work when a file is deleted; the next commit would not.
        """
        for _ in range(LOOKS):
            try:
                with self._lock, refusals():
                    check_present(self._path)
                    if thorough:
                        check_files(self._path)
            except IndexUnusable:
                time.sleep(0.02)
            else:
                return True
        return False

    def rest(self) -> None:
        """Close the writer, which has seven threads, once its merges have ended."""
        with self._lock:
            if not self._pending:
                self._close_writer()

    def close(self) -> None:
        """Release files and locks; what was not committed is dropped."""
        with self._lock:
            self._close_writer()

    def _open_writer(self) -> tantivy.IndexWriter:
        """Open the writer at the first write: most open indexes are only read."""
        if self._writer is None:
            self._writer = self._index.writer(heap_size=WRITER_BYTES, num_threads=1)
        self._pending = True
        return self._writer

    def _close_writer(self) -> None:
        """Close the writer, if there is one; the lock is held."""
        if self._writer is not None:
            writer, self._writer = self._writer, None
            # Without its files it has nothing to roll back to.
            with contextlib.suppress(IndexUnusable), refusals():
                writer.rollback()
                writer.wait_merging_threads()


class _Seen(NamedTuple):
    """What searches see from one commit to the next."""

    searcher: tantivy.Searcher
    queries: SparseQueries

    @classmethod
    def of(cls, index: tantivy.Index) -> Self:
        """Look at what *index* was last told to load."""
        searcher = index.searcher()
        # A moment longer than there are documents in them.
        codes = [str(code) for code, _ in searcher.terms_with_prefix("language", "")]
        languages = ["" if code == UNKNOWN else code for code in codes]
        return cls(searcher, SparseQueries(index.schema, searcher, languages))
