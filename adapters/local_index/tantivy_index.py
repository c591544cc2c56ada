"""The sparse index on tantivy: BM25 over one collection's chunks, on this machine's own disk."""

import contextlib
import hashlib
import json
import struct
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, Self, cast

import numpy as np
import tantivy

from adapters.local_index.sparse_queries import BESIDE, TERMS, SparseQueries
from rag.documents import Scalar, split_chunk_id
from rag.errors import Broken, QuernError
from rag.metadata.columns import Mask, Whole
from rag.metadata.filters import (
    And,
    Compare,
    Exists,
    Facts,
    Filter,
    In,
    Not,
    Or,
    facts,
    kind,
    several,
)
from rag.ports import StoredChunk
from rag.search.fusion import best_first
from rag.words.analysis import ANALYSIS_VERSION, analysed

FORMAT_VERSION = "6"
#: A merge replaces files between two looks at them.
LOOKS = 3
#: Where too few hits are of what is wanted, so many times as many are asked for.
WIDER = 8
SEGMENT_FILES = 6  # of a segment at least: terms, postings, positions, fast, lengths, store
WRITER_BYTES = 32_000_000  # tantivy wants at least 15 MB for each writer thread

UNKNOWN = "und"  # ISO 639-2 for a language that nobody could tell: a term cannot be empty

_RECORD = "record"  # field and only value that mark the document which holds the cursor

#: Columns of eight bytes each that hold a chunk's id, after a byte that tells its length. As stored
#: text the ids would be unpacked hit by hit, and each hit would let go of the interpreter's lock.
_NAME = ("name0", "name1", "name2", "name3", "name4", "name5")
_NAME_BYTES = 8 * len(_NAME) - 1  # of a longer id the length is 0, and it is stored as text


class IndexUnusable(QuernError):
    """Raised when the files are corrupt or of another format; the remedy is a rebuild."""


class IndexInUse(Broken):
    """Raised when another process is writing the same index."""


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
        with _refusals(path):
            is_new = not tantivy.Index.exists(str(path))
            if is_new and any(path.iterdir()):
                raise IndexUnusable(f"{path} holds files, but no index")
            index = tantivy.Index(_schema(), path=str(path))
            index.config_reader(reload_policy="manual")
            if is_new:
                opened = cls(index, path, cursor="", log_epoch="")
                opened.commit(cursor="", log_epoch="")
                return opened
            _check_files(path)
            record = _read_record(index)
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
        with self._lock, _refusals():
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
                _add_name(document, stored.chunk_id)
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
        with self._lock, _refusals():
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
        with self._lock, _refusals():
            writer = self._open_writer()
            writer.delete_documents_by_term(_RECORD, _RECORD)
            document = tantivy.Document()
            document.add_text(_RECORD, _RECORD)
            document.add_text("value", json.dumps(record))
            writer.add_document(document)
            writer.commit()
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
        with _refusals():
            searcher, queries = self._seen.searcher, self._seen.queries
            asked = queries.query(query)
            if asked is None:
                return []
            if generations is not None:
                among = tantivy.Query.term_set_query(self._schema, "generation", list(generations))
                asked = _only(asked, among)
            if within is not None:
                asked = _only(asked, self._matching(within))
            return _named(searcher, searcher.search(asked, limit, count=False).hits)

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
        with _refusals():
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
                    return _named(searcher, [hits[place] for place in kept])
                if asked >= most:
                    return None
                asked = min(asked * WIDER, most)

    def count(self) -> int:
        """Return the number of chunks that searches see."""
        return int(self._seen.searcher.num_docs) - 1  # the record of the cursor

    def holdings(self) -> Mapping[tuple[str, int], int]:
        """Return how many chunks searches see of each (document, generation)."""
        held: Counter[tuple[str, int]] = Counter()
        with _refusals():
            searcher = self._seen.searcher
            record = tantivy.Query.term_query(self._schema, _RECORD, _RECORD, "basic")
            chunks = tantivy.Query.all_query().and_must_not_match(record)
            hits = searcher.search(chunks, max(int(searcher.num_docs), 1), count=False).hits
            for name in _names(searcher, [address for _, address in hits]):
                document_id, generation, _ = split_chunk_id(name)
                held[document_id, generation] += 1
        return held

    def intact(self, *, thorough: bool = False) -> bool:
        """
        Tell whether the files of the last commit are there; *thorough* also reads their sums.

        What searches have open goes on to work when a file is deleted; the next commit would not.
        """
        for _ in range(LOOKS):
            try:
                with self._lock, _refusals():
                    _check_present(self._path)
                    if thorough:
                        _check_files(self._path)
            except IndexUnusable:
                time.sleep(0.02)
            else:
                return True
        return False

    def close(self) -> None:
        """Release files and locks; what was not committed is dropped."""
        with self._lock:
            if self._writer is not None:
                writer, self._writer = self._writer, None
                # Without its files it has nothing to roll back to.
                with contextlib.suppress(IndexUnusable), _refusals():
                    writer.rollback()
                    writer.wait_merging_threads()

    def _matching(self, wanted: Filter) -> tantivy.Query:
        """Ask for the chunks that match a filter without bounds."""
        match wanted:
            case In(field, values):
                named = [fact_term(field, value) for value in values]
                return tantivy.Query.term_set_query(self._schema, "facts", named)
            case Exists(field):
                return tantivy.Query.term_query(self._schema, "facts", fact_term(field), "basic")
            case And(parts):
                return tantivy.Query.boolean_query(
                    [(tantivy.Occur.Must, self._matching(part)) for part in parts]
                )
            case Or(parts):
                return tantivy.Query.boolean_query(
                    [(tantivy.Occur.Should, self._matching(part)) for part in parts]
                )
            case Not(part):
                return tantivy.Query.all_query().and_must_not_match(self._matching(part))
            case Compare():
                raise ValueError("a bound is no term")

    def _open_writer(self) -> tantivy.IndexWriter:
        """Open the writer at the first write: most open indexes are only read."""
        if self._writer is None:
            self._writer = self._index.writer(heap_size=WRITER_BYTES, num_threads=1)
        return self._writer


