"""The folder in which the processes of a server count together."""

import os
import subprocess
import sys
from pathlib import Path

from web.server.shared_metrics import folder_for


def test_a_server_counts_from_nothing_though_a_killed_one_had_its_id(tmp_path: Path) -> None:
    left = tmp_path / f"quern-web-metrics-{os.getpid()}"
    left.mkdir()
    (left / "counter_7.db").touch()

    folder = folder_for(os.getpid(), parent=str(tmp_path))

    assert folder == left
    assert list(folder.iterdir()) == []


def test_a_process_that_follows_another_counts_with_the_rest(tmp_path: Path) -> None:
    folder = folder_for(os.getpid(), parent=str(tmp_path))
    (folder / "counter_7.db").touch()

    assert folder_for(os.getpid(), parent=str(tmp_path)) == folder
    assert len(list(folder.iterdir())) == 1


def test_folders_of_servers_that_are_gone_go_and_of_living_ones_stay(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait(timeout=30)
    for server in (ended.pid, os.getppid()):
        (tmp_path / f"quern-web-metrics-{server}").mkdir()

    folder = folder_for(os.getpid(), parent=str(tmp_path))

    living = tmp_path / f"quern-web-metrics-{os.getppid()}"
    assert sorted(tmp_path.iterdir()) == sorted([folder, living])
