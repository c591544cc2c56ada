"""Process priority: workers that run at a lower priority than others."""

import os
from contextlib import suppress
from pathlib import Path


def give_way(steps: int) -> None:
    """
    Lower this process's priority by *steps* of `nice`: at 10 others get nine times its share.

    What this process starts from now on, threads and processes, gives way like it.
    """
    os.nice(steps)
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    # On Linux each thread has a priority of its own, and numpy has begun some at its import.
    for thread in Path("/proc/self/task").glob("*"):
        with suppress(ProcessLookupError):  # it has ended
            os.setpriority(os.PRIO_PROCESS, int(thread.name), ours)
