"""Blobs that are written and read piece by piece: there whole or not at all."""

import errno
import hashlib
import io
import os
from pathlib import Path

import pytest

from corpus.blobs import BlobStore
from corpus.growing_blobs import Growing
from rag.errors import StoreUnavailable

DATA = b"abc" * 100_000


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


def grown(blobs: BlobStore, data: bytes = DATA) -> str:
    with blobs.growing() as growing:
        for at in range(0, len(data), 70_000):
            growing.write(data[at : at + 70_000])
        assert growing.size == len(data)
        return growing.keep()


def left_over(blobs: BlobStore) -> list[str]:
    return [path.name for path in blobs._folder.glob("*/*") if path.name.startswith(".new-")]


@pytest.mark.parametrize("data", [DATA, b""])
def test_what_was_written_in_pieces_is_called_as_if_it_was_put(
    blobs: BlobStore, data: bytes
) -> None:
    name = grown(blobs, data)

    assert name == hashlib.sha256(data).hexdigest()
    assert blobs.get(name) == data
    assert blobs.has(name)
    assert left_over(blobs) == []
    assert grown(blobs, data) == blobs.put(data) == name


def test_what_is_not_kept_is_gone(blobs: BlobStore) -> None:
    with blobs.growing() as growing:
        growing.write(DATA)
        assert len(left_over(blobs)) == 1

    assert left_over(blobs) == []
    assert blobs.is_empty()


def test_a_full_disk_is_told_and_nothing_is_left_on_it(blobs: BlobStore) -> None:
    class Full(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self) -> None:
            super().close()
            raise OSError(errno.ENOSPC, "No space left on device")

    def fill(growing: Growing) -> None:
        with growing:
            growing.write(DATA)

    growing = blobs.growing()
    growing._file.close()
    growing._file = Full()  # type: ignore[assignment]
    with pytest.raises(StoreUnavailable, match="No space left"):
        fill(growing)
    assert left_over(blobs) == []


def test_a_blob_is_its_owners_alone(blobs: BlobStore) -> None:
    name = grown(blobs)

    assert (blobs._folder / name[:2] / name).stat().st_mode & 0o777 == 0o600


def test_a_blob_that_is_kept_again_is_young_again(blobs: BlobStore) -> None:
    name = grown(blobs)
    os.utime(blobs._folder / name[:2] / name, (1, 1))
    assert list(blobs.older_than(60)) == [name]
    grown(blobs)

    assert list(blobs.older_than(60)) == []


def test_a_blob_is_opened_from_its_beginning(blobs: BlobStore) -> None:
    opened = blobs.open(blobs.put(DATA))
    assert opened is not None
    with opened:
        assert opened.read() == DATA
    assert blobs.open("0" * 64) is None


def test_a_blob_that_is_not_whole_is_none_and_is_removed(blobs: BlobStore) -> None:
    name = blobs.put(DATA)
    (blobs._folder / name[:2] / name).write_bytes(DATA[:-1])

    assert blobs.open(name) is None
    assert not blobs.has(name)


def test_a_disk_that_is_away_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_text("a file")
    blobs = BlobStore(tmp_path / "blobs")

    with pytest.raises(StoreUnavailable):
        blobs.growing()
    with pytest.raises(StoreUnavailable):
        blobs.open("0" * 64)