def _only(asked: tantivy.Query, among: tantivy.Query) -> tantivy.Query:
    """Leave out what is not *among*, and change no score."""
    return asked.and_must_match(tantivy.Query.const_score_query(among, 0.0))


def generation_hash(name: str) -> int:
    """Return the 64 bits by which the chunks of `document:generation` are told apart at once."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def fact_term(field: str, value: Scalar | None = None) -> str:
    """Return the term of chunks of which *field* is *value*, or, without one, anything."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # the same number
    said = (field,) if value is None else (field, kind(value), value)
    return hashlib.blake2b(repr(said).encode(), digest_size=16).hexdigest()


def fact_terms(known: Facts) -> list[str]:
    """Return the terms of a chunk of these facts."""
    return [
        *(fact_term(field) for field in known),
        *(fact_term(field, one) for field, value in known.items() for one in several(value)),
    ]


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


def _add_name(document: tantivy.Document, name: str) -> None:
    """Write a chunk's id into its columns."""
    data = name.encode()
    if len(data) > _NAME_BYTES:
        document.add_text("id", name)
        data = b""
    packed = (bytes([len(data)]) + data).ljust(_NAME_BYTES + 1, b"\0")
    for column, number in zip(_NAME, struct.unpack(f">{len(_NAME)}Q", packed), strict=True):
        document.add_unsigned(column, number)


