"""Publishing: the only way a document becomes visible (docs/protocol.md, A document)."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, TypeVar

import numpy as np

from corpus.blobs import BlobStore
from corpus.catalogue.catalogue import Catalogue
from corpus.change_log import ChangeLog
from jobs.leases import Lease
from jobs.ledger import CollectionGone
from protocol.timestamps import rfc3339
from rag.chunking.pieces import pieces
from rag.documents import Chunk, ParsedDocument, Value, chunk_id, indexed_text, rare
from rag.errors import NoText, StoreUnavailable
from rag.ports import Edition, Embedder, PassageText, StoredChunk, Vectors, VectorStore
from runtime.metrics.meters import timed

T = TypeVar("T")

#: Rows of one upsert: enough to be quick, few enough that a lost lease stops soon.
BATCH = 100
#: What is cancelled goes on embedding for about so long at most, however slow the model is here.
SLICE_S = 1.0
#: Chunks of one call to the embedder: at first, and at least.
FIRST_SLICE, LEAST_SLICE = 8, 4
#: The share of what a chunk took that the next call counts on, however quick the last one was.
PACE_KEPT = 0.9
#: Code points of white space kept between two chunks: more parts them for good.
MOST_BEFORE = 100
#: Remarks of a parser that are kept with a document.
MOST_NOTES = 50
#: Code points of the line that a row shows of them.
LONGEST_NOTE = 500


def manifest_of(
    document: ParsedDocument,
    title: str,
    chunks: Sequence[Chunk],
    text_blob: str,
    *,
    language: str = "",
) -> dict[str, Any]:
    """Return what the publish stage needs of a parsed document; its texts are in *text_blob*."""
    manifest: dict[str, Any] = {
        "title": title,
        "kind": document.kind,
        "language": language,
        "text_blob": text_blob,
        "chars": len(document.text),
        "chunks": spans_of(chunks),
    }
    if document.notes:
        manifest["notes"] = [note_of([note]) for note in document.notes[:MOST_NOTES]]
    if document.encoding:
        manifest["encoding"] = document.encoding
    return manifest


def note_of(notes: Iterable[str]) -> str:
    """Return a parser's remarks as one line of bounded length, for a row in Redis."""
    # What is not shown need not be joined: there may be thousands.
    told = " ".join(" ".join(note.split()) for note in islice(notes, MOST_NOTES))
    return told if len(told) <= LONGEST_NOTE else told[: LONGEST_NOTE - 1].rstrip() + "\u2026"


def spans_of(chunks: Iterable[Chunk]) -> list[dict[str, Any]]:
    """Write chunks without their texts; what most of them lack is left out."""
    return [
        {"n": chunk.n, "start": chunk.start, "end": chunk.end, "page": chunk.page} | rare(chunk)
        for chunk in chunks
    ]


def stored_chunks(
    document: str,
    generation: int,
    manifest: Mapping[str, Any],
    text: str,
    metadata: Mapping[str, Value],
) -> list[StoredChunk]:
    """Cut a document's chunks out of its parsed *text*, as they are to be stored."""
    chunks = chunks_of(manifest, text)
    return [
        StoredChunk(
            chunk_id=chunk_id(document, generation, chunk.n),
            chunk=chunk,
            of=len(chunks),
            title=manifest["title"],
            metadata=metadata,
            language=manifest.get("language", ""),
        )
        for chunk in chunks
    ]


def chunks_of(manifest: Mapping[str, Any], text: str) -> list[Chunk]:
    """Cut a document's chunks out of its parsed *text*."""
    chunks: list[Chunk] = []
    end = None
    for span in manifest["chunks"]:
        before = "" if end is None else text[end : span["start"]]
        end = span["end"]
        chunks.append(
            Chunk(
                n=span["n"], start=span["start"], end=end, page=span["page"],
                text=text[span["start"] : end],
                before=before if len(before) <= MOST_BEFORE else "",
                context=span.get("context", ""),
                headers=tuple((first, last) for first, last in span.get("headers", ())),
                page_label=span.get("page_label", ""), page_kind=span.get("page_kind", ""),
                section=span.get("section", ""),
                headings=tuple((a, b, level) for a, b, level in span.get("headings", ())),
            )
        )  # fmt: skip
    return chunks


def embedded(
    embedder: Embedder, stored: Sequence[StoredChunk]
) -> tuple[list[StoredChunk], Vectors]:
    """Embed chunks, each with title and context; returns them with their sentences' vectors too."""
    passages = [
        PassageText(
            indexed_text(one.title, "", one.chunk.context), one.chunk.text, pieces(one.chunk.text)
        )
        for one in stored
    ]
    vectors, sentences = embedder.embed_passages(passages)
    whole = [replace(one, sentences=s) for one, s in zip(stored, sentences, strict=True)]
    return whole, vectors


