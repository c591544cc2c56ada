"""Slots for event streams and long polls: each holds a thread of the server."""

import select
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any


class Slots:
    """
    Count who waits, so that waiting never takes the last thread.

    Args:
        limit: How many may wait at once.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._taken = 0

    @property
    def taken(self) -> int:
        """How many wait at this moment."""
        return self._taken

    def take(self) -> bool:
        """Take a slot; return False if none is left. `give_back` must follow."""
        with self._lock:
            if self._taken >= self.limit:
                return False
            self._taken += 1
            return True

    def give_back(self) -> None:
        """Give a slot back."""
        with self._lock:
            self._taken -= 1

    @contextmanager
    def held(self) -> Iterator[bool]:
        """Hold a slot while the body runs; yields False if none was left."""
        got = self.take()
        try:
            yield got
        finally:
            if got:
                self.give_back()


class Caller:
    """The other end of a request's connection, where the server shows its socket."""

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self._socket: socket.socket | None = environ.get("gunicorn.socket") or environ.get(
            "werkzeug.socket"
        )

    @property
    def gone(self) -> bool:
        """Whether the caller has closed the connection; costs two system calls."""
        if self._socket is None:
            return False
        try:
            poll = select.poll()  # not select(), which cannot take descriptors above 1023
            poll.register(self._socket, select.POLLIN)
            if not poll.poll(0):
                return False
            return not self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except (OSError, ValueError):
            return True
