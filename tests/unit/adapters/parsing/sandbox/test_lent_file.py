"""A lent file has the bytes that were given, wherever they lie."""

import os
from pathlib import Path

from adapters.parsing.sandbox import lent_file
from adapters.parsing.sandbox.lent_file import lent


def test_bytes_come_back_whole_whether_lent_in_memory_or_on_disk() -> None:
    for size in (1, lent_file._SMALL, lent_file._SMALL + 1):
        data = b"a" * (size // 2) + b"b" * (size - size // 2)
        with lent(data) as source:
            found = os.pread(source, size + 1, 0)

        assert found == data


def test_a_file_is_lent_where_it_lies(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    with lent(path) as source:
        assert os.pread(source, 9, 0) == b"abc"
