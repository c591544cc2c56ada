"""A receiver of webhooks in a thread, and what it heard, verified as the specification says."""

import base64
import hashlib
import hmac
import json
import ssl
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Self

from tests.support.worlds.http_server import serving

Answer = Callable[[int], int]


@dataclass
class Receiver:
    """
    Answers each POST with what *answer* says of its number, from 0; 0 is no answer at all.

    With *secure* by https, as `localhost`.
    """

    answer: Answer = lambda _n: 204
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    secure: ssl.SSLContext | None = None

    def __enter__(self) -> Self:
        receiver, lock = self, threading.Lock()
        self.release = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with lock:
                    number = len(receiver.heard)
                    names = {name.lower(): value for name, value in self.headers.items()}
                    receiver.heard.append((names | {":path": self.path}, body))
                status = receiver.answer(number)
                if status == 0:
                    receiver.release.wait(30)
                    return
                self.send_response(status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._ends = ExitStack()
        self.url = f"{self._ends.enter_context(serving(Handler, secure=self.secure))}/hook"
        return self

    def __exit__(self, *_: object) -> None:
        self.release.set()
        self._ends.close()

    def messages(self, secret: str) -> list[tuple[str, dict[str, Any]]]:
        """Return (id, payload) of all that was heard; each must be signed by *secret*."""
        return [(verified(secret, *told), json.loads(told[1])) for told in self.heard]


def verified(secret: str, headers: dict[str, str], body: bytes) -> str:
    """Verify a message as a receiver does; returns its id."""
    signed = b".".join(
        (headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body)
    )
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    version, _, signature = headers["webhook-signature"].partition(",")
    assert version == "v1"
    assert hmac.compare_digest(signature, expected)
    return headers["webhook-id"]
