"""Health checks of the machine: its disk, and its or the container's memory."""

import os
import shutil
from pathlib import Path
from typing import Final

import psutil

from runtime.settings import Settings
from web.health.check import Check, graded
from web.health.watch import ProbeResult

_CGROUP: Final = Path("/sys/fs/cgroup")


def machine(settings: Settings) -> ProbeResult:
    """Look at the disk that keeps the data, and at main memory."""
    seen = disk(settings)
    share = memory_free()
    status = graded(
        1 - share, warn=1 - settings.health_memory_warn, fail=1 - settings.health_memory_fail
    )
    memory = Check(
        "system:memory", status, "system", value=round(share, 3), unit="ratio_free",
        output=None if status == "pass" else "main memory runs out",
    )  # fmt: skip
    return ProbeResult([*seen.checks, memory], seen.refusals)


def disk(settings: Settings) -> ProbeResult:
    """Judge the disk that keeps the data; below its floor no job is accepted."""
    folder = existing(settings.blobs)
    usage = shutil.disk_usage(folder)
    share = usage.free / usage.total
    status = graded(
        1 - share, warn=1 - settings.health_disk_warn, fail=1 - settings.health_disk_fail
    )
    output, refusals = None if status == "pass" else "the data disk runs full", []
    if usage.free < settings.health_disk_floor_mb * 1_000_000:
        status, output, refusals = "fail", "the disk is full: no new jobs", ["the disk is full"]
    if not os.access(folder, os.W_OK):
        status = "fail"
        output = "the data folder cannot be written"
        refusals = [output]
    check = Check("disk:data", status, "system", round(share, 3), "ratio_free", output)
    return ProbeResult([check], refusals)


def memory_free() -> float:
    """Return the free share of this machine's memory, or of its container's."""
    seen = psutil.virtual_memory()
    share: float = seen.available / seen.total
    try:
        limit = int((_CGROUP / "memory.max").read_text("ascii"))
        used = int((_CGROUP / "memory.current").read_text("ascii"))
        lines = (_CGROUP / "memory.stat").read_text("ascii").splitlines()
        # Cached file pages are given back on demand: they are not use.
        cached = sum(int(line.split()[1]) for line in lines if line.startswith("inactive_file "))
        share = min(share, 1 - (used - cached) / limit) if limit else share
    except (OSError, ValueError):
        pass  # no cgroup, or one without a limit ("max")
    return share


def existing(folder: Path) -> Path:
    """Return the nearest folder that exists: the blob store is made with its first blob."""
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return folder
