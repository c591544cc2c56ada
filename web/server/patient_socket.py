"""A connection that keeps no other request waiting while its caller is slow to take an answer."""

import socket
from contextlib import suppress
from typing import Any

from runtime.turns import aside


class PatientSocket(socket.socket):
    """
    A socket whose thread lends its turn to others where the caller has to be waited for.

    The head of an answer is sent with the first bytes of its body: in two packets it would wake the
    caller twice.
    """

    #: How long the last complete request waited for a thread, seconds.
    waited_s = 0.0

    _is_begun = False
    _head = b""

    def begin_answer(self, *, waited_s: float = 0.0) -> None:
        """Keep what is sent next, the head, until more is; the request waited for *waited_s*."""
        self.waited_s = waited_s
        self._is_begun, self._head = True, b""

    def end_answer(self) -> None:
        """Send what is left: there was a head alone."""
        head, self._is_begun, self._head = self._head, False, b""
        if head:
            with suppress(OSError):  # who writes an answer hears of it where there is a body
                self._send_all(head)

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Send bytes, waiting for the caller aside; the first of an answer with the next."""
        if self._is_begun:
            self._is_begun, self._head = False, bytes(data)
            return
        if self._head:
            data, self._head = self._head + data, b""
        self._send_all(data, flags)

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """Send a file, aside: it may be large."""
        with aside():
            self._send_all(self._head)
            self._head = b""
            return super().sendfile(file, offset, count)

    def _send_all(self, data: bytes, flags: int = 0) -> None:
        """Send what the kernel takes at once, and the rest aside."""
        try:
            sent = self.send(data, flags | socket.MSG_DONTWAIT)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            with aside():
                super().sendall(memoryview(data)[sent:], flags)
