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
#: How often a change begins anew because its file was attached anew meanwhile.
_TRIES: Final = 3


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

            InvalidRequest: A file is too large to be a document, or its bytes are lost.

            StoreUnavailable: As its name says.
        """
        record = self._files.find(wanted.file_id)
        try:
            return self._kept(record, wanted)
        except BlobMissing:  # to try again would not help
            raise InvalidRequest(
                _WHERE, f"{wanted.file_id} has lost its bytes; upload the file again"
            ) from None

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
            NotFound: The file is not attached to the store, or is not any more.

            InvalidRequest: It is a document that was not attached, or one whose bytes are lost.

            Full, MemoryFull, CollectionGone: As their names say.
        """
        for _ in range(_TRIES):
            if (changed := self._changed(store, file_id, attributes)) is not None:
                return changed
        raise _not_attached(file_id)

    def detach(self, store: StoreRecord, file_id: str) -> str:
        """
        Detach a file; the job that deletes its document is returned.

        Raises:
            NotFound: The file is not attached to the store.

            Full, MemoryFull, CollectionGone: As their names say.
        """
        is_attached = self._attachments.find(store.collection_id, file_id) is not None
        if not is_attached and not self._is_document(store, file_id):
            raise _not_attached(file_id)
        return self._maintenance.detach(store.name, store.collection_id, file_id)

    def _changed(
        self, store: StoreRecord, file_id: str, attributes: Mapping[str, Value]
    ) -> Changed | None:
        """Change attributes as they were read; None where the file has moved on since."""
        one = self._attached(store, file_id)
        told = replace(one.told, attributes=attributes)
        shown = of_attachment(replace(one, told=told))
        source = self._source_of(store, one)
        if source is None:
            is_told = self._attachments.retell(store.collection_id, file_id, one.unit, told)
            return Changed(shown, None) if is_told else None
        if not source.sha256 or not self._blobs.renew(source.sha256):
            raise InvalidRequest(
                _WHERE, f"{file_id} is not kept whole any more; attach it again with its attributes"
            )
        kept = KeptDocument(
            replace(source, metadata=_metadata(attributes)),
            {"attached": told.as_json(), "renews": one.unit},
        )
        job_id = self._ingests.submit_kept(self._terms(store, "interactive"), [kept])
        return None if self._has_moved_on(job_id) else Changed(shown, job_id)

    def _has_moved_on(self, job_id: str) -> bool:
        """Return True if a row ended at once: its file was detached, or attached anew."""
        return any(
            row.get("state") == "failed"
            and orjson.loads(row.get("error", "{}")).get("type") == "not_found"
            for row in self._rows.documents(job_id, first=0, last=0)
        )

    def _is_document(self, store: StoreRecord, file_id: str) -> bool:
        """Return True if a document that was not attached is shown as a file of a store."""
        if store.is_own:
            return False
        return self._catalogue.documents.record(store.collection_id, file_id) is not None

    def _attached(self, store: StoreRecord, file_id: str) -> Attachment:
        """Return an attached file; raises NotFound, InvalidRequest."""
        one = self._attachments.find(store.collection_id, file_id)
        if one is None and self._is_document(store, file_id):
            raise InvalidRequest(
                _WHERE, f"{file_id} was not attached; its attributes change where it is ingested"
            )
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
        # The sweep is to leave what a row is about to name: its file may be deleted.
        if not self._blobs.renew(record.sha256):
            raise BlobMissing("the file's bytes are missing from the blob store")
        return _document(wanted, record.filename, record.sha256, record.size)

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
