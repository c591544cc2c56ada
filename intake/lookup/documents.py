"""Documents: what is current of each, its text, its chunks, its original bytes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from redis import Redis

from corpus.blobs import BlobStore
from corpus.catalogue.catalogue import Catalogue
from corpus.catalogue.name_search import NamesFound, names_with
from intake.errors import Gone, NotFound
from intake.lookup.collections import collection_of, existing_collection
from protocol.names import shown_name
from rag.documents import chunk_id
from rag.errors import BlobMissing

#: What a record keeps for the machine only.
_OURS: Final = ("source_blob", "text_blob", "manifest_blob", "made_by")


@dataclass(frozen=True, slots=True)
class Document:
    """A document of a collection, and its catalogue record: the current generation."""

    collection: str
    record: Mapping[str, Any]

    @property
    def document_id(self) -> str:
        """What the document is called in its collection."""
        return str(self.record["document_id"])

    @property
    def generation(self) -> int:
        """Which version of the document it is."""
        return int(self.record["generation"])

    def shown(self) -> dict[str, Any]:
        """Return the document as it stands in a list."""
        path = f"/api/collections/{shown_name(self.collection)}/documents/{quote(self.document_id)}"
        shown = {name: value for name, value in self.record.items() if name not in _OURS}
        shown["links"] = {
            "self": path,
            "text": f"{path}/text",
            "file": f"{path}/file",
            "chunks": f"{path}/chunks",
        }
        return shown


class Documents:
    """Find and read documents."""

    def __init__(self, catalogue: Catalogue, blobs: BlobStore, redis: Redis) -> None:
        self._catalogue = catalogue
        self._blobs = blobs
        self._redis = redis

    def page(
        self, collection: str, *, after: str, limit: int, prefix: str = ""
    ) -> tuple[list[dict[str, Any]], str | None]:
        """
        Return up to *limit* documents as shown, in the order of ids above *after*, and the last id.

        The last id is None where no more follow. With *prefix* only those whose ids begin with it.

        Raises:
            NotFound: There is no such collection.
        """
        collection_id = collection_of(self._catalogue, collection)
        found, last = self._catalogue.documents.page(
            collection_id, after=after, limit=limit, prefix=prefix
        )
        return [Document(collection, record).shown() for record in found], last

    def page_with(
        self, collection: str, part: str, *, after: str, limit: int
    ) -> tuple[list[dict[str, Any]], NamesFound]:
        """
        Return up to *limit* documents as shown whose ids have *part*, and how far was searched.

        Raises:
            NotFound: There is no such collection.
        """
        collection_id = collection_of(self._catalogue, collection)
        seen = names_with(self._redis, collection_id, part, after=after, limit=limit)
        records = self._catalogue.documents.records(collection_id, seen.names)
        return [Document(collection, record).shown() for record in records if record], seen

    def find(self, collection: str, document_id: str, *, generation: int | None = None) -> Document:
        """
        Return a document.

        Raises:
            NotFound: There is no such collection or document, or not yet that generation.

            Gone: *generation* was replaced or deleted.
        """
        collection_id = existing_collection(self._catalogue, collection)
        record = self._catalogue.documents.record(collection_id, document_id)
        if generation is not None and (record is None or record["generation"] != generation):
            current = self._catalogue.generations.current_of(collection_id, document_id)
            if current is not None and generation < current.generation:
                raise Gone(f"generation {generation} of {document_id!r} was replaced or deleted")
            raise NotFound(f"there is no generation {generation} of {document_id!r}")
        if record is None:
            raise NotFound(f"there is no document {document_id!r} in {shown_name(collection)!r}")
        return Document(collection, record)

    def find_longer(self, collection: str, document_id: str, suffix: str) -> Document | None:
        """Return the document called *document_id*/*suffix*, None where the shorter id exists."""
        collection_id = self._catalogue.collections.collection_id(collection)
        if collection_id is None or document_id in self._catalogue.generations.current(
            collection_id, [document_id]
        ):
            return None
        record = self._catalogue.documents.record(collection_id, f"{document_id}/{suffix}")
        return None if record is None else Document(collection, record)

    def with_remarks(self, document: Document) -> dict[str, Any]:
        """Return a document as shown, and what its parser had to say."""
        manifest = self._blobs.get_json(document.record["manifest_blob"])
        said = manifest if isinstance(manifest, dict) else {}
        remarks = {"notes": said.get("notes", []), "encoding": said.get("encoding", "")}
        return document.shown() | remarks

    def text(self, document: Document, *, start: int, end: int | None) -> dict[str, Any]:
        """
        Return the parsed text from *start* to *end*, None for its end, both in code points.

        Raises:
            BlobMissing: It is missing from the blob store.
        """
        whole = self._text(document)
        end = len(whole) if end is None else min(end, len(whole))
        start = min(start, end)
        return {
            "document_id": document.document_id,
            "generation": document.generation,
            "start": start,
            "end": end,
            "chars": len(whole),
            "text": whole[start:end],
        }

    def original(self, document: Document) -> tuple[str, bytes]:
        """
        Return the name and the bytes of the file that the document was made from.

        Raises:
            Gone: Nobody knows them any more.

            BlobMissing: They are missing from the blob store.
        """
        record = document.record
        if not record["sha256"]:
            raise Gone(
                "the original was lost with the catalogue; ingest the document again to have it"
            )
        name = (record.get("file") or document.document_id).rsplit("/", 1)[-1] or "document"
        return name, self._blob(record["sha256"])

    def chunks(
        self, document: Document, *, start: int, limit: int
    ) -> tuple[dict[str, Any], int | None]:
        """
        Return up to *limit* chunks with their texts, from number *start*, and the next number.

        Raises:
            BlobMissing: They or the text are missing from the blob store.
        """
        manifest = self._blobs.get_json(document.record["manifest_blob"])
        if not isinstance(manifest, dict):
            raise BlobMissing("the document's chunks are missing from the blob store")
        whole = self._text(document)
        spans = manifest["chunks"]
        shown = [
            {
                "chunk_id": chunk_id(document.document_id, document.generation, span["n"]),
                "text": whole[span["start"] : span["end"]],
                **{name: span[name] for name in ("n", "start", "end", "page")},
                "context": span.get("context", ""),
                **{name: span.get(name) for name in ("page_label", "page_kind")},
            }
            for span in spans[start : start + limit]
        ]
        page = {
            "document_id": document.document_id,
            "generation": document.generation,
            "total": len(spans),
            "chunks": shown,
        }
        return page, start + limit if start + limit < len(spans) else None

    def _text(self, document: Document) -> str:
        """Return the whole parsed text."""
        return self._blob(document.record["text_blob"]).decode()

    def _blob(self, name: str) -> bytes:
        """Return a blob that a current document names."""
        data = self._blobs.get(name)
        if data is None:
            raise BlobMissing("the document's bytes are missing from the blob store")
        return data
