"""A folder is synced by itself: its files' own syncs say nothing of their names."""

import os
from pathlib import Path

import pytest

from runtime.durable_folders import sync_folder


def test_the_folder_itself_is_synced_and_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []

    def fsync(handle: int) -> None:
        synced.append(handle)
        assert os.fstat(handle).st_ino == tmp_path.stat().st_ino

    monkeypatch.setattr(os, "fsync", fsync)
    sync_folder(tmp_path)

    (handle,) = synced
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(handle)
