"""Files of callers: kept before they are documents, listed, read back and forgotten."""

import secrets
import time
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final

from access.grants import current
from corpus.blobs import BlobStore
from corpus.files import FileRecord, Files
from intake.disk_room import DiskRoom
from intake.errors import NotFound
from rag.errors import BlobMissing, QuernError

_ID_BYTES: Final = 12


class FileStore:
    """Take files in and give them back; each caller sees its tenant's."""

    def __init__(self, files: Files, blobs: BlobStore, *, disk: DiskRoom) -> None:
        self._files = files
        self._blobs = blobs
        self._disk = disk

    def add(
        self, filename: str, data: bytes, *, purpose: str, expires_in_s: int | None = None
    ) -> FileRecord:
        """
        Keep a file: its bytes are on the disk before it has a name.

        Raises:
            DiskFull, StoreUnavailable: As named; nothing is kept.
        """
        self._disk.check(len(data))
        now = time.time_ns() // 1_000
        written: dict[str, int] = {}
        try:
            with self._blobs.together() as several:
                written = several.written
                sha256 = several.put(data)
            record = FileRecord(
                file_id=f"file-{secrets.token_hex(_ID_BYTES)}",
                tenant=current().tenant,
                key_id=current().key_id,
                filename=filename,
                size=len(data),
                purpose=purpose,
                sha256=sha256,
                created_us=now,
                expires_us=None if expires_in_s is None else now + expires_in_s * 1_000_000,
            )
            self._files.add(record)
        except QuernError:
            self._blobs.take_back(written)
            raise
        return record

    def find(self, file_id: str) -> FileRecord:
        """Return a file of the caller's; raises NotFound."""
        record = self._files.find(file_id)
        if record is None or not _is_callers(record):
            raise NotFound(no_file(file_id))
        return record

    def several(self, file_ids: Sequence[str]) -> list[FileRecord | None]:
        """Return files of the caller's; None for each that is none."""
        return [
            record if record is not None and _is_callers(record) else None
            for record in self._files.several(file_ids)
        ]

    def read(self, record: FileRecord) -> bytes:
        """Return the bytes of a file; raises BlobMissing."""
        data = self._blobs.get(record.sha256)
        if data is None:
            raise BlobMissing("the file's bytes are missing from the blob store")
        return data

    def open(self, record: FileRecord) -> BinaryIO:
        """Open a file, which the caller closes; raises BlobMissing."""
        opened = self._blobs.open(record.sha256)
        if opened is None:
            raise BlobMissing("the file's bytes are missing from the blob store")
        return opened

    def all(
        self, *, after: str | None = None, newest_first: bool = True, purpose: str | None = None
    ) -> Iterator[FileRecord]:
        """
        Yield the caller's files behind the one called *after*.

        Raises:
            NotFound: There is no such file to go on behind.
        """
        if after is not None:
            self.find(after)
        found = self._files.page(current().tenant, after=after, newest_first=newest_first)
        for record in found:
            if _is_callers(record) and purpose in (None, record.purpose):
                yield record

    def forget(self, file_id: str) -> None:
        """
        Forget a file of the caller's; documents made from it stay.

        Raises:
            NotFound: There is no such file.

            ScopeMissing: Another key brought it, and the caller's may add and delete no documents.
        """
        record = self.find(file_id)
        if record.key_id != current().key_id:
            current().require("ingest")
        self._files.forget(record)


def no_file(file_id: str) -> str:
    """Say that there is no such file; whether others have it is not told."""
    return f"there is no file {file_id!r}"


def _is_callers(record: FileRecord) -> bool:
    """Return True if the caller may see a file: all of its tenant, or those of its own key."""
    grant = current()
    return record.tenant == grant.tenant and (
        grant.collections is None or record.key_id == grant.key_id
    )
