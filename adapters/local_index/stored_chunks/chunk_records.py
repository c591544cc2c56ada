"""A chunk as a record in a file: a checksum, JSON and bytes, so that a damaged one is no chunk."""

import zlib
from dataclasses import fields
from typing import Final

import orjson

from rag.documents import RARE, Chunk, rare
from rag.ports import StoredChunk

_FIELDS: Final = tuple(field.name for field in fields(StoredChunk) if field.name != "sentences")
_OF_CHUNK: Final = tuple(field.name for field in fields(Chunk) if field.name not in RARE)
#: Fields of a chunk that are tuples of tuples, which JSON has not.
_SPANS: Final = ("headers", "headings")
#: Parts the JSON from the vectors of sentences: a byte that UTF-8 has no use for (RFC 3629).
_MARK: Final = b"\xff"


def record_of(stored: StoredChunk) -> bytes:
    """Write a chunk as a record."""
    # Not `asdict`, which copies all of it down to the numbers.
    known = {name: getattr(stored, name) for name in _FIELDS}
    chunk = {name: getattr(stored.chunk, name) for name in _OF_CHUNK}
    # What most chunks lack takes no room in theirs.
    chunk |= rare(stored.chunk)
    data = orjson.dumps(known | {"chunk": chunk, "metadata": dict(stored.metadata)})
    if stored.sentences:
        data += _MARK + stored.sentences
    return zlib.crc32(data).to_bytes(4, "big") + data


def is_whole(record: bytes) -> bool:
    """Return True if a record is as it was written; an empty one stands for a chunk not there."""
    return not record or zlib.crc32(record[4:]).to_bytes(4, "big") == record[:4]


def read_record(record: bytes) -> StoredChunk | None:
    """Read a record; None where it is not as it was written."""
    if not record or not is_whole(record):
        return None
    data, _, sentences = record[4:].partition(_MARK)
    known = orjson.loads(data)
    chunk = known["chunk"]
    for name in _SPANS:
        if name in chunk:
            chunk[name] = tuple(map(tuple, chunk[name]))
    return StoredChunk(**known | {"chunk": Chunk(**chunk), "sentences": sentences})
