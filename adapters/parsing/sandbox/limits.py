"""The limits of a parser, and what is said of a file that broke one."""

import signal
from dataclasses import dataclass

from rag.errors import Unreadable

_NEARLY = 0.5  # of the memory limit, which counts more than what is resident: who died above
#               it was refused memory, and some libraries abort then


@dataclass(frozen=True, slots=True)
class Death:
    """How a process ended: the signal, 0 if it exited, and the most memory it had, bytes."""

    signal: int
    peak: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Address space a parser may take beyond what it starts with, and text it may yield, bytes."""

    memory: int
    text: int

    def out_of_memory(self) -> Unreadable:
        """Return the error for a file that took too much memory."""
        most = self.memory // 2**20
        return Unreadable("parser_memory", f"Reading the file took more than {most:,} MiB.")

    def broken_by(self, death: Death | None, timeout_s: float) -> Unreadable | None:
        """
        Return the error of a file whose parser ended in this way.

        None where it was killed from outside, which says nothing about the file.
        """
        if death is not None and death.peak >= _NEARLY * self.memory:
            return self.out_of_memory()
        if death is None or death.signal in (signal.SIGKILL, signal.SIGTERM):
            return None
        return timed_out(timeout_s) if death.signal == signal.SIGXCPU else crashed()


def crashed() -> Unreadable:
    """Return the error for a file that ended its parser."""
    return Unreadable("parser_crashed", "The file made its parser crash; it may be damaged.")


def timed_out(timeout_s: float) -> Unreadable:
    """Return the error for a file that took too long."""
    return Unreadable("parser_timeout", f"Reading the file took longer than {timeout_s:g} s.")
