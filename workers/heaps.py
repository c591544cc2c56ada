"""How many heaps the C library keeps for a worker's threads."""

import ctypes
import os
from typing import Final

from runtime.cores import usable_cores

#: As `mallopt` of the GNU C library calls it.
_M_ARENA_MAX: Final = -8


def one_heap_a_core() -> None:
    """
    Let the threads of this process share as many heaps as it has cores, where there is a choice.

    The GNU C library makes eight for each core, and a worker has dozens of threads, most of which
    wait: each heap keeps the most that its threads ever held at once. No more threads than cores
    run, so none waits for a heap. Call it before threads are started; `MALLOC_ARENA_MAX` goes
    before it.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None and "MALLOC_ARENA_MAX" not in os.environ:
        mallopt(_M_ARENA_MAX, usable_cores())
