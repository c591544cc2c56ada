"""Attaching files to vector stores: a file becomes a document, whose id is the file's."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import orjson

from corpus.blobs import NOTHING, BlobStore
from corpus.catalogue.catalogue import Catalogue
from corpus.files import FileRecord
from corpus.vector_stores.attachments import Attachment, Attachments, Told
from corpus.vector_stores.records import StoreRecord
from intake.errors import NotFound
from intake.ingests import Ingests, KeptDocument
from intake.maintenance import Maintenance
from intake.vector_stores.asked import FileToAttach
from intake.vector_stores.files import StoreFile, of_attachment
from intake.vector_stores.uploads import FileStore, no_file
from jobs.document_metadata import merged
from jobs.document_rows import RowSource
from jobs.ledger.rows import Rows
from jobs.requests import IngestTerms
from rag.answers.conversation import Priority
from rag.documents import Value
from rag.errors import BlobMissing, InvalidRequest
from runtime.settings import Settings

_WHERE: Final = "file_id"
#: What the ledger calls it where one file of several cannot be attached.
_REASONS: Final = {InvalidRequest: "too_large", BlobMissing: "lost_bytes"}


class Changed(NamedTuple):
    """A file whose attributes change, and the job that writes its document anew, if one does."""

    file: StoreFile
    job_id: str | None


class Attaching:
    """
    Attach files to stores, one or many, change their attributes and detach them.

    Bytes are never sent again: they lie in the blob store, under the name that the file's record
    has.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        files: FileStore,
        ingests: Ingests,
        maintenance: Maintenance,
        attachments: Attachments,
        catalogue: Catalogue,
        blobs: BlobStore,
        rows: Rows,
    ) -> None:
        self._settings = settings
        self._files = files
        self._ingests = ingests
        self._maintenance = maintenance
        self._attachments = attachments
        self._catalogue = catalogue
        self._blobs = blobs
        self._rows = rows

    def read(self, wanted: FileToAttach) -> KeptDocument:
        """
        Return the document of a file that may be attached.

        Raises:
            NotFound: There is no such file, or it is not the caller's.

            InvalidRequest: A file is too large to be a document.

            BlobMissing, StoreUnavailable: As their names say.
        """
        return self._kept(self._files.find(wanted.file_id), wanted)

    def read_several(self, wanted: Sequence[FileToAttach]) -> list[KeptDocument]:
        """
        Return the documents of files that are attached together; one named twice counts once.

        One that cannot be attached hurts no other: it will have failed, and its error says why.
        Raises StoreUnavailable.
        """
        unique = {one.file_id: one for one in wanted}
        documents = []
        for record, one in zip(self._files.several(list(unique)), unique.values(), strict=True):
            if record is None:
                documents.append(_failing(one, one.file_id, "not_found", no_file(one.file_id)))
                continue
            try:
                documents.append(self._kept(record, one))
            except (InvalidRequest, BlobMissing) as error:
                documents.append(_failing(one, record.filename, _REASONS[type(error)], str(error)))
        return documents

    def attach(
        self, store: StoreRecord, documents: Sequence[KeptDocument], *, priority: Priority
    ) -> str:
        """
        Attach files to a store, as `read` returns them, in one job, whose id is returned.

        From here on each is `in_progress`, until it is a document or has failed.

        Raises:
            Full, MemoryFull, CollectionGone: As their names say.
        """
        return self._ingests.submit_kept(self._terms(store, priority), documents)

    def change_attributes(
        self, store: StoreRecord, file_id: str, attributes: Mapping[str, Value]
    ) -> Changed:
        """
        Replace the attributes of an attached file.

        The document of a completed one is written anew, its vectors taken from the cache; until
        then searches read the old one. Of a file that failed nothing but its record changes.

        Raises:
            NotFound: The file is not attached to the store.

            Full, MemoryFull, CollectionGone, BlobMissing: As their names say.
        """
        one = self._attached(store, file_id)
        told = replace(one.told, attributes=attributes)
        shown = of_attachment(replace(one, told=told))
        source = self._source_of(store, one)
        if source is None:
            if not self._attachments.retell(store.collection_id, file_id, one.unit, told):
                raise _not_attached(file_id)
            return Changed(shown, None)
        self._renew(source.sha256)
        kept = KeptDocument(
            replace(source, metadata=_metadata(attributes)),
            {"attached": told.as_json(), "renews": "1"},
        )
        return Changed(shown, self._ingests.submit_kept(self._terms(store, "interactive"), [kept]))

    def detach(self, store: StoreRecord, file_id: str) -> str:
        """
        Detach a file; the job that deletes its document is returned.

        Raises:
            NotFound: The file is not attached to the store.

            Full, MemoryFull, CollectionGone: As their names say.
        """
        is_attached = self._attachments.find(store.collection_id, file_id) is not None
        if not is_attached and not self._catalogue.documents.record(store.collection_id, file_id):
            raise _not_attached(file_id)
        return self._maintenance.detach(store.name, store.collection_id, file_id)

    def _attached(self, store: StoreRecord, file_id: str) -> Attachment:
        """Return an attached file; raises NotFound."""
        one = self._attachments.find(store.collection_id, file_id)
        if one is None:
            raise _not_attached(file_id)
        return one

    def _kept(self, record: FileRecord, wanted: FileToAttach) -> KeptDocument:
        """Return the document of a file, whose bytes are kept."""
        if record.size > self._settings.max_file_bytes:
            raise InvalidRequest(
                _WHERE,
                f"{record.file_id} has {record.size} bytes; a document may have "
                f"{self._settings.max_file_bytes}",
            )
        self._renew(record.sha256)
        return _document(wanted, record.filename, record.sha256, record.size)

    def _renew(self, sha256: str) -> None:
        """Keep the sweep from bytes that a row is about to name: their file may be deleted."""
        if not self._blobs.renew(sha256):
            raise BlobMissing("the file's bytes are missing from the blob store")

    def _source_of(self, store: StoreRecord, one: Attachment) -> RowSource | None:
        """Return what an attached file's document is made of; None of one that failed."""
        if one.state == "in_progress":
            row = self._rows.unit(one.unit)
            return None if row is None else RowSource.of_row(row, "")
        record = self._catalogue.documents.record(store.collection_id, one.file_id)
        if one.state != "completed" or record is None:
            return None
        return RowSource(
            document_id=one.file_id,
            sha256=record["sha256"],
            size=record["bytes"],
            filename=record["file"],
            title="",
            metadata="",
            chunk_tokens=one.told.chunking[0] if one.told.chunking else 0,
        )

    def _terms(self, store: StoreRecord, priority: Priority) -> IngestTerms:
        """Return what holds of all files of a job."""
        return IngestTerms(
            collection=store.name,
            collection_id=store.collection_id,
            priority=priority,
            on_duplicate="index",
            metadata="{}",
            store="1",
        )


