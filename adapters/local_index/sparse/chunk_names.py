"""Chunk ids in columns of numbers, which tantivy hands out for many hits at once."""

import struct
from collections.abc import Sequence
from itertools import chain
from typing import Any, cast

import tantivy

from rag.search.fusion import best_first

#: Columns of eight bytes each that hold a chunk's id, after a byte that tells its length. As stored
#: text the ids would be unpacked hit by hit, and each hit would let go of the interpreter's lock.
_NAME = ("name0", "name1", "name2", "name3", "name4", "name5")
_NAME_BYTES = 8 * len(_NAME) - 1  # of a longer id the length is 0, and it is stored as text


def declare_names(builder: tantivy.SchemaBuilder) -> None:
    """Add the fields of a chunk's id."""
    for column in _NAME:
        builder.add_unsigned_field(column, fast=True)
    builder.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic")


def add_name(document: tantivy.Document, name: str) -> None:
    """Write a chunk's id into its columns."""
    data = name.encode()
    if len(data) > _NAME_BYTES:
        document.add_text("id", name)
        data = b""
    packed = (bytes([len(data)]) + data).ljust(_NAME_BYTES + 1, b"\0")
    for column, number in zip(_NAME, struct.unpack(f">{len(_NAME)}Q", packed), strict=True):
        document.add_unsigned(column, number)


def names_of(searcher: tantivy.Searcher, addresses: list[Any]) -> list[str]:
    """Return the ids of chunks."""
    columns = [_column(searcher, _NAME[0], addresses)]
    longest = max(columns[0], default=0) >> 56
    columns += [_column(searcher, name, addresses) for name in _NAME[1 : longest // 8 + 1]]
    width = 8 * len(columns)
    numbers = chain.from_iterable(zip(*columns, strict=True))
    data = struct.pack(f">{len(columns) * len(addresses)}Q", *numbers)
    return [
        data[at + 1 : at + 1 + data[at]].decode()
        if data[at]
        else str(searcher.doc(addresses[at // width]).get_first("id"))
        for at in range(0, len(data), width)
    ]


def ranked(searcher: tantivy.Searcher, hits: Sequence[tuple[Any, Any]]) -> list[tuple[str, float]]:
    """Return (chunk id, score) of hits, best first, equal scores by id."""
    names = names_of(searcher, [address for _, address in hits])
    return best_first(zip(names, [float(score) for score, _ in hits], strict=True))


def _column(searcher: tantivy.Searcher, name: str, addresses: list[Any]) -> list[int]:
    """Return a column's numbers for chunks, all of which have one."""
    return cast("list[int]", searcher.fast_field_values(name, addresses))
