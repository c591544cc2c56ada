"""Judging the machine that this process runs on: its memory, or that of its container."""

from pathlib import Path
from typing import Final

import psutil

from web.health.check import Check, Status

MEMORY_WARN, MEMORY_FAIL = 0.15, 0.05

_CGROUP: Final = Path("/sys/fs/cgroup")


def memory() -> Check:
    """Judge the memory of this machine, or of its container."""
    seen = psutil.virtual_memory()
    share = seen.available / seen.total
    try:
        limit = int((_CGROUP / "memory.max").read_text("ascii"))
        used = int((_CGROUP / "memory.current").read_text("ascii"))
        lines = (_CGROUP / "memory.stat").read_text("ascii").splitlines()
        # Cached file pages are given back on demand: they are not use.
        cached = sum(int(line.split()[1]) for line in lines if line.startswith("inactive_file "))
        share = min(share, 1 - (used - cached) / limit) if limit else share
    except (OSError, ValueError):
        pass  # no cgroup, or one without a limit ("max")
    status: Status = "fail" if share < MEMORY_FAIL else "warn" if share < MEMORY_WARN else "pass"
    return Check("system:memory", status, "system", value=round(share, 3), unit="ratio_free")


def existing(folder: Path) -> Path:
    """Return the nearest folder that exists: the blob store is made with its first blob."""
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return folder
