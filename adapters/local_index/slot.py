"""The folder of one replica's indexes: no two processes write to the same."""

import fcntl
import socket
from pathlib import Path
from typing import IO

from rag.errors import Broken

SLOTS = 64


class Slot:
    """A numbered folder for one replica's indexes, locked, so that a restart finds its own."""

    def __init__(self, folder: Path) -> None:
        self.number, self.folder, self._lock = self._take(folder)

    @property
    def name(self) -> str:
        """How the replica is called among the followers."""
        return f"{socket.gethostname()}/{self.number}"

    def close(self) -> None:
        """Let another process have the slot."""
        self._lock.close()

    @staticmethod
    def _take(folder: Path) -> tuple[int, Path, IO[str]]:
        """Lock the first free slot; the kernel frees it when the process dies."""
        for number in range(SLOTS):
            slot = folder / str(number)
            slot.mkdir(parents=True, exist_ok=True)
            lock = (slot / "lock").open("w")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.close()
                continue
            return number, slot, lock
        raise Broken(f"all {SLOTS} index slots in {folder} are taken")
