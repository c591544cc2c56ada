"""One stack per data folder, and a record that says where it is."""

import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from stack.run_folder import AlreadyRunning, ProcessRecord, RunFolder, RunRecord, find_running


def record(**changes: object) -> RunRecord:
    fields = {
        "pid": os.getpid(),
        "created_at": psutil.Process().create_time(),
        "ready": True,
        "url": "http://127.0.0.1:8000",
        "redis_url": "r",
        "cache_url": "c",
        "chroma_url": "h",
        "flower_url": "f",
        "data_dir": "d",
    }
    return RunRecord(**(fields | changes))  # type: ignore[arg-type]  the dict mixes types


def test_a_second_holder_is_refused_and_told_where_the_first_one_is(tmp_path: Path) -> None:
    first, second = RunFolder(tmp_path), RunFolder(tmp_path)
    with first.locked():
        first.write(record())

        with pytest.raises(AlreadyRunning) as refusal, second.locked():
            pass

    assert str(refusal.value) == (
        f"Quern is already running on {tmp_path}: http://127.0.0.1:8000 (process {os.getpid()})"
    )


def test_the_record_is_found_while_its_writer_lives_and_gone_afterwards(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    written = record(
        processes={"web": ProcessRecord(pid=1, created_at=2.5, ready=True, log="web.log")}
    )
    with folder.locked():
        folder.write(written)
        found = find_running(tmp_path)

    assert found == written
    assert find_running(tmp_path) is None


def test_a_record_left_by_a_crash_is_nobody_and_no_obstacle(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with folder.locked():
        pass
    # A pid that has come round: the process lives, but it is not the one that was recorded.
    stranger = ProcessRecord(pid=os.getpid(), created_at=time.time() - 1e6, ready=True, log="")
    folder.write(record(created_at=1.0, processes={"web": stranger}))

    assert find_running(tmp_path) is None
    with folder.locked():
        pass


def test_what_a_killed_supervisor_left_running_is_gone_before_the_folder_is_handed_out(
    tmp_path: Path,
) -> None:
    folder = RunFolder(tmp_path)
    with subprocess.Popen(["sleep", "60"], process_group=0) as sleeper:
        created_at = psutil.Process(sleeper.pid).create_time()
        left = ProcessRecord(pid=sleeper.pid, created_at=created_at, ready=True, log="")
        with folder.locked():
            pass
        folder.write(record(processes={"store": left}))

        with folder.locked():
            code = sleeper.poll()

        sleeper.kill()
    assert code == -signal.SIGTERM


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', '{"processes": {"a": {}}}'])
def test_a_record_that_cannot_be_read_counts_as_none(tmp_path: Path, text: str) -> None:
    folder = RunFolder(tmp_path)
    with folder.locked():
        (folder.path / "stack.json").write_text(text)

        assert folder.read() is None


def test_the_supervisor_waits_for_no_disk_while_it_writes_its_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, synced = RunFolder(tmp_path), list[int]()
    monkeypatch.setattr(os, "fsync", synced.append)
    with folder.locked():
        folder.write(record())

    assert synced == []
