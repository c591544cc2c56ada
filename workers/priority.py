"""How a worker gives way to others on a busy processor."""

import os
from contextlib import suppress
from pathlib import Path


def give_way(steps: int) -> None:
    """
    Let other processes go first, by *steps* of `nice`: with 10, one of them counts as nine of us.

    What this process starts from now on, threads and processes, gives way like it.
    """
    os.nice(steps)
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    # On Linux each thread has a priority of its own, and numpy has begun some at its import.
    for thread in Path("/proc/self/task").glob("*"):
        with suppress(ProcessLookupError):  # it has ended
            os.setpriority(os.PRIO_PROCESS, int(thread.name), ours)
