"""Compound files are not believed where they say how long their streams are."""

import io
import struct

import olefile
import pytest

from adapters.parsing.shared.compound_streams import stream
from tests.support.files.office_files import ole, xls
from tests.support.files.parsed_files import refused

_SIZE = 0x78  # of an entry of the directory ([MS-CFB], 2.6.1), where the length stands


def lengthened(data: bytes, name: str, size: int) -> bytes:
    """Return a compound file that says that its stream *name* has *size* bytes."""
    at = data.index(name.encode("utf-16-le")) + _SIZE
    return data[:at] + struct.pack("<I", size) + data[at + 4 :]


def test_a_stream_is_read_by_its_path() -> None:
    with olefile.OleFileIO(io.BytesIO(ole({"in": {"a": b"words"}}))) as file:
        assert stream(file, ["in", "a"]) == b"words"
        assert stream(file, ["in", "b"]) == b""


def test_a_stream_that_is_longer_than_its_file_is_not_read() -> None:
    data = lengthened(ole({"stream": b"words"}), "stream", 100_000)
    with olefile.OleFileIO(io.BytesIO(data)) as file, pytest.raises(ValueError, match="longer"):
        stream(file, ["stream"])


def test_a_workbook_that_is_longer_than_its_file_is_refused() -> None:
    data = lengthened(xls("Prices", [["Item", "Price"], ["Pump", 5.0]]), "Workbook", 100_000)

    assert refused(data, "x.xls").reason == "corrupt"
