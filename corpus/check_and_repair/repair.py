"""Repair: making a document whole again from what is left of it, or withdrawing it."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from corpus.blobs import BlobStore
from corpus.catalogue.catalogue import Catalogue
from corpus.catalogue.generations import Current
from corpus.change_log import ChangeLog
from corpus.embedding import embedded
from corpus.manifests import spans_of, stored_chunks
from protocol.timestamps import rfc3339
from rag.documents import chunk_id
from rag.errors import QuernError, ReindexUnderWay
from rag.ports import Embedder, StoredChunk, VectorStore

#: Passages embedded and written between two looks at whether to go on.
BATCH: Final = 50
#: Ids asked for at once.
FETCH: Final = 1_000


class CannotRepair(QuernError):
    """Raised when too little is left of a document."""


class Repairer:
    """
    Repair one document. Every step is harmless when repeated, and when another does it too.

    Rows of a generation never change, so writing them again under their ids is safe at any time;
    what becomes visible is decided by scripts that look at what is current.

    Args:
        vectors: Where rows may be missing, asked by collection id.

        store: The same, asked by vector index: rows are written into the one that their vectors
            suit.

        embedder: Must be the one the collection was made with.

        catalogue: What is current.

        change_log: Told of rows that are back.

        blobs: Where parsed texts and manifests lie.
    """

    def __init__(
        self,
        *,
        vectors: VectorStore,
        store: VectorStore,
        embedder: Embedder,
        catalogue: Catalogue,
        change_log: ChangeLog,
        blobs: BlobStore,
    ) -> None:
        self._vectors = vectors
        self._store = store
        self._embedder = embedder
        self._catalogue = catalogue
        self._change_log = change_log
        self._blobs = blobs

    def missing(self, collection_id: str, document: str, current: Current) -> list[int]:
        """Return the numbers of the chunks of a generation that the vector store lacks."""
        numbers: list[int] = []
        for first in range(0, current.chunks, FETCH):
            ids = {
                chunk_id(document, current.generation, n): n
                for n in range(first, min(current.chunks, first + FETCH))
            }
            there = self._vectors.present(collection_id, list(ids))
            numbers += [n for name, n in ids.items() if name not in there]
        return numbers

    def refill(
        self,
        collection_id: str,
        document: str,
        current: Current,
        record: Mapping[str, Any] | None,
        numbers: Sequence[int],
    ) -> Iterator[None]:
        """
        Write the missing chunks of a current generation anew; yields between batches.

        Raises:
            CannotRepair: Its text is not there to be embedded.

            EmbedderMismatch: The collection's vectors are another model's.

            NoVector: The model gives none for one of them.

            ReindexUnderWay: They are being made anew, or have been meanwhile.
        """
        wanted = set(numbers)
        if record is None:
            raise CannotRepair("its record is gone too")
        parsed = self._parsed(record)
        if parsed is None or len(parsed[0]["chunks"]) != current.chunks:
            raise CannotRepair("its parsed text is gone from the blob store")
        manifest, text = parsed
        chunks = stored_chunks(
            document, current.generation, manifest, text, record.get("metadata") or {}
        )
        chunks = [stored for stored in chunks if stored.chunk.n in wanted]
        vector_index = self._catalogue.vector_indexes.register_embedder(
            collection_id, self._embedder.identity
        )
        self._store.create(vector_index.name, vector_index.hnsw)
        for first in range(0, len(chunks), BATCH):
            batch = chunks[first : first + BATCH]
            self._store.upsert(vector_index.name, *embedded(self._embedder, batch))
            yield
        if not self._change_log.add_again(
            collection_id,
            document,
            current.generation,
            current.chunks,
            vector_index=vector_index.name,
        ):
            raise ReindexUnderWay("the collection's vectors were made anew meanwhile")

    def rebuild_record(
        self, collection_id: str, document: str, generation: int, chunks: int
    ) -> dict[str, Any]:
        """
        Make a document's record of its rows, with a text and a manifest of their own.

        The text has every passage at its exact place and line breaks between; of the original
        nothing is known, neither bytes nor name nor kind.

        Raises:
            CannotRepair: The rows are not all there.
        """
        rows = self._rows(collection_id, document, generation, chunks)
        if len(rows) != chunks or not rows:
            raise CannotRepair(f"{len(rows)} of its {chunks} passages are left")
        text = text_of(rows)
        text_blob = self._blobs.put(text.encode())
        manifest = {
            "title": rows[0].title, "kind": "", "text_blob": text_blob, "chars": len(text),
            "chunks": spans_of(stored.chunk for stored in rows), "language": rows[0].language,
        }  # fmt: skip
        return {
            "document_id": document,
            "generation": generation,
            "title": rows[0].title,
            "file": "",
            "kind": "",
            "language": rows[0].language,
            "sha256": "",
            "source_blob": "",
            "text_blob": text_blob,
            "manifest_blob": self._blobs.put_json(manifest),
            "bytes": 0,
            "chars": len(text),
            "chunks": chunks,
            "metadata": dict(rows[0].metadata),
            "updated_at": rfc3339(time.time() * 1_000_000),
        }

    def _parsed(self, record: Mapping[str, Any]) -> tuple[dict[str, Any], str] | None:
        """Return a document's manifest and text, None where one of them is gone."""
        manifest = self._blobs.get_json(record["manifest_blob"])
        if not isinstance(manifest, dict):
            return None
        data = self._blobs.get(manifest["text_blob"])
        return None if data is None else (manifest, data.decode())

    def _rows(
        self, collection_id: str, document: str, generation: int, chunks: int
    ) -> list[StoredChunk]:
        """Fetch what there is of a generation, in order."""
        rows: list[StoredChunk] = []
        for first in range(0, chunks, FETCH):
            ids = [
                chunk_id(document, generation, n) for n in range(first, min(chunks, first + FETCH))
            ]
            there = self._vectors.get(collection_id, ids)
            rows += [there[name] for name in ids if name in there]
        return rows


def text_of(rows: Sequence[StoredChunk]) -> str:
    """
    Put passages where they were in their document's text.

    What lay between is white space: as it was where a passage kept it, line breaks elsewhere.
    """
    parts: list[str] = []
    at = 0
    for stored in sorted(rows, key=lambda stored: stored.chunk.start):
        chunk = stored.chunk
        if chunk.end <= at:
            continue
        gap = max(chunk.start - at, 0)
        parts.append(chunk.before if len(chunk.before) == gap else "\n" * gap)
        parts.append(chunk.text[max(at - chunk.start, 0) :])
        at = chunk.end
    return "".join(parts)
