"""The files of a form on their way: one descriptor and little memory, however many they are."""

from pathlib import Path

import pytest

from rag.errors import StoreUnavailable
from web.http.spool import IN_MEMORY, Spool


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_many_files_share_one_descriptor_and_leave_no_name(tmp_path: Path) -> None:
    spool, before = Spool(tmp_path / "new" / "folder"), descriptors()
    files = []
    for n in range(20):
        file = spool.open()
        file.write(b"%d" % n * IN_MEMORY)
        file.write(b"end")
        file.seek(0)
        files.append(file)

    assert descriptors() == before + 1
    assert [file.size for file in files] == [len(str(n)) * IN_MEMORY + 3 for n in range(20)]
    assert [file.read() for file in files] == [b"%d" % n * IN_MEMORY + b"end" for n in range(20)]
    assert list((tmp_path / "new" / "folder").iterdir()) == []
    spool.close()
    assert descriptors() == before


def test_a_few_bytes_stay_in_memory(tmp_path: Path) -> None:
    spool, before = Spool(tmp_path), descriptors()
    file, empty = spool.open(), spool.open()
    file.write(b"small")

    assert (file.read(), empty.read(), descriptors()) == (b"small", b"", before)
    spool.close()


def test_a_disk_that_takes_nothing_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreUnavailable, match="upload cannot be stored"):
        Spool(tmp_path / "file").open().write(b"x")