class Publisher:
    """
    Make a parsed document visible: upsert, log, wait, flip.

    Args:
        vectors: The truth about chunks.

        embedder: Must be the one the collection was made with.

        catalogue: Where the collection's embedder is recorded.

        change_log: Told of the new generation before anybody can see it.

        blobs: Where the manifest lies that the parse stage handed over: nothing is chunked again.
    """

    def __init__(
        self,
        *,
        vectors: VectorStore,
        embedder: Embedder,
        catalogue: Catalogue,
        change_log: ChangeLog,
        blobs: BlobStore,
    ) -> None:
        self._vectors = vectors
        self._embedder = embedder
        self._catalogue = catalogue
        self._change_log = change_log
        self._blobs = blobs
        self._pace_s = SLICE_S / FIRST_SLICE  # of embedding a chunk, seconds

    def publish(self, lease: Lease) -> None:
        """Run the publish stage of a document row under its lease."""
        incarnation = lease.unit.incarnation
        edition = self.prepare(incarnation)
        if edition is None:
            lease.flip(entry="", document={}, fields={})  # refused there: the collection is gone
            return
        manifest, stored = self.read(lease)
        began = time.perf_counter()
        for first in range(0, len(stored), BATCH):
            batch, vectors = self._embed_in_slices(stored[first : first + BATCH], lease.check)
            self.upsert(edition.name, batch, vectors)
            lease.check()
        embed_ms = (time.perf_counter() - began) * 1000
        try:
            entry = lease.ledger.log_add(lease.unit, edition=edition.name)
        except CollectionGone:
            lease.flip(entry="", document={}, fields={})
            return
        seen = self.wait(incarnation, entry, give_up=lease.check)
        fields = {"ms_embed": round(embed_ms, 2)} | ({} if seen else {"sparse": "pending"})
        lease.flip(entry=entry, document=self.record(lease, manifest), fields=fields)

    def remove(self, lease: Lease) -> None:
        """Run the stage of a delete: a generation without chunks becomes current."""
        lease.flip(entry="", document={}, fields={"chunks": "0"})

    # The steps, for who publishes several documents at once -------------------------------------

    def prepare(self, incarnation: str) -> Edition | None:
        """
        Return the edition of its vectors to write to; None where the collection was deleted.

        Raises:
            EmbedderMismatch: The collection was made with another embedder.

            ReindexUnderWay: It was, and is being made anew.
        """
        if not self._catalogue.collections.exists(incarnation):
            return None
        edition = self._catalogue.editions.agree_on_embedder(incarnation, self._embedder.identity)
        self._vectors.create(edition.name, edition.hnsw)
        return edition

    def read(self, lease: Lease) -> tuple[dict[str, Any], list[StoredChunk]]:
        """
        Read what the parse stage handed over: the manifest, and the chunks to be stored.

        Raises:
            NoText: There are none.
        """
        manifest = self._manifest(lease.unit.fields["manifest_blob"])
        return manifest, self._stored(lease, manifest)

    def embed(self, stored: Sequence[StoredChunk]) -> tuple[list[StoredChunk], Vectors]:
        """Embed chunks, at best not more than `at_once`; see `embedded`."""
        began = time.perf_counter()
        with timed("embed"):
            done = embedded(self._embedder, stored)
        # Vectors out of the cache say little of how long the next ones take.
        spent = (time.perf_counter() - began) / max(1, len(stored))
        self._pace_s = max(spent, PACE_KEPT * self._pace_s)
        return done

    @property
    def at_once(self) -> int:
        """How many chunks may be embedded before somebody looks whether they are still wanted."""
        return max(LEAST_SLICE, min(BATCH, int(SLICE_S / max(self._pace_s, SLICE_S / BATCH))))

    def parted(self, waiting: Sequence[T]) -> tuple[list[T], list[T]]:
        """Return the first of *waiting*, not more than `at_once`, and the rest."""
        size = self.at_once  # asked once: other threads embed too, and change it
        return list(waiting[:size]), list(waiting[size:])

    def upsert(self, edition: str, stored: Sequence[StoredChunk], vectors: Vectors) -> None:
        """Write chunks and their vectors; nobody sees them yet."""
        with timed("index"):
            self._vectors.upsert(edition, stored, vectors)

    def wait(self, incarnation: str, entry: str, *, give_up: Callable[[], None]) -> bool:
        """Wait until the live followers have *entry*; tells whether any has it."""
        return self._change_log.wait_for_followers(incarnation, entry, give_up=give_up)

    # Inside -------------------------------------------------------------------------------------

    def _embed_in_slices(
        self, stored: Sequence[StoredChunk], check: Callable[[], None]
    ) -> tuple[list[StoredChunk], Vectors]:
        """Embed chunks, going on after each slice only if *check* does not raise."""
        done: list[tuple[list[StoredChunk], Vectors]] = []
        waiting = list(stored)
        while waiting:
            batch, waiting = self.parted(waiting)
            done.append(self.embed(batch))
            check()
        return [one for some, _ in done for one in some], np.concatenate([v for _, v in done])

    def _manifest(self, blob: str) -> dict[str, Any]:
        """Read the manifest that the parse stage wrote."""
        manifest = self._blobs.get_json(blob)
        if not isinstance(manifest, dict):
            raise StoreUnavailable("a manifest is missing from the blob store")
        return manifest

    def _stored(self, lease: Lease, manifest: dict[str, Any]) -> list[StoredChunk]:
        """Cut the chunks out of the parsed text, as they are to be stored."""
        data = self._blobs.get(manifest["text_blob"])
        if data is None:
            raise StoreUnavailable("a parsed text is missing from the blob store")
        row = lease.unit.fields
        if not manifest["chunks"]:
            raise NoText("there is no text to index")
        return stored_chunks(
            row["document"], int(row["generation"]), manifest, data.decode(), lease.unit.metadata
        )

    def record(self, lease: Lease, manifest: dict[str, Any]) -> dict[str, Any]:
        """Return what the catalogue keeps of the current generation."""
        row = lease.unit.fields
        return {
            "document_id": row["document"],
            "generation": int(row["generation"]),
            "title": manifest["title"],
            "file": row.get("filename", ""),
            "kind": manifest["kind"],
            "language": manifest.get("language", ""),
            "sha256": row["sha256"],
            "source_blob": row["sha256"],
            "text_blob": manifest["text_blob"],
            "manifest_blob": row["manifest_blob"],
            "bytes": int(row["size"]),
            "chars": manifest["chars"],
            "chunks": len(manifest["chunks"]),
            "metadata": lease.unit.metadata,
            "made_by": row.get("made_by", ""),
            "updated_at": rfc3339(time.time() * 1_000_000),
        }