def _document(wanted: FileToAttach, filename: str, sha256: str, size: int) -> KeptDocument:
    """Return a document, and what its row tells of the file."""
    told = Told(filename=filename, attributes=wanted.attributes, chunking=wanted.chunking)
    fields = {"attached": told.as_json()}
    if wanted.chunking is not None:
        fields["chunk_overlap"] = str(wanted.chunking[1])
    source = RowSource(
        document_id=wanted.file_id,
        sha256=sha256,
        size=size,
        filename=filename,
        title="",
        metadata=_metadata(wanted.attributes),
        chunk_tokens=wanted.chunking[0] if wanted.chunking else 0,
    )
    return KeptDocument(source, fields)


def _failing(wanted: FileToAttach, filename: str, reason: str, detail: str) -> KeptDocument:
    """Return the document of a file that cannot be attached."""
    error = {"type": reason, "title": "The file cannot be attached", "detail": detail}
    bare = _document(wanted, filename, NOTHING, 0)
    return replace(bare, fields={**bare.fields, "rejected": orjson.dumps(error).decode()})


def _metadata(attributes: Mapping[str, Value]) -> str:
    """Return attributes as a row keeps metadata."""
    return merged("", orjson.dumps(dict(attributes)).decode())


def _not_attached(file_id: str) -> NotFound:
    """Return why there is no file in a store."""
    return NotFound(f"there is no file {file_id!r} in this vector store")
