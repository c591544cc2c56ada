"""The blob store on a real disk: whole or not at all, under the hash of the content."""

import errno
import hashlib
import os
import stat
import threading
import time
from pathlib import Path

import pytest

from corpus.blobs import MOST_OPEN, BlobStore
from rag.errors import StoreUnavailable


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


def _lies(tmp_path: Path, name: str) -> Path:
    """Return where a blob of that store lies."""
    return tmp_path / "blobs" / name[:2] / name


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


def test_a_blob_that_was_written_again_since_it_was_found_old_is_kept(
    blobs: BlobStore, tmp_path: Path
) -> None:
    name = blobs.put(b"text")
    os.utime(_lies(tmp_path, name), (1, 1))
    (old,) = blobs.older_than(60)
    blobs.put(b"text")

    assert not blobs.delete(old, older_than_s=60)
    assert blobs.get(name) == b"text"


def test_what_a_writer_that_died_left_is_swept_and_never_taken_for_a_blob(
    blobs: BlobStore, tmp_path: Path
) -> None:
    name = blobs.put(b"text")
    half = _lies(tmp_path, name).parent / ".new-abc"
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


def test_the_age_of_a_fresh_blob_is_that_of_its_writing(blobs: BlobStore, tmp_path: Path) -> None:
    name = blobs.put(b"text")
    path = _lies(tmp_path, name)

    assert abs(path.stat().st_mtime - time.time()) < 5
    assert stat.S_ISREG(path.stat().st_mode)


def test_blobs_kept_together_are_there_at_the_end_of_the_block(blobs: BlobStore) -> None:
    texts = [f"text {n}".encode() for n in range(2 * MOST_OPEN + 1)]
    with blobs.together() as several:
        names = [several.put(text) for text in [*texts, texts[-1]]]
        unsettled = blobs.get(names[-1])

    assert unsettled is None
    assert [blobs.get(name) for name in names] == [*texts, texts[-1]]
    assert len(files(blobs)) == len(texts)


def test_each_is_synced_before_it_gets_its_place_and_its_folder_after(
    blobs: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[tuple[str, int]] = []
    fsync, link = os.fsync, os.link

    def watched_fsync(descriptor: int) -> None:
        fsync(descriptor)
        done.append(("sync", os.fstat(descriptor).st_ino))

    def watched_link(old: str, new: str) -> None:
        link(old, new)
        done.append((new, 0))

    monkeypatch.setattr("os.fsync", watched_fsync)
    monkeypatch.setattr("os.link", watched_link)
    with blobs.together() as several:
        names = [several.put(text) for text in (b"one", b"two")]
    places = [(n, Path(what)) for n, (what, _) in enumerate(done) if what != "sync"]

    assert sorted(path.name for _, path in places) == sorted(names)
    for n, path in places:
        assert done.index(("sync", path.stat().st_ino)) < n
        assert done.index(("sync", path.parent.stat().st_ino)) > n


def test_a_block_that_fails_keeps_none_that_is_not_there_yet(blobs: BlobStore) -> None:
    with pytest.raises(ZeroDivisionError), blobs.together() as several:  # noqa: PT012 - one block
        several.put(b"text")
        _ = 1 / 0

    assert files(blobs) == []


def test_what_a_full_disk_cut_short_is_never_a_blob(
    blobs: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    with blobs.together() as several:
        monkeypatch.setattr("os.write", lambda file, data: write(file, data[:3]))
        whole = several.put(b"in several pieces")
        monkeypatch.setattr("os.write", full)
        with pytest.raises(StoreUnavailable, match="No space left"):
            several.put(b"cut short")

    assert blobs.get(whole) == b"in several pieces"
    assert len(files(blobs)) == 1


def full(*_: object) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_what_was_written_for_nothing_is_taken_back(blobs: BlobStore) -> None:
    before = blobs.put(b"before")
    with blobs.together() as several:
        names = [several.put(data) for data in (b"before", b"new", b"put again")]
    blobs.put(b"put again")  # somebody else's, from here on
    blobs.take_back(several.written)
    blobs.take_back(several.written)

    assert before == names[0]
    assert [blobs.get(name) for name in names] == [b"before", None, b"put again"]
    assert len(files(blobs)) == 2


def test_what_was_put_again_after_many_others_is_taken_back_too(blobs: BlobStore) -> None:
    texts = [f"text {n}".encode() for n in range(MOST_OPEN + 1)]
    with blobs.together() as several:
        for text in [*texts, texts[0]]:
            several.put(text)
    blobs.take_back(several.written)

    assert files(blobs) == []


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
@pytest.mark.parametrize("refused", ["the first", "the last"])
def test_what_two_put_at_once_stays_where_one_of_them_takes_his_back(
    blobs: BlobStore, monkeypatch: pytest.MonkeyPatch, links: bool, refused: str
) -> None:
    def none(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    if not links:
        monkeypatch.setattr("os.link", none)
    with blobs.together() as last:
        name = last.put(b"text")
        with blobs.together() as first:
            first.put(b"text")
    blobs.take_back((first if refused == "the first" else last).written)

    assert blobs.get(name) == b"text"
    assert len(files(blobs)) == 1


def test_the_free_space_of_a_folder_that_comes_with_the_first_blob_is_known(tmp_path: Path) -> None:
    assert BlobStore(tmp_path / "not" / "yet").free_bytes() > 0


@pytest.mark.parametrize(
    "left", [b"", b"te", b"\0\0\0\0\0\0\0\0\0\0"], ids=["empty", "cut", "zeros"]
)
@pytest.mark.parametrize("read_first", [True, False])
def test_what_a_power_cut_left_of_a_blob_is_missing_until_the_same_bytes_come_again(
    blobs: BlobStore, tmp_path: Path, left: bytes, read_first: bool
) -> None:
    name = blobs.put_json(["a text"], durable=False)
    _lies(tmp_path, name).write_bytes(left)
    if read_first or len(left) == len(b'["a text"]'):
        assert blobs.get_json(name) is None
        assert not blobs.has(name)
    blobs.put_json(["a text"], durable=False)

    assert blobs.get_json(name) == ["a text"]
    assert len(files(blobs)) == 1


def test_a_blob_that_is_written_anew_while_a_reader_finds_it_torn_stays(
    blobs: BlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = blobs.put(b"text")
    place = _lies(tmp_path, name)
    place.write_bytes(b"")
    rename = os.rename

    def written_first(source: str, target: str) -> None:
        monkeypatch.setattr(os, "rename", rename)
        place.write_bytes(b"text")
        rename(source, target)

    monkeypatch.setattr(os, "rename", written_first)
    blobs.get(name)

    assert blobs.get(name) == b"text"
    assert files(blobs) == [place]


def test_a_blob_of_no_bytes_is_one(blobs: BlobStore) -> None:
    name = blobs.put(b"")

    assert blobs.get(name) == b""
    assert blobs.has(name)
