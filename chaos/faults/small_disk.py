"""A small disk that a stack's data lie on, and which can be filled."""

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

#: <sched.h>, <sys/mount.h>
CLONE_NEWNS: Final = 0x20000
MS_REC_PRIVATE: Final = 0x4000 | 0x40000
#: A disk with no more than this may be filled though it is not ours alone.
SMALL_BYTES: Final = 2 * 2**30
FILLER: Final = "filler"


class SmallDisk:
    """
    A file system that may be filled.

    Args:
        folder: Where it is mounted; the filler lies in it.
    """

    def __init__(self, folder: Path) -> None:
        self._filler = folder / FILLER

    @contextmanager
    def full(self) -> Iterator[Callable[[], None]]:
        """Fill the disk during the block; yields what fills it again where room came up."""
        with self._filler.open("wb") as file:
            try:
                self._fill(file.fileno())
                yield lambda: self._fill(file.fileno())
            finally:
                self._filler.unlink()

    @staticmethod
    def _fill(file: int) -> None:
        """Take all the room there is."""
        while room := _free(file):
            try:
                os.posix_fallocate(file, os.fstat(file).st_size, room)
            except OSError:  # somebody wrote meanwhile
                with suppress(OSError):
                    os.posix_fallocate(file, os.fstat(file).st_size, 4_096)
                return


@contextmanager
def small_disk(folder: Path, *, megabytes: int) -> Iterator[SmallDisk | None]:
    """
    Mount a small disk at *folder* during the block; yields None where that cannot be.

    The mount is seen by this thread and what it starts, and goes with them, however they end.
    Without the right to mount, a folder on a disk that is small by itself does too.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not _mount(folder, megabytes):
        room = os.statvfs(folder)
        yield SmallDisk(folder) if room.f_blocks * room.f_frsize <= SMALL_BYTES else None
        return
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=False)  # noqa: S603, S607


def _mount(folder: Path, megabytes: int) -> bool:
    """Mount a file system in memory for this thread and its children; False where one cannot."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    libc = ctypes.CDLL(None)
    if libc.unshare(CLONE_NEWNS) or libc.mount(b"none", b"/", None, MS_REC_PRIVATE, None):
        return False
    size = f"size={megabytes}m"
    command = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)]
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0  # noqa: S603
    except OSError:
        return False


def _free(file: int) -> int:
    room = os.fstatvfs(file)
    return room.f_bavail * room.f_frsize
