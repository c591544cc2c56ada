"""Which stacks `quern up` runs on this machine for this user, whatever folder one stands in."""

import os
from collections.abc import Iterator
from pathlib import Path

import psutil

from stack.run_folder import LOCK, RUN, RunRecord, find_running


def running_stacks() -> dict[Path, RunRecord]:
    """Return the records of this user's running stacks by their data folders, newest first."""
    found = {}
    for data_dir in _held_folders():
        if record := find_running(data_dir):
            found[data_dir] = record
    return dict(sorted(found.items(), key=lambda entry: -entry[1].created_at))


def _held_folders() -> Iterator[Path]:
    """Yield the data folders whose lock a process of this user has open, as a supervisor has."""
    for process in psutil.process_iter():
        try:
            if process.uids().real != os.getuid():
                continue
            for file in process.open_files():
                path = Path(file.path)
                if path.name == LOCK and path.parent.name == RUN:
                    yield path.parent.parent
        except (psutil.Error, OSError):
            continue  # it has ended meanwhile, or is none of ours
