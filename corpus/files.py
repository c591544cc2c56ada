"""Files that wait to be documents, or hold what a batch came to: a record each, and a blob."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Literal

from redis import Redis

from protocol.keys import key

#: What a file is for; `batch_output` is made by Quern itself.
Purpose = Literal["assistants", "user_data", "batch", "batch_output", "vision"]
_PAGE: Final = 500
#: Files that are looked for in one trip where nobody waits for them.
_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
    """
    What is kept of a file.

    Attributes:
        key_id: The key that it came with; empty where none was asked for.

        created_us: Microseconds since 1970.

        expires_us: When it is forgotten; None for never.
    """

    file_id: str
    tenant: str
    key_id: str
    filename: str
    size: int
    purpose: str
    sha256: str
    created_us: int
    expires_us: int | None = None


class Files:
    """Keep, find, list and forget records of files."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def add(self, record: FileRecord) -> None:
        """Keep the record of a file whose blob is there."""
        name = key("file", record.file_id)
        pipe = self._redis.pipeline()  # both or none
        pipe.hset(name, mapping=fields_of(record))
        if record.expires_us is not None:
            pipe.pexpireat(name, record.expires_us // 1_000)
        pipe.zadd(key("files", record.tenant), {record.file_id: record.created_us})
        pipe.execute()

    def find(self, file_id: str) -> FileRecord | None:
        """Return the record of a file, None where there is none."""
        return _record(file_id, self._redis.hgetall(key("file", file_id)))

    def several(self, file_ids: Sequence[str]) -> list[FileRecord | None]:
        """Return the record of each file, None where there is none, in one trip."""
        pipe = self._redis.pipeline(transaction=False)
        for file_id in file_ids:
            pipe.hgetall(key("file", file_id))
        rows = pipe.execute() if file_ids else []
        return [_record(file_id, row) for file_id, row in zip(file_ids, rows, strict=True)]

    def page(self, tenant: str, *, after: str | None, newest_first: bool) -> Iterator[FileRecord]:
        """Yield the files of a tenant behind the one called *after*, by when they came."""
        name = key("files", tenant)
        start = 0
        if after is not None:
            rank = self._redis.zrevrank if newest_first else self._redis.zrank
            found = rank(name, after)
            start = 0 if found is None else int(found) + 1
        while True:
            last = start + _PAGE - 1
            ids = (
                self._redis.zrevrange(name, start, last)
                if newest_first
                else self._redis.zrange(name, start, last)
            )
            pipe = self._redis.pipeline(transaction=False)
            for file_id in ids:
                pipe.hgetall(key("file", file_id))
            for file_id, row in zip(ids, pipe.execute() if ids else (), strict=True):
                record = _record(file_id, row)
                if record is None:  # it has expired
                    self._redis.zrem(name, file_id)
                    start -= 1
                else:
                    yield record
            if len(ids) < _PAGE:
                return
            start += _PAGE

    def forget(self, record: FileRecord) -> None:
        """Forget a file; its blob is swept once nothing names it."""
        pipe = self._redis.pipeline()
        pipe.delete(key("file", record.file_id))
        pipe.zrem(key("files", record.tenant), record.file_id)
        pipe.execute()

    def forget_expired(self) -> None:
        """Take files that have expired out of the lists of their tenants."""
        for name in self._redis.scan_iter(match=key("files", "*"), count=_PAGE):
            listed = self._redis.zscan_iter(name, count=_AT_ONCE)
            while some := [file_id for file_id, _ in islice(listed, _AT_ONCE)]:
                pipe = self._redis.pipeline(transaction=False)
                for file_id in some:
                    pipe.exists(key("file", file_id))
                there = zip(some, pipe.execute(), strict=True)
                if gone := [file_id for file_id, is_there in there if not is_there]:
                    self._redis.zrem(name, *gone)

    def blobs(self) -> Iterator[list[str | None]]:
        """Yield what files name in the blob store, a page at a time."""
        found = self._redis.scan_iter(match=key("file", "*"), count=_PAGE)
        while page := list(islice(found, _PAGE)):
            pipe = self._redis.pipeline(transaction=False)
            for name in page:
                pipe.hget(name, "sha256")
            yield pipe.execute()


def fields_of(record: FileRecord) -> dict[str, str]:
    """Return the fields of a record, as Redis keeps it."""
    row = {
        "tenant": record.tenant,
        "key": record.key_id,
        "filename": record.filename,
        "size": str(record.size),
        "purpose": record.purpose,
        "sha256": record.sha256,
        "created": str(record.created_us),
    }
    if record.expires_us is not None:
        row["expires"] = str(record.expires_us)
    return row


def _record(file_id: str, row: dict[str, str]) -> FileRecord | None:
    """Read a record; None where there is none."""
    if not row:
        return None
    return FileRecord(
        file_id=file_id,
        tenant=row["tenant"],
        key_id=row["key"],
        filename=row["filename"],
        size=int(row["size"]),
        purpose=row["purpose"],
        sha256=row["sha256"],
        created_us=int(row["created"]),
        expires_us=int(row["expires"]) if "expires" in row else None,
    )
