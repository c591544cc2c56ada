"""Gunicorn's threads, with a bound on how long one waits for the next bytes of a request."""

import socket
import struct
from typing import Final

from gunicorn.workers.gthread import ThreadWorker

#: A caller that sends nothing for this long in the middle of a request is given up.
RECEIVE_S: Final = 20


class PatientThreadWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn publishes no types
    """
    A threaded worker whose connections stop waiting.

    Gunicorn reads a request's head and body in a pool thread without a time limit, so as many
    callers that stop half way as there are threads would silence the whole server.
    """

    def init_process(self) -> None:
        """Bound the reads of the listening sockets; accepted ones inherit it from the kernel."""
        bound = struct.pack("ll", RECEIVE_S, 0)
        for listener in self.sockets:
            listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, bound)
        super().init_process()
