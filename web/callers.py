"""Callers who wait: whether they are still there, and who is told once they are not."""

import select
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final

from runtime.background import BackgroundThread

#: So long the thread waits for a caller to leave before it looks whether it shall end.
TURN_S: Final = 0.5
#: What says that a caller has closed the connection, once: who is told looks for itself. Only Linux
#: can tell; elsewhere each thread has to look.
_LEFT: Final = select.EPOLLRDHUP | select.EPOLLONESHOT if hasattr(select, "EPOLLRDHUP") else None


class Caller:
    """The other end of a request's connection, where the server shows its socket."""

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self.socket: socket.socket | None = environ.get("gunicorn.socket") or environ.get(
            "werkzeug.socket"
        )

    @property
    def waited_s(self) -> float:
        """How long the request waited for a thread, where the server says so."""
        return float(getattr(self.socket, "waited_s", 0.0))

    @property
    def gone(self) -> bool:
        """Whether the caller has closed the connection; costs two system calls."""
        if self.socket is None:
            return False
        try:
            poll = select.poll()  # not select(), which cannot take descriptors above 1023
            poll.register(self.socket, select.POLLIN)
            if not poll.poll(0):
                return False
            return not self.socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except (OSError, ValueError):
            return True


class Departures:
    """
    Wake threads whose callers leave, with one thread for the whole process.

    Without it each of hundreds of threads would have to wake now and then to look.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: dict[int, threading.Event] = {}
        self._epoll: select.epoll | None = None
        self._thread = BackgroundThread("departures", self._turn, at_end=self._end)

    def close(self) -> None:
        """Watch nobody any more."""
        self._thread.stop()

    @contextmanager
    def watched(self, caller: Caller, left: threading.Event) -> Iterator[bool]:
        """
        Set *left* when a caller leaves; yields False where nobody can tell.

        The connection must not be closed meanwhile.
        """
        descriptor = -1 if caller.socket is None else caller.socket.fileno()
        if not self._watch(descriptor, left):
            yield False
            return
        try:
            yield True
        finally:
            with self._lock:
                del self._told[descriptor]
                if self._epoll is not None:
                    with suppress(OSError):
                        self._epoll.unregister(descriptor)

    def _watch(self, descriptor: int, left: threading.Event) -> bool:
        """Begin to watch a connection; return False where it cannot be."""
        if _LEFT is None:
            return False
        with self._lock:
            if self._epoll is None:
                self._epoll = select.epoll()
            try:
                self._epoll.register(descriptor, _LEFT)
            except (OSError, ValueError):
                return False
            self._told[descriptor] = left
        # Started with the first caller, not at import or before a fork.
        self._thread.start()
        return True

    def _turn(self) -> float:
        """Tell of those who leave within a moment."""
        epoll = self._epoll
        if epoll is None:
            return TURN_S
        for descriptor, _ in epoll.poll(TURN_S):
            with self._lock:
                left = self._told.get(descriptor)
            if left is not None:
                left.set()
        return 0

    def _end(self) -> None:
        """Forget the connections."""
        with self._lock:
            epoll, self._epoll = self._epoll, None
        if epoll is not None:
            epoll.close()
