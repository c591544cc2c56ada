"""The archive's folder: whole segments, found again by their pointers, gone when they expire."""

import errno
import os
from pathlib import Path

import pytest

from jobs.archive.archive import Archive
from rag.errors import StoreUnavailable

HOUR_S = 3_600
NOON_S = 1_760_000_400.0


def rows(*names: str) -> list[dict[str, str]]:
    return [{"kind": "query", "state": "succeeded", "question": name} for name in names]


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive")


def test_rows_of_several_segments_are_read_together(archive: Archive) -> None:
    first = archive.write(rows("a", "b"), until_s=NOON_S)
    second = archive.write(rows("c"), until_s=NOON_S)

    assert archive.read([second[0], first[1], first[0]]) == rows("c", "b", "a")
    assert max(map(len, first)) <= 12


def test_what_is_not_there_is_none_and_the_rest_is_read(archive: Archive, tmp_path: Path) -> None:
    (kept,) = archive.write(rows("a"), until_s=NOON_S)
    (lost,) = archive.write(rows("b"), until_s=NOON_S)
    (torn,) = archive.write(rows("c"), until_s=NOON_S)
    path = tmp_path / "archive" / lost[:4]
    (path / lost[4:10]).unlink()
    (path / torn[4:10]).write_bytes(b"half a segm")

    assert archive.read([lost, kept, torn, "../../etc/passwd.0", ""]) == [
        None, *rows("a"), None, None, None,
    ]  # fmt: skip


def test_a_full_disk_is_told_and_leaves_nothing_behind(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreUnavailable, match="No space left"):
        archive.write(rows("a"), until_s=NOON_S)

    assert files(tmp_path) == []


def test_segments_go_when_the_last_of_their_rows_has_expired(
    archive: Archive, tmp_path: Path
) -> None:
    early = archive.write(rows("a"), until_s=NOON_S)
    late = archive.write(rows("b"), until_s=NOON_S + 5 * HOUR_S)
    (tmp_path / "archive" / early[0][:4] / ".new-abc").write_bytes(b"a writer died")

    assert archive.delete_expired(NOON_S) == 0
    assert archive.read(early + late) == rows("a", "b")
    assert archive.delete_expired(NOON_S + 2 * HOUR_S) == 2
    assert archive.read(early + late) == [None, *rows("b")]
    assert len(files(tmp_path)) == 1
    assert archive.delete_expired(NOON_S + 7 * HOUR_S) == 1
    assert list((tmp_path / "archive").iterdir()) == []


def test_blobs_are_those_of_all_segments(archive: Archive, tmp_path: Path) -> None:
    for digit in "ab":
        archive.write([{"sha256": digit * 64}], until_s=NOON_S)
    (torn,) = archive.write([{"sha256": "c" * 64}], until_s=NOON_S)
    (tmp_path / "archive" / torn[:4] / torn[4:10]).write_bytes(b"torn")

    assert sorted(archive.blobs()) == ["a" * 64, "b" * 64]


def test_an_archive_that_is_not_there_yet_is_empty(archive: Archive) -> None:
    assert list(archive.blobs()) == []
    assert archive.delete_expired(NOON_S) == 0
