"""Segments: every row comes back, and what is damaged is not taken for a row."""

import io
import json
from pathlib import Path

import pytest

from jobs.archive.segment import Segment, Torn, encode

ROWS = [
    {"kind": "query", "state": "succeeded", "result": '{"answer":"Ja, „so\u201c.\\u0000"}'},
    {"kind": "document", "state": "failed", "sha256": "a" * 64, "text_blob": "", "trace_blob": "m"},
    {"kind": "document", "state": "succeeded", "sha256": "b" * 64, "manifest_blob": "a" * 64},
]


def segment(data: bytes) -> Segment:
    return Segment(io.BytesIO(data))


def test_every_row_comes_back_as_it_was() -> None:
    data, count = encode(iter(ROWS))

    assert count == 3
    assert [segment(data).row(slot) for slot in (2, 0, 1)] == [ROWS[2], ROWS[0], ROWS[1]]


def test_blobs_are_what_rows_name_by_their_hash() -> None:
    data, _ = encode(ROWS)

    assert sorted(segment(data).blobs()) == ["a" * 64, "b" * 64]


def test_a_byte_that_changed_is_noticed_wherever_it_is() -> None:
    data, _ = encode(ROWS)
    for at in range(len(data)):
        damaged = bytearray(data)
        damaged[at] ^= 0x10
        try:
            read = [_row(segment(bytes(damaged)), slot) for slot in range(3)]
        except Torn:
            continue
        assert read.count(None) == 1, at
        assert all(row in (None, right) for row, right in zip(read, ROWS, strict=True))


def _row(read: Segment, slot: int) -> dict[str, str] | None:
    try:
        return read.row(slot)
    except Torn:
        return None


def test_of_a_segment_that_was_cut_off_the_rows_before_the_cut_are_read() -> None:
    data, _ = encode(ROWS)

    assert _row(segment(data[:-1]), 0) == ROWS[0]
    assert _row(segment(data[:-1]), 2) is None
    with pytest.raises(Torn):
        segment(data[:30])


def test_a_slot_that_is_not_there_is_none() -> None:
    data, _ = encode(ROWS)

    with pytest.raises(Torn):
        segment(data).row(3)


def test_a_segment_that_was_written_before_is_read() -> None:
    """The format and its dictionary never change: what lies on people's disks is in it."""
    kept = json.loads(Path(__file__).with_name("segment.json").read_text("utf-8"))
    read = segment(bytes.fromhex("".join(kept["bytes"])))

    assert [read.row(slot) for slot in range(len(kept["rows"]))] == kept["rows"]
    assert list(read.blobs()) == kept["blobs"]
