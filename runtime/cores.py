"""How many cores this process may use."""

import os


def usable_cores() -> int:
    """Return how many cores this process may run on; of all, where the system cannot say."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
