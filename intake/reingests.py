"""Reading a document once more, from the bytes that were kept of it."""

from corpus.catalogue.catalogue import Catalogue
from intake.documents import DocumentUpload
from intake.idempotency import Idempotency
from intake.ingests import Ingests
from intake.lookup.collections import existing_collection
from intake.lookup.documents import Documents
from intake.requests import read_ingest
from runtime.settings import Settings


class Reingests:
    """Ingest documents again as they came: for another parser, or where parts were lost."""

    def __init__(
        self, *, settings: Settings, catalogue: Catalogue, documents: Documents, ingests: Ingests
    ) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._documents = documents
        self._ingests = ingests

    def submit(
        self, collection: str, document_id: str, *, idempotency: Idempotency | None = None
    ) -> str:
        """
        Record the ingest of a document's own bytes, and return its job's id.

        The file's name, the metadata, and the title that a text was given stay. It is never
        `unchanged`; until it is done the document is found as it was.

        Raises:
            NotFound: There is no such collection or document.

            Gone, BlobMissing: Its bytes are not known any more, or missing.

            Full, MemoryFull, DiskFull, IdempotencyConflict, StoreUnavailable: As of an ingest.
        """
        document = self._documents.find(collection, document_id)
        _, data = self._documents.original(document)
        record = document.record
        upload = DocumentUpload(
            document_id=document_id,
            data=data,
            filename=record["file"] or "",
            # A file's title is read from it, or from its name; a text's may have come with it.
            title=None if record["file"] else record["title"],
            metadata=record["metadata"],
        )
        collection_id = existing_collection(self._catalogue, collection)
        self._catalogue.repairs.distrust(collection_id, document_id, document.generation)
        request = read_ingest({"collection": collection, "priority": "interactive"}, self._settings)
        return self._ingests.submit_ingest(request, [upload], idempotency=idempotency)
