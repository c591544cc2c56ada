"""The threads that answer requests: few compute at once, and who waits lends its turn to others."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from runtime.turns import hold

#: Requests of a process that compute or wait for Redis; more only take the interpreter's lock from
#: each other.
AT_ONCE: Final = 2
#: Where nobody got a turn for so long, as while Redis does not answer, none is waited for. A long
#: queue alone is no reason: threads that only take the lock from each other would make it longer.
PATIENCE_S: Final = 1.0

Call = Callable[[], None]


class RequestThreads:
    """
    Run calls in threads of which few have a turn; `runtime.turns.aside` lends one to others.

    A thread takes its turn along from one call to the next, so that under load no thread has to be
    woken for a call, and none is woken that would then wait for a turn.

    Args:
        most: How many threads there may be, those included that stand aside.

        at_once: How many turns there are.

        patience_s: Who waits for a turn while nobody gets one for so long goes on without one.
    """

    def __init__(
        self, most: int, *, at_once: int = AT_ONCE, patience_s: float = PATIENCE_S
    ) -> None:
        self._most, self._at_once, self._patience_s = most, at_once, patience_s
        self._lock = threading.Lock()
        self._calls: deque[tuple[float, Call]] = deque()
        #: Threads that came back from aside, oldest first; threads without a call, newest last.
        self._back: deque[_Thread] = deque()
        self._idle: list[_Thread] = []
        self._turns = 0  # that are taken; more than there are where somebody went on without one
        self._taken_at = -math.inf  # when somebody got a turn last
        self._count = 0
        self._is_over = False

    def submit(self, call: Call) -> None:
        """Have a thread run *call*, which must not raise."""
        with self._lock:
            self._calls.append((time.monotonic(), call))
            if self._turns < self._at_once:
                self._begin()

    def hurry(self) -> float:
        """Begin all calls where nobody gets a turn; returns when to ask again, in seconds."""
        with self._lock:
            if not self._calls:
                return math.inf
            if (left_s := self._patience_left_s(self._calls[0][0])) > 0:
                return left_s
            while self._calls and self._begin():
                pass
            return self._patience_s

    def shutdown(self, *, wait: bool = False) -> None:
        """Let threads end that have no call; *wait* is for executors alone."""
        del wait
        with self._lock:
            self._is_over = True
            for thread in self._idle:
                thread.woken.release()

    # What a thread asks ---------------------------------------------------------------------

    def next(self, thread: "_Thread") -> Call | None:
        """Return the next call for a thread that has a turn; it waits for one. None: it is over."""
        with self._lock:
            if self._calls and not self._back and self._turns <= self._at_once:
                self._taken_at = time.monotonic()
                return self._calls.popleft()[1]
            self._give_turn()
            if self._is_over:
                return None
            thread.call = None
            self._idle.append(thread)
        thread.woken.acquire()
        return thread.call

    def leave(self) -> None:
        """Give a turn to others."""
        with self._lock:
            self._give_turn()

    def come_back(self, thread: "_Thread") -> None:
        """Wait for a turn again, before all calls that have not begun."""
        with self._lock:
            if self._turns < self._at_once:
                self._take_turn()
                return
            self._back.append(thread)
        began, left_s = time.monotonic(), self._patience_s
        while not thread.woken.acquire(timeout=left_s):
            with self._lock:
                left_s = self._patience_left_s(began)
                if left_s <= 0 and thread in self._back:
                    self._back.remove(thread)
                    self._turns += 1
                    return
                left_s = max(left_s, 0.0)

    # With the lock --------------------------------------------------------------------------

    def _patience_left_s(self, since: float) -> float:
        """Return for how long who waits *since* then goes on to wait if nobody gets a turn."""
        return max(since, self._taken_at) + self._patience_s - time.monotonic()

    def _take_turn(self) -> None:
        """Count a turn that somebody gets."""
        self._turns += 1
        self._taken_at = time.monotonic()

    def _give_turn(self) -> None:
        """Give a turn to who came back first, else to the next call."""
        self._turns -= 1
        if self._turns >= self._at_once:
            return
        if self._back:
            self._take_turn()
            self._back.popleft().woken.release()
        elif self._calls:
            self._begin()

    def _begin(self) -> bool:
        """Give the next call to a thread, with a turn; return False where all threads are busy."""
        if self._idle:
            thread = self._idle.pop()
        elif self._count < self._most:
            self._count += 1
            thread = _Thread(self, name=f"request-{self._count}")
            thread.start()
        else:
            return False
        self._take_turn()
        thread.call = self._calls.popleft()[1]
        thread.woken.release()
        return True


class _Thread(threading.Thread):
    """A thread that answers requests, and its turn."""

    def __init__(self, pool: RequestThreads, *, name: str) -> None:
        # What a request still waits for when the process ends would keep that from ending.
        super().__init__(name=name, daemon=True)
        self._pool = pool
        self._away = 0
        self.call: Call | None = None
        #: Held while it sleeps; whoever lets it go has given it a turn, and perhaps a call.
        self.woken = threading.Lock()
        self.woken.acquire()

    def run(self) -> None:
        """Run one call after the other."""
        hold(self)
        self.woken.acquire()
        call = self.call
        while call is not None:
            call()
            call = self._pool.next(self)

    def leave(self) -> None:
        """Lend the turn to others; who is aside already has lent it."""
        self._away += 1
        if self._away == 1:
            self._pool.leave()

    def come_back(self) -> None:
        """Wait for a turn again, with the last that was left for."""
        self._away -= 1
        if not self._away:
            self._pool.come_back(self)
