"""Threads that do the work of several callers at once, a piece of each in turn."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor


class FairThreads:
    """
    Do pieces of work side by side; callers take turns, so that a short call waits for no long one.

    A thread goes from piece to piece, whosever it is. Handing a turn from thread to thread with
    each piece would take a sixth of the processor: who is woken starts on the other core, behind
    what runs there, while the core of who went to sleep has nothing to do.

    Args:
        count: How many pieces are done at a time.

        name: What the threads are called.
    """

    def __init__(self, count: int, *, name: str) -> None:
        self._count = count
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)

    def each(self, act: Callable[[int], None], pieces: Sequence[int]) -> None:
        """
        Call *act* with each of *pieces*, in their order, and return when all of them are done.

        Raises:
            Exception: What *act* raised first; what was not begun by then is left.
        """
        call = _Call(self._pool, act, pieces)
        call.begin(min(self._count, len(pieces)))
        call.wait()


class _Call:
    """Pieces of one caller: each that ends puts the next one behind those of others."""

    def __init__(
        self, pool: ThreadPoolExecutor, act: Callable[[int], None], pieces: Sequence[int]
    ) -> None:
        self._pool = pool
        self._act = act
        self._waiting = deque(pieces)
        self._lock = threading.Lock()  # of what follows
        self._running = 0
        self._error: BaseException | None = None
        self._over = threading.Event()

    def begin(self, side_by_side: int) -> None:
        """Have so many pieces done at a time."""
        self._running = side_by_side
        if not side_by_side:
            self._over.set()
        for _ in range(side_by_side):
            self._pool.submit(self._step)

    def wait(self) -> None:
        """Wait for the end; raises what a piece raised."""
        self._over.wait()
        if self._error is not None:
            raise self._error

    def _step(self) -> None:
        """Do one piece, and have the next one done after those of others."""
        try:
            with self._lock:
                piece = self._waiting.popleft() if self._waiting else None
            if piece is not None:
                self._act(piece)
            if self._waiting:
                self._pool.submit(self._step)
                return
        except BaseException as error:  # noqa: BLE001 - the caller is told
            with self._lock:
                self._error = self._error or error
                self._waiting.clear()
        with self._lock:
            self._running -= 1
            if not self._running:
                self._over.set()
