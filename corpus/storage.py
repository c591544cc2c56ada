"""Storage of a process: wires Redis, scripts, blobs, ledger."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from redis import Redis

from corpus.blobs import BlobStore
from corpus.catalogue.catalogue import Catalogue
from corpus.change_log import ChangeLog
from corpus.files import Files
from corpus.vector_stores.attachments import Attachments
from corpus.vector_stores.records import StoreRecords
from jobs.archive.archive import Archive
from jobs.ledger.ledger import Ledger
from protocol.messages import Message
from protocol.scripts import Scripts
from rag.ports import HnswSettings
from runtime.redis_clients import ledger_client
from runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class Storage:
    """Redis, ledger, catalogue, change log, blobs, files and vector stores of a process."""

    redis: Redis
    ledger: Ledger
    catalogue: Catalogue
    change_log: ChangeLog
    blobs: BlobStore
    files: Files

    @property
    def store_records(self) -> StoreRecords:
        """What is kept of vector stores."""
        return StoreRecords(self.redis, self.ledger.scripts)

    @property
    def attachments(self) -> Attachments:
        """Files of vector stores."""
        return Attachments(self.redis, self.ledger.scripts)


def hnsw_of(settings: Settings) -> HnswSettings:
    """Return the settings of vector collections made from now on."""
    return HnswSettings(
        space=settings.hnsw_space,
        ef_construction=settings.hnsw_ef_construction,
        ef_search=settings.hnsw_ef_search,
        max_neighbors=settings.hnsw_max_neighbors,
    )


def archive_of(settings: Settings) -> Path:
    """Return the folder of the rows of ended jobs: every process that sees the blobs sees it."""
    return Path(settings.blob_dir or settings.data_dir) / "archive"


def open_storage(
    settings: Settings, send: Callable[[Message], None], *, read_s: float = 5.0
) -> Storage:
    """
    Wire the storage for *settings*; connects when first used.

    *read_s* bounds how long one answer of Redis is waited for.
    """
    redis = ledger_client(settings.redis_url, read_s=read_s)
    scripts = Scripts(
        redis,
        retention_s=settings.retention_s,
        event_retention_s=settings.event_retention_s,
    )
    archive = Archive(archive_of(settings))
    ledger = Ledger(redis, scripts=scripts, send=send, archive=archive)
    return Storage(
        redis=redis,
        ledger=ledger,
        catalogue=Catalogue.of(ledger, hnsw=hnsw_of(settings)),
        change_log=ChangeLog(redis, scripts),
        blobs=BlobStore(settings.blobs),
        files=Files(redis),
    )
