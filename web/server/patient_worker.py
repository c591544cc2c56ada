"""Gunicorn's threaded worker with limits on slow callers and a graceful end."""

import socket
import struct
from typing import Any, Final

from gunicorn.workers.gthread import ThreadWorker

from web.server.draining import Draining

#: A caller that sends nothing for this long in the middle of a request is given up.
RECEIVE_S: Final = 20


class PatientThreadWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn publishes no types
    """
    A threaded worker whose connections stop waiting.

    Gunicorn reads a request's head and body in a pool thread without a time limit, so as many
    callers that stop half way as there are threads would silence the whole server. And it stops
    listening at once when it is told to end, so that nobody could be told to ask elsewhere.
    """

    _going = False

    def init_process(self) -> None:
        """Bound the reads of the listening sockets; accepted ones inherit it from the kernel."""
        bound = struct.pack("ll", RECEIVE_S, 0)
        for listener in self.sockets:
            listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, bound)
        super().init_process()

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Answer on for a moment after SIGTERM, and say meanwhile that jobs go elsewhere."""
        if self._going:
            return
        self._going = True

        def end() -> None:
            super(PatientThreadWorker, self).handle_exit(sig, frame)

        app = getattr(self, "wsgi", None)
        Draining(getattr(app, "extensions", {}).get("quern"), end).begin()
