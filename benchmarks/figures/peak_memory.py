"""The most memory that processes have, by the high-water mark that Linux keeps of each."""

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, Self

#: A process that ends between two looks is known as it was at the last one.
POLL_S: Final = 0.01
_RESET: Final = "5"  # to /proc/PID/clear_refs, see proc(5)


class PeakMemory:
    """
    Watch processes from a thread.

    Args:
        find: Return the ids of those that live; asked a hundred times a second.
    """

    def __init__(self, find: Callable[[], Iterable[int]]) -> None:
        self._find = find
        self._peak = 0
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def begin(self) -> None:
        """Forget what was: the marks begin anew."""
        for pid in self._find():
            try:
                Path(f"/proc/{pid}/clear_refs").write_text(_RESET, "ascii")
            except OSError:  # not allowed, or gone: its mark then is of its whole life
                continue
        with self._lock:
            self._peak = 0

    def end(self) -> int | None:
        """Return the most that one process has had since, bytes; None where nobody knows."""
        self._look()
        with self._lock:
            return self._peak or None

    def _watch(self) -> None:
        while not self._ended.wait(POLL_S):
            self._look()

    def _look(self) -> None:
        most = max((high_water(pid) for pid in self._find()), default=0)
        with self._lock:
            self._peak = max(self._peak, most)


def high_water(pid: int) -> int:
    """Return the most resident memory a process has had, bytes; 0 where nobody knows."""
    try:
        status = Path(f"/proc/{pid}/status").read_text("utf-8")
    except OSError:
        return 0
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def children(pid: int) -> list[int]:
    """Return the ids of the processes that the main thread of *pid* started; Linux only."""
    try:
        return [
            int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ]
    except OSError:
        return []
