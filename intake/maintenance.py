"""Jobs on what is there already: reindexes, checks, deletes."""

from collections.abc import Mapping, Sequence
from typing import Literal

import orjson

from access.errors import NoSuchCollection
from access.grants import current
from corpus.catalogue.catalogue import Catalogue
from intake.admission import Admission
from intake.errors import NotFound
from intake.idempotency import Idempotency
from intake.lookup.collections import collection_of, existing_collection
from intake.requests import MAX_DEADLINE_S
from jobs.document_rows import bare_row
from jobs.ledger.ledger import Ledger
from jobs.requests import CheckRequest
from protocol.ids import new_id
from protocol.messages import PRIORITY_OF, Stage
from protocol.names import shown_name
from runtime.settings import Settings

#: Places in a full lane that are left to these jobs.
_SPARE_PLACES = 1_000


class Maintenance:
    """Record jobs on collections and their documents; a full lane does not keep them out."""

    def __init__(
        self,
        *,
        settings: Settings,
        ledger: Ledger,
        catalogue: Catalogue,
        admission: Admission,
    ) -> None:
        self._submissions = ledger.submissions
        self._rows = ledger.rows
        self._catalogue = catalogue
        self._admission = admission
        self._most = settings.max_ingest_documents
        self._limit = settings.max_ingest_documents + _SPARE_PLACES
        self._deadline_s = settings.batch_deadline_s

    def reindex(
        self,
        collection: str,
        *,
        retry_of: str = "",
        idempotency: Idempotency | None = None,
    ) -> str:
        """
        Record the job that makes a collection's vectors anew, and return its id.

        Raises:
            NoSuchCollection: As its name says.

            AlreadyRunning: Its vectors are being made anew.

            Full, MemoryFull, IdempotencyConflict: As their names say.
        """
        collection_id = existing_collection(self._catalogue, collection)
        fields = {
            "collection": collection,
            "incarnation": collection_id,
            "alone": f"reindex:{collection_id}",
        } | ({"retry_of": retry_of} if retry_of else {})
        return self._submit(
            "reindex", "reindex", fields, deadline_s=MAX_DEADLINE_S, idempotency=idempotency
        )

    def check(self, request: CheckRequest, *, idempotency: Idempotency | None = None) -> str:
        """
        Record the comparison of catalogue, vector store and sparse indexes; return the job's id.

        Raises:
            NoSuchCollection: As its name says.

            Full, MemoryFull: As their names say.
        """
        if request.collection is None:
            current().require_operator()
        else:
            collection_of(self._catalogue, request.collection)
        fields = {"request": orjson.dumps(request.as_json()).decode()}
        if request.collection is not None:
            fields["collection"] = request.collection
        return self._submit("check", "check", fields, owner="interactive", idempotency=idempotency)

    def delete_document(
        self, collection: str, document_id: str, *, idempotency: Idempotency | None = None
    ) -> str:
        """
        Record the delete of a document; once its job has ended no search returns it.

        Raises:
            NotFound: There is no such collection or document.

            Full, MemoryFull, IdempotencyConflict: As their names say.
        """
        collection_id = collection_of(self._catalogue, collection)
        there = self._catalogue.generations.known(collection_id, [document_id])
        # A request that comes again may have deleted it itself: it is that job.
        if not there and not self._rows.is_answered(idempotency):
            raise NotFound(f"there is no document {document_id!r} in {shown_name(collection)!r}")
        return self._delete(collection, collection_id, there, "interactive", idempotency)

    def detach(self, collection: str, collection_id: str, document_id: str) -> str:
        """
        Record the delete of a file's document, whether there is one yet or not.

        The file is none of the collection's from here on. Returns the job's id.

        Raises:
            CollectionGone, Full, MemoryFull: As their names say.
        """
        return self._delete(collection, collection_id, [document_id], "interactive", None)

    def delete_documents(
        self,
        collection: str,
        document_ids: Sequence[str],
        *,
        idempotency: Idempotency | None = None,
    ) -> str:
        """
        Record the delete of up to MAX_DELETES documents as one job; those not there are left out.

        Raises:
            NoSuchCollection: As its name says.

            Full, MemoryFull, IdempotencyConflict: As their names say.
        """
        collection_id = collection_of(self._catalogue, collection)
        there = self._catalogue.generations.known(collection_id, document_ids)
        return self._delete(collection, collection_id, there, "batch", idempotency)

    def delete_collection(self, collection: str) -> str:
        """
        Free a collection's name at once, and record the job that removes the rest.

        Raises:
            NoSuchCollection: As its name says.

            Full, MemoryFull: As their names say.
        """
        self._admission.check("upkeep")  # before the name is free
        collection_id = self._catalogue.collections.drop(collection)
        if collection_id is None:
            raise NoSuchCollection(collection)
        return self._submit(
            "delete_collection", "drop", {"collection": collection, "incarnation": collection_id}
        )

    def _delete(
        self,
        collection: str,
        collection_id: str,
        document_ids: Sequence[str],
        priority: Literal["batch", "interactive"],
        idempotency: Idempotency | None,
    ) -> str:
        """Record the delete of documents."""
        job_id = new_id()
        with self._admission.admitting("upkeep") as bound:
            return self._submissions.accept(
                job_id,
                job={"kind": "delete", "collection": collection, "incarnation": collection_id},
                rows=[
                    bare_row(job_id, stage="remove", document=document, priority=priority)
                    for document in document_ids
                ],
                limit=self._limit if priority == "interactive" else self._most,
                deadline_s=self._deadline_s,
                memory_bound=bound,
                idempotency=idempotency,
            )

    def _submit(
        self,
        kind: str,
        stage: Stage,
        fields: Mapping[str, str],
        *,
        owner: Literal["batch", "interactive"] = "batch",
        deadline_s: float | None = None,
        idempotency: Idempotency | None = None,
    ) -> str:
        """Record a job on a whole collection."""
        whole: dict[str, str | int] = {
            "kind": kind,
            "class": "ingest",
            "owner": owner,
            "priority": PRIORITY_OF[owner],
            "request": "{}",
            **fields,
        }
        with self._admission.admitting("upkeep") as bound:
            return self._submissions.submit(
                new_id(),
                stage=stage,
                fields=whole,
                limit=self._limit,
                deadline_s=deadline_s or self._deadline_s,
                memory_bound=bound,
                idempotency=idempotency,
            )
