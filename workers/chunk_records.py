"""A chunk as a record in a file: a checksum and JSON, so that a damaged one is no chunk."""

import zlib
from dataclasses import asdict

import orjson

from rag.documents import Chunk
from rag.ports import StoredChunk


def record_of(stored: StoredChunk) -> bytes:
    """Write a chunk as a record."""
    known = asdict(stored) | {"metadata": dict(stored.metadata)}
    data = orjson.dumps(known)
    return zlib.crc32(data).to_bytes(4, "big") + data


def read_record(record: bytes) -> StoredChunk | None:
    """Read a record; None where it is not as it was written."""
    data = record[4:]
    if not data or zlib.crc32(data).to_bytes(4, "big") != record[:4]:
        return None
    known = orjson.loads(data)
    return StoredChunk(**known | {"chunk": Chunk(**known["chunk"])})
