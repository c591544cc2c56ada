"""
Shifts the clock of one process, as a clock that was set wrongly would be.

The file named as the process's role in the folder `CHAOS_CLOCKS` says by how many seconds; it is
read again while the process runs, so that a clock also jumps. Only `time.time` and `time.time_ns`
are shifted: monotonic clocks never jump, and `datetime.now` reads the system's clock by itself.
"""

import os
import sys
import time
from collections.abc import Sequence

LOOK_S = 0.2


def role_of(command: Sequence[str]) -> str:
    """Return which process of a stack *command* starts; empty for any other."""
    for part in command:
        if part.startswith("workers."):
            return part.removeprefix("workers.")
        if part.startswith("web.app"):
            return "web"
    return ""


class ShiftedClock:
    """
    The system's clock, and by how much it is wrong.

    Args:
        file: Holds the seconds; the clock is right where there is none.
    """

    def __init__(self, file: str) -> None:
        self._file = file
        self._time, self._time_ns, self._monotonic = time.time, time.time_ns, time.monotonic
        self._shift_s, self._next_look = 0.0, 0.0

    def time(self) -> float:
        """As `time.time`, shifted."""
        return self._time() + self._shift()

    def time_ns(self) -> int:
        """As `time.time_ns`, shifted."""
        return self._time_ns() + int(self._shift() * 1e9)

    def _shift(self) -> float:
        now = self._monotonic()
        if now >= self._next_look:
            self._next_look = now + LOOK_S
            try:
                with open(self._file) as file:  # noqa: PTH123  pathlib would slow down each start
                    self._shift_s = float(file.read() or 0)
            except (OSError, ValueError):
                self._shift_s = 0.0
        return self._shift_s


def shift_time() -> None:
    """Shift the clock of this process if it is one of a stack."""
    folder, role = os.environ.get("CHAOS_CLOCKS"), role_of(sys.orig_argv)
    if folder and role:
        clock = ShiftedClock(os.path.join(folder, role))  # noqa: PTH118  as above
        time.time, time.time_ns = clock.time, clock.time_ns


shift_time()
