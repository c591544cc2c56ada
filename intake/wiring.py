"""Opening the intake of a process: everything that takes requests in and shows what they became."""

from collections.abc import Callable
from typing import Final

from corpus.storage import Storage, open_storage
from intake.admission import Admission
from intake.control import JobControl
from intake.disk_room import DiskRoom
from intake.ingests import Ingests, Reingests
from intake.lookup.collections import Collections
from intake.lookup.documents import Documents
from intake.lookup.events import JobEvents
from intake.lookup.jobs import JobLookup
from intake.lookup.questions import QuestionTable
from intake.lookup.views import JobView
from intake.maintenance import Maintenance
from intake.purge import Purge
from intake.queries import Queries
from intake.question_lists.recording import QuestionLists
from intake.v1.asking import Asking
from intake.v1.batches.batches import Batches
from intake.v1.batches.outputs import Outputs
from intake.v1.batches.service import OutputService
from intake.v1.embeddings import Embeddings
from intake.v1.responses import Responses
from intake.v1.store_ids import NamedStore
from intake.vector_stores.attaching import Attaching
from intake.vector_stores.polling import Polling
from intake.vector_stores.reading import StoreReading
from intake.vector_stores.searching import StoreSearching
from intake.vector_stores.service import StoreService
from intake.vector_stores.stores import VectorStores
from intake.vector_stores.uploads import FileStore
from intake.webhooks import Webhooks
from jobs.document_rows import RowMaker, made_by
from jobs.events import JobNotifier
from jobs.ledger.purging import Purging
from jobs.long_jobs import LongJobs
from jobs.webhooks.deliveries import Deliveries
from protocol.messages import Message
from rag.chunking.chunker import Chunker
from rag.documents import PARSERS_VERSION
from runtime.settings import Settings

#: How long one answer of Redis is waited for. Redis itself holds writes back for up to two seconds
#: while its disk is busy (appendfsync everysec): a shorter wait would turn that into refusals.
REDIS_READ_S: Final = 2.5


class Intake:
    """
    The parts of the intake; clients and threads are made when first used.

    Args:
        pipeline: A word for everything that decides how bytes become chunks.
    """

    def __init__(self, settings: Settings, storage: Storage, *, pipeline: str) -> None:
        self._storage = storage
        ledger, catalogue, blobs = storage.ledger, storage.catalogue, storage.blobs
        self.redis, self.scripts = storage.redis, ledger.scripts
        disk = DiskRoom(blobs, floor_mb=settings.health_disk_floor_mb)
        admission = Admission(storage.redis, disk=disk)
        self.notifier = JobNotifier(storage.redis)
        long_jobs = LongJobs(
            ledger, limit=settings.max_ingest_documents, question_limit=settings.max_batch_jobs,
            blobs=blobs,
        )  # fmt: skip
        view = JobView(
            storage.redis, blobs, storage.change_log, deleted_quotes_s=settings.deleted_quotes_s
        )
        self.jobs = JobLookup(storage.redis, ledger.rows, view, retention_s=settings.retention_s)
        self.events = JobEvents(
            storage.redis, ledger.rows, blobs, view, listen=ledger.submissions.listen
        )
        self.collections = Collections(catalogue, made_by=made_by(pipeline))
        self.question_table = QuestionTable(ledger.rows, view, blobs)
        self.documents = Documents(catalogue, blobs, storage.redis)
        self.files = FileStore(storage.files, blobs, disk=disk)
        self.webhooks = Webhooks(Deliveries(storage.redis, ledger.scripts))
        self.purge = Purge(Purging(storage.redis, ledger.scripts), ledger.archive)
        self.queries = Queries(
            settings=settings,
            submissions=ledger.submissions,
            catalogue=catalogue,
            admission=admission,
        )
        self.question_lists = QuestionLists(
            ledger=ledger,
            catalogue=catalogue,
            blobs=blobs,
            admission=admission,
            disk=disk,
            long_jobs=long_jobs,
        )
        self.maintenance = Maintenance(
            settings=settings,
            ledger=ledger,
            catalogue=catalogue,
            admission=admission,
        )
        self.ingests = Ingests(
            settings=settings,
            ledger=ledger,
            catalogue=catalogue,
            blobs=blobs,
            admission=admission,
            disk=disk,
            lookup=self.jobs,
            long_jobs=long_jobs,
            rows=RowMaker(pipeline),
        )
        self.reingests = Reingests(
            settings=settings, catalogue=catalogue, documents=self.documents, ingests=self.ingests
        )
        self.control = JobControl(
            ledger,
            lookup=self.jobs,
            queries=self.queries,
            question_lists=self.question_lists,
            ingests=self.ingests,
            maintenance=self.maintenance,
            long_jobs=long_jobs,
        )
        self.vector_stores = StoreService(
            stores=VectorStores(
                catalogue=catalogue,
                records=storage.store_records,
                attachments=storage.attachments,
                maintenance=self.maintenance,
            ),
            attaching=Attaching(
                settings=settings,
                files=self.files,
                ingests=self.ingests,
                maintenance=self.maintenance,
                attachments=storage.attachments,
                catalogue=catalogue,
                blobs=blobs,
                rows=ledger.rows,
            ),
            reading=StoreReading(
                attachments=storage.attachments,
                catalogue=catalogue,
                documents=self.documents,
                ledger=ledger,
                lookup=self.jobs,
                long_jobs=long_jobs,
            ),
            searching=StoreSearching(
                settings=settings,
                queries=self.queries,
                submissions=ledger.submissions,
                attachments=storage.attachments,
                catalogue=catalogue,
            ),
            polling=Polling(storage.redis, ledger.rows),
        )
        self.asking = Asking(settings, store_named=self._store_named)
        self.embeddings = Embeddings(settings, queries=self.queries, blobs=blobs, disk=disk)
        self.responses = Responses(
            storage.redis,
            asking=self.asking,
            submissions=ledger.submissions,
            queries=self.queries,
            jobs=self.jobs,
            view=view,
            control=self.control,
            purge=self.purge,
        )
        self.batch_outputs = Outputs(ledger, view, blobs, disk=disk)
        self.batch_service = OutputService(ledger, self.batch_outputs)
        self.batches = Batches(
            settings,
            ledger=ledger,
            catalogue=catalogue,
            blobs=blobs,
            files=self.files,
            admission=admission,
            disk=disk,
            long_jobs=long_jobs,
            jobs=self.jobs,
            control=self.control,
            asking=self.asking,
            responses=self.responses,
            embeddings=self.embeddings,
        )

    def _store_named(self, given: str) -> NamedStore:
        """Return the store that an id, or a collection's name, means; raises NotFound."""
        record = self.vector_stores.stores.usable(given)
        return NamedStore(record.name, record.collection_id)

    def close(self) -> None:
        """Stop the threads of this process, and close the connections."""
        self.batch_outputs.close()
        self.batch_service.close()
        self.notifier.close()
        self._storage.redis.close()


def open_intake(settings: Settings, send: Callable[[Message], None]) -> Intake:
    """Wire the intake for *settings*, which sends messages by *send*; connects when first used."""
    chunker = Chunker(max_tokens=settings.chunk_tokens)
    return Intake(
        settings,
        open_storage(settings, send, read_s=REDIS_READ_S),
        pipeline=f"{PARSERS_VERSION}:{chunker.fingerprint}:{settings.embedding_model}",
    )
