"""
A segment: one file of ended rows, each compressed on its own, never changed once it is there.

    magic, rows, blobs, CRC-32 of the next two        20 bytes
    offset, length, CRC-32 of each row                12 bytes each
    SHA-256 of each blob that a row names             32 bytes each
    the rows: JSON, compressed (RFC 1950) with a preset dictionary

All numbers are little-endian and unsigned.
"""

import re
import struct
import zlib
from collections.abc import Iterable, Mapping
from typing import BinaryIO, Final

import orjson

from jobs.archive.dictionary import DICTIONARY
from rag.errors import QuernError

#: Fields of rows that name blobs.
BLOB_FIELDS: Final = (
    "sha256", "text_blob", "manifest_blob", "sources_blob", "result_blob", "trace_blob",
    "texts_blob",
)  # fmt: skip

_MAGIC: Final = b"QuernSg1"
_HEAD: Final = struct.Struct("<8sIII")
_COUNTS: Final = struct.Struct("<II")
_ENTRY: Final = struct.Struct("<III")
_DIGEST_BYTES: Final = 32
#: More rows or blobs than any segment has: a damaged head must not make a reader take memory.
_MOST: Final = 100_000
_BLOB: Final = re.compile(r"[0-9a-f]{64}")


class Torn(QuernError):
    """Raised when a segment is not what was written."""


def encode(rows: Iterable[Mapping[str, str]]) -> tuple[bytes, int]:
    """Return a segment of *rows*, and how many they are; the slot of each is its number."""
    packed: list[bytes] = []
    blobs: dict[str, None] = {}
    for row in rows:
        packed.append(_pack(row))
        blobs |= dict.fromkeys(
            value for name in BLOB_FIELDS if _BLOB.fullmatch(value := row.get(name, ""))
        )
    at = _HEAD.size + len(packed) * _ENTRY.size + len(blobs) * _DIGEST_BYTES
    table = bytearray()
    for data in packed:
        table += _ENTRY.pack(at, len(data), zlib.crc32(data))
        at += len(data)
    table += b"".join(bytes.fromhex(name) for name in blobs)
    counts = len(packed), len(blobs)
    head = _HEAD.pack(_MAGIC, *counts, _check(counts, table))
    return b"".join((head, table, *packed)), len(packed)


class Segment:
    """
    Read a segment's table, then single rows.

    Raises:
        Torn: The table is not what was written.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            raise Torn("the segment has no head")
        magic, rows, blobs, check = _HEAD.unpack(head)
        if magic != _MAGIC or rows > _MOST or blobs > _MOST:
            raise Torn("this is no segment")
        self._rows, self._blobs = rows, blobs
        self._table = file.read(rows * _ENTRY.size + blobs * _DIGEST_BYTES)
        if _check((rows, blobs), self._table) != check:
            raise Torn("the segment's table is damaged")

    @property
    def rows(self) -> int:
        """How many rows the segment has."""
        return self._rows

    def row(self, slot: int) -> dict[str, str]:
        """
        Return the row in *slot*.

        Raises:
            Torn: There is no such slot, or the row is not what was written.
        """
        if slot >= self._rows:
            raise Torn(f"the segment has no slot {slot}")
        at, length, check = _ENTRY.unpack_from(self._table, slot * _ENTRY.size)
        self._file.seek(at)
        data = self._file.read(length)
        if len(data) < length or zlib.crc32(data) != check:
            raise Torn(f"the row in slot {slot} is damaged")
        return _unpack(data)

    def blobs(self) -> Iterable[str]:
        """Yield the names of the blobs that the rows name."""
        for at in range(self._rows * _ENTRY.size, len(self._table), _DIGEST_BYTES):
            yield self._table[at : at + _DIGEST_BYTES].hex()


def _pack(row: Mapping[str, str]) -> bytes:
    """Compress a row."""
    packer = zlib.compressobj(zdict=DICTIONARY)
    return packer.compress(orjson.dumps(row)) + packer.flush()


def _unpack(data: bytes) -> dict[str, str]:
    """Read a row back; its checksum was right."""
    row: dict[str, str] = orjson.loads(zlib.decompressobj(zdict=DICTIONARY).decompress(data))
    return row


def _check(counts: tuple[int, int], table: bytes | bytearray) -> int:
    """Return the checksum of all that stands before the rows."""
    return zlib.crc32(table, zlib.crc32(_COUNTS.pack(*counts)))