def _names(searcher: tantivy.Searcher, addresses: list[Any]) -> list[str]:
    """Return the ids of chunks."""
    columns = [_column(searcher, _NAME[0], addresses)]
    longest = max(columns[0], default=0) >> 56
    columns += [_column(searcher, name, addresses) for name in _NAME[1 : longest // 8 + 1]]
    width = 8 * len(columns)
    numbers = chain.from_iterable(zip(*columns, strict=True))
    data = struct.pack(f">{len(columns) * len(addresses)}Q", *numbers)
    return [
        data[at + 1 : at + 1 + data[at]].decode()
        if data[at]
        else str(searcher.doc(addresses[at // width]).get_first("id"))
        for at in range(0, len(data), width)
    ]


def _column(searcher: tantivy.Searcher, name: str, addresses: list[Any]) -> list[int]:
    """Return a column's numbers for chunks, all of which have one."""
    return cast("list[int]", searcher.fast_field_values(name, addresses))


def _named(searcher: tantivy.Searcher, hits: Sequence[tuple[Any, Any]]) -> list[tuple[str, float]]:
    """Return (chunk id, score) of hits, best first, equal scores by id."""
    names = _names(searcher, [address for _, address in hits])
    return best_first(zip(names, [float(score) for score, _ in hits], strict=True))


def _schema() -> tantivy.Schema:
    """Describe the fields; a change here needs a new FORMAT_VERSION."""
    builder = tantivy.SchemaBuilder()
    for column in _NAME:
        builder.add_unsigned_field(column, fast=True)
    builder.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("generation", tokenizer_name="raw", index_option="basic")
    builder.add_integer_field("generation_hash", fast=True)
    builder.add_text_field("facts", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("language", tokenizer_name="raw", index_option="basic")
    builder.add_text_field(TERMS, tokenizer_name="whitespace", index_option="freq")
    builder.add_text_field(BESIDE, tokenizer_name="whitespace", index_option="basic")
    builder.add_text_field(_RECORD, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("value", stored=True, tokenizer_name="raw", index_option="basic")
    return builder.build()


def _read_record(index: tantivy.Index) -> dict[str, str]:
    """Read the record of the last commit."""
    index.reload()
    searcher = index.searcher()
    query = tantivy.Query.term_query(index.schema, _RECORD, _RECORD, "basic")
    hits = searcher.search(query, 2, count=False).hits
    if len(hits) != 1:
        raise IndexUnusable(f"the index holds {len(hits)} cursors instead of one")
    record = json.loads(str(searcher.doc(hits[0][1]).get_first("value")))
    return {key: str(value) for key, value in record.items()}


def _check_present(path: Path) -> None:
    """Look whether every segment of the last commit still has its files, none of them empty."""
    for segment, files in _committed(path):
        sizes = [file.stat().st_size for file in files]
        if len(sizes) < SEGMENT_FILES or not all(sizes):
            raise IndexUnusable(f"{path} lacks files of segment {segment}")


def _committed(path: Path) -> Iterator[tuple[str, list[Path]]]:
    """Yield each segment of the last commit with its files."""
    meta = json.loads((path / "meta.json").read_text())
    for segment in meta["segments"]:
        name = segment["segment_id"].replace("-", "")
        deletes = segment["deletes"] and f"{name}.{segment['deletes']['opstamp']}.del"
        # A commit that was killed leaves deletes of its own, perhaps half written, unread by all.
        yield (
            name,
            [
                file
                for file in path.glob(f"{name}.*")
                if file.suffix != ".del" or file.name == deletes
            ],
        )


def _check_files(path: Path) -> None:
    """
    Compare each file of the last commit with the CRC-32 in its footer.

    tantivy writes the footer (`body | json | length | magic`) but checks the sum only on request,
    which its Python binding does not offer; an unnoticed flipped bit would be a wrong ranking.
    """
    for _, files in _committed(path):
        for file in files:
            data = memoryview(file.read_bytes())
            (length,) = struct.unpack("<I", data[-8:-4])
            end = len(data) - 8 - length
            footer = json.loads(bytes(data[end:-8]))
            if zlib.crc32(data[:end]) != footer["crc"]:
                raise IndexUnusable(f"{file} is corrupt: its checksum is wrong")


@contextlib.contextmanager
def _refusals(path: Path | None = None) -> Iterator[None]:
    """Turn tantivy's refusals, which are all ValueErrors, into ours."""
    where = f"{path}: " if path else ""
    try:
        yield
    except (ValueError, OSError, KeyError, struct.error) as error:
        if "LockBusy" in str(error):
            raise IndexInUse(f"{where}another process is writing this index") from error
        raise IndexUnusable(f"{where}{error}") from error
    except BaseException as error:
        # A Rust panic passes by `Exception`, and its class cannot be imported.
        if type(error).__name__ == "PanicException":
            raise IndexUnusable(f"{where}{error}") from error
        raise
