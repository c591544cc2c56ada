"""An HTTP server of a test, on a free port of this machine."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server


@contextmanager
def serving(
    handler: type[BaseHTTPRequestHandler], *, secure: ssl.SSLContext | None = None
) -> Iterator[str]:
    """
    Answer requests by *handler*, each in a thread, until the block ends; yields the address.

    With *secure* by https; the name in the address is `localhost` then.
    """
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        if secure is not None:
            server.socket = secure.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            name = "http://127.0.0.1" if secure is None else "https://localhost"
            yield f"{name}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _QuietHandler(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        """Say nothing of requests."""


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """Serve an app over HTTP until the block ends; yields its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_QuietHandler)
    server.daemon_threads = True  # streams may be open still
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
