"""The template of the parsers as the worker sees it: started, asked to fork, and ended."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from adapters.parsing.sandbox.limits import Death, Limits
from adapters.parsing.sandbox.parser_process import CONTROL_BYTES
from rag.errors import Retryable

_ROOT = Path(__file__).resolve().parents[3]  # where the template finds our packages
_START_S = 60.0  # for a template to import the parsers, on a machine under load
_PASSED = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONHOME", "VIRTUAL_ENV")


@dataclass(slots=True)
class Child:
    """A parser process and the worker's end of its socket."""

    pid: int
    channel: socket.socket
    template: int  # the id of the template that forked it


class Template:
    """
    A clean interpreter that has imported the parsers, and forks one on request.

    One question at a time: the pool's lock is held. Its end is the end of all its parsers.

    Args:
        limits: Of each parser.

        ways: Of keeping the network away, in the order in which they are tried.

    Raises:
        Retryable: It did not start.
    """

    def __init__(self, limits: Limits, ways: Sequence[str]) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            try:
                self.process = _started(theirs.fileno())
            except BaseException:
                self._control.close()
                raise
        self.isolation = self._greet({**asdict(limits), "ways": ways})

    @property
    def pid(self) -> int:
        """The id of its process."""
        return self.process.pid

    def fork(self) -> Child:
        """
        Have a parser forked.

        Raises:
            OSError: It could not be.

            EOFError: The template has died.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with theirs:
                socket.send_fds(self._control, [b'{"fork":1}'], [theirs.fileno()])
            answer = self._answer()
        except BaseException:
            ours.close()
            raise
        return Child(answer["pid"], ours, self.pid)

    def end(self, pid: int) -> Death:
        """
        Have a parser killed if it lives, and return how it ended.

        Raises:
            OSError, EOFError: See `fork`.
        """
        self._control.sendall(json.dumps({"end": pid}).encode())
        answer = self._answer()
        return Death(answer["signal"], answer["peak"])

    def stop(self) -> None:
        """End the template, and with it every parser."""
        self._control.close()
        self.process.kill()
        self.process.wait()

    def _greet(self, wish: dict[str, Any]) -> str:
        """Send a new template its limits, and return how it keeps the network away."""
        self._control.settimeout(_START_S)
        try:
            self._control.sendall(json.dumps(wish).encode())
            hello = self._control.recv(CONTROL_BYTES)
        except OSError as error:
            self.stop()
            raise Retryable(f"the parser template did not start: {error}") from error
        if not hello:
            self.stop()
            raise Retryable("the parser template did not start; its error output says why")
        return str(json.loads(hello)["isolation"])

    def _answer(self) -> dict[str, Any]:
        """Return the template's next answer; what it could not do is an OSError."""
        message = self._control.recv(CONTROL_BYTES)
        if not message:
            raise EOFError("the parser template has died")
        answer: dict[str, Any] = json.loads(message)
        if "error" in answer:
            raise OSError(answer["error"])
        return answer


def _started(control: int) -> subprocess.Popen[bytes]:
    """Start the interpreter, which is asked over the descriptor *control*."""
    return subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-P", "-m", "adapters.parsing.sandbox.parser_process", str(control)],
        pass_fds=[control],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        # No secret of the worker's environment is within reach of a hostile file.
        env={k: os.environ[k] for k in _PASSED if k in os.environ} | {"PYTHONPATH": str(_ROOT)},
    )
