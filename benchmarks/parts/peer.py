"""
Another reader of files beside ours: markitdown (MIT) in an environment and a process of its own.

The process has our limit of time for each file and none of our other limits.
"""

import contextlib
import json
import os
import select
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Self

from benchmarks.data.manifest import Reading
from benchmarks.figures.peak_memory import PeakMemory
from benchmarks.running.processes import running

PINNED: Final = "markitdown[docx,outlook,pdf,pptx,xls,xlsx]==0.1.9"
READER: Final = Path(__file__).with_name("markitdown_reader.py")
START_S: Final = 120.0
PIECE: Final = 2**16


class PeerDied(Exception):
    """Raised when the peer's process ended instead of answering."""


class Peer:
    """
    Read files one after the other with the peer.

    Args:
        python: The interpreter that has it.

        timeout_s: Seconds a file may take; then its process is replaced.
    """

    def __init__(self, python: Path, *, timeout_s: float) -> None:
        self.version = ""
        self.restarted = 0
        self._python = python
        self._timeout_s = timeout_s
        self._stack = contextlib.ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self._memory = PeakMemory(self._pids)

    @classmethod
    @contextlib.contextmanager
    def open(cls, python: Path, *, timeout_s: float) -> Iterator[Self]:
        """
        Give a peer whose process runs during the block.

        Raises:
            SystemExit: The interpreter does not have it.
        """
        peer = cls(python, timeout_s=timeout_s)
        with peer._stack:
            try:
                peer._start()
            except (PeerDied, TimeoutError) as error:
                raise SystemExit(f"{python} does not run markitdown: {error}") from error
            with peer._memory:
                yield peer

    def read(self, path: Path) -> Reading:
        """Read a file."""
        self._memory.begin()
        began = time.perf_counter()
        answer: dict[str, Any] = {}
        detail = ""
        try:
            answer = self._ask(str(path.absolute()))
        except TimeoutError:
            detail = f"took longer than {self._timeout_s:g} s"
        except (PeerDied, OSError) as error:
            detail = f"its process ended: {error}"
        seconds = time.perf_counter() - began
        peak = self._memory.end()
        if detail:
            self.restarted += 1
            self._start()
        text = answer.get("text")
        detail = detail or answer.get("error", "")
        return Reading(text, detail, broken=not answer, seconds=seconds, peak=peak)

    def _start(self) -> None:
        """Start a process, after ending the one before."""
        self._stack.close()
        self._process = self._stack.enter_context(self._program())
        self.version = self._answer(START_S)["version"]

    @contextlib.contextmanager
    def _program(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run the program that reads."""
        # -P: beside the program lie modules whose names are those of the standard library.
        command = [str(self._python), "-P", "-W", "ignore", str(READER)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        with running(command, patience_s=0.2, bufsize=0, **pipes) as process:
            try:
                yield process
            finally:
                for pipe in (process.stdin, process.stdout):
                    if pipe is not None:
                        pipe.close()

    def _ask(self, path: str) -> dict[str, Any]:
        """Send a path and return the answer."""
        if self._process is None or self._process.stdin is None:
            raise PeerDied("it was not started")
        self._process.stdin.write(json.dumps(path).encode() + b"\n")
        return self._answer(self._timeout_s)

    def _answer(self, timeout_s: float) -> dict[str, Any]:
        """Return the next line of the program as JSON."""
        if self._process is None or self._process.stdout is None:
            raise PeerDied("it was not started")
        until = time.monotonic() + timeout_s
        source = self._process.stdout.fileno()
        line = bytearray()
        while not line.endswith(b"\n"):
            left = until - time.monotonic()
            if left <= 0 or not select.select([source], [], [], left)[0]:
                raise TimeoutError(f"nothing came for {timeout_s:g} s")
            piece = os.read(source, PIECE)
            if not piece:
                raise PeerDied(f"exit code {self._process.wait()}")
            line += piece
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _pids(self) -> list[int]:
        return [] if self._process is None else [self._process.pid]
