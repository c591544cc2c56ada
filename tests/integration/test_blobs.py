"""The blob store on a real disk: whole or not at all, under the hash of the content."""

import hashlib
import os
import stat
import threading
import time
from pathlib import Path

import pytest

from jobs.blobs import BlobStore
from rag.errors import StoreUnavailable


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


def files(blobs: BlobStore) -> list[Path]:
    return [path for path in blobs._folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("durable", [True, False])
def test_bytes_come_back_under_the_hash_of_their_content(blobs: BlobStore, durable: bool) -> None:
    name = blobs.put(b"text", durable=durable)

    assert name == hashlib.sha256(b"text").hexdigest()
    assert blobs.get(name) == b"text"
    assert blobs.get("0" * 64) is None


def test_json_comes_back_as_it_was(blobs: BlobStore) -> None:
    value = {"ü": [1, 2.5, None, "x"]}

    assert blobs.get_json(blobs.put_json(value)) == value
    assert blobs.get_json("0" * 64) is None


def test_equal_bytes_are_kept_once_and_their_age_begins_anew(blobs: BlobStore) -> None:
    name = blobs.put(b"text")
    (path,) = files(blobs)
    os.utime(path, (1, 1))
    assert list(blobs.older_than(60)) == [name]
    blobs.put(b"text")

    assert files(blobs) == [path]
    assert list(blobs.older_than(60)) == []


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "a" * 63, "A" * 64, "a" * 64 + "\n"])
def test_a_name_that_is_no_hash_is_refused(blobs: BlobStore, name: str) -> None:
    with pytest.raises(ValueError, match="64 hexadecimal"):
        blobs.get(name)


def test_a_blob_may_be_deleted_twice(blobs: BlobStore) -> None:
    name = blobs.put(b"text")

    assert blobs.delete(name, older_than_s=-1)
    assert blobs.delete(name, older_than_s=-1)
    assert blobs.get(name) is None
    assert files(blobs) == []


def test_a_blob_that_was_written_again_since_it_was_found_old_is_kept(blobs: BlobStore) -> None:
    name = blobs.put(b"text")
    os.utime(blobs._path(name), (1, 1))
    (old,) = blobs.older_than(60)
    blobs.put(b"text")

    assert not blobs.delete(old, older_than_s=60)
    assert blobs.get(name) == b"text"


def test_what_a_writer_that_died_left_is_swept_and_never_taken_for_a_blob(
    blobs: BlobStore,
) -> None:
    name = blobs.put(b"text")
    half = blobs._path(name).parent / ".new-abc"
    half.write_bytes(b"te")
    assert list(blobs.older_than(60)) == []
    assert half.exists()
    os.utime(half, (1, 1))

    assert list(blobs.older_than(60)) == []
    assert not half.exists()


def test_many_writers_of_the_same_bytes_leave_one_whole_blob(blobs: BlobStore) -> None:
    data = os.urandom(1 << 20)
    names: list[str] = []
    writers = [
        threading.Thread(target=lambda: names.append(blobs.put(data, durable=False)))
        for _ in range(8)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert len(names) == 8
    assert blobs.get(names[0]) == data
    assert len(files(blobs)) == 1


def test_a_write_that_fails_says_so_in_plain_words_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_text("a file where the folder should be")

    with pytest.raises(StoreUnavailable, match="cannot be written"):
        BlobStore(tmp_path / "blobs").put(b"text")


def test_the_age_of_a_fresh_blob_is_that_of_its_writing(blobs: BlobStore) -> None:
    name = blobs.put(b"text")
    path = blobs._path(name)

    assert abs(path.stat().st_mtime - time.time()) < 5
    assert stat.S_ISREG(path.stat().st_mode)
