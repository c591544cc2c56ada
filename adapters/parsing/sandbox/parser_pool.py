"""
Parsing files nobody trusts, in processes with limits on time, memory and output, and no network.

    worker ──socket── template (parsers imported, no threads) ──fork── parser, parser, …
       └───────────────────────socket────────────────────────────────────┘

The template is a clean interpreter (`parser_process.py`), so its forks inherit no
thread, lock or model of the worker. A parser reads a file from a descriptor and answers on its
socket with two lengths, a JSON head and the text: nothing that comes back is executed. The template
ends when the worker's end of its socket closes, and the kernel ends the parsers with the template.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Any, Self

import orjson

from adapters.parsing.sandbox.no_network import WAYS
from adapters.parsing.sandbox.parser_process import CONTROL_BYTES, LENGTHS, too_much_text
from rag.documents import Block, Page, ParsedDocument
from rag.errors import Cancelled, DeadlineExceeded, NoText, Retryable, Unreadable
from runtime.settings import Settings

_ROOT = Path(__file__).resolve().parents[3]  # where the template finds our packages
_HEAD_BYTES = 64 * 2**20  # of the head of an answer: blocks take about 30 bytes each
_TICK_S = 0.1  # how often a wait looks whether it is still wanted
_START_S = 60.0  # for a template to import the parsers, on a machine under load
_SMALL = 2**20  # bytes of a file that is lent in memory: a disk would take longer to make room
_NEARLY = 0.5  # of the memory limit, which counts more than what is resident: who died above
#               it was refused memory, and some libraries abort then
_NAME_CHARACTERS = 255


@dataclass(slots=True)
class _Child:
    """A parser process and the worker's end of its socket."""

    pid: int
    channel: socket.socket
    template: int  # the id of the template that forked it


@dataclass(frozen=True, slots=True)
class _Request:
    """A file as an open descriptor, its name, and the limits of the time it may take."""

    source: int
    filename: str
    timeout_s: float
    until: float
    abort: Callable[[], bool] | None


#: What came of a file; None where it wants a process that has read no other.
_Result = ParsedDocument | Unreadable | None


@dataclass(frozen=True, slots=True)
class _Death:
    """How a process ended: the signal, 0 if it exited, and the most memory it had, bytes."""

    signal: int
    peak: int


class _ChildDied(Exception):
    """Raised when a parser process closed its socket before it had answered."""


class ParserPool:
    """
    Parses files in *processes* limited sub-processes; used from many threads at once.

    Args:
        processes: How many files are parsed at the same time.

        memory_mb: Address space a parser may take beyond what it starts with, MiB.

        text_mb: UTF-8 bytes of text that a file may yield, MiB.
    """

    def __init__(self, *, processes: int = 2, memory_mb: int = 1024, text_mb: int = 20) -> None:
        self._limits = {"memory": memory_mb * 2**20, "text": text_mb * 2**20}
        self._ways = WAYS  # of keeping the network away; tests take one at a time
        self._free = threading.BoundedSemaphore(max(1, processes))
        self._lock = threading.Lock()  # guards what follows
        self._idle: list[_Child] = []
        self._template: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._isolation = ""
        self._closed = False

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Return a pool as the settings want it, its template started and warm."""
        pool = cls(
            processes=settings.parser_processes,
            memory_mb=settings.parser_memory_mb,
            text_mb=settings.parsed_text_mb,
        )
        return pool.__enter__()

    def __enter__(self) -> Self:
        with self._lock:
            self._closed = False
            self._start_template()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def isolation(self) -> str:
        """
        What keeps the network from the parsers, besides their limits.

        `namespace`, one without interfaces; `seccomp`, a filter on system calls; `rlimits`,
        nothing: the kernel allows the limits alone.
        """
        return self._isolation

    def close(self) -> None:
        """End every process of the pool; parsing that is under way raises Retryable."""
        with self._lock:
            self._closed = True
            self._stop_template()

    def parse(
        self,
        data: bytes | Path,
        *,
        filename: str,
        timeout_s: float,
        wait_s: float | None = None,
        abort: Callable[[], bool] | None = None,
    ) -> ParsedDocument:
        """
        Parse a file, given as its bytes or where they lie, within the pool's limits.

        Args:
            data: The bytes, or the path of a file that holds them.

            filename: The name it came under; a hint to what it is.

            timeout_s: Seconds the parsing may take, the wait for a free process not included.

            wait_s: Seconds to wait for a free process; None waits for ever.

            abort: Asked about every 0.1 s; once it is true the parsing is stopped. What it raises
                is passed on.

        Raises:
            NoText: The file holds nothing to index.
            Unreadable: What the parsers say, or `parser_timeout`, `parser_memory`,
                `parser_crashed`, `too_much_text`.
            Cancelled: *abort* said so.
            DeadlineExceeded: No process became free in *wait_s*.
            Retryable: No process could be started, or the pool is closed.
        """
        self._wait(wait_s, abort)
        try:
            try:
                return self._parse(data, filename, timeout_s, abort)
            except _ChildDied:  # killed from outside, which says nothing about the file
                return self._parse(data, filename, timeout_s, abort)
        except _ChildDied as error:
            raise _crashed() from error
        finally:
            self._free.release()

    def _wait(self, wait_s: float | None, abort: Callable[[], bool] | None) -> None:
        """Take one of the permits to parse."""
        until = None if wait_s is None else time.monotonic() + wait_s
        while not self._free.acquire(timeout=_TICK_S):
            _check_wanted(abort)
            if until is not None and time.monotonic() >= until:
                raise DeadlineExceeded(f"no parser became free in {wait_s:g} s")

    def _parse(
        self, data: bytes | Path, filename: str, timeout_s: float, abort: Callable[[], bool] | None
    ) -> ParsedDocument:
        """Parse with an idle process, or with a new one where the file wants it for itself."""
        until = time.monotonic() + timeout_s
        with _descriptor(data) as source:
            request = _Request(source, filename, timeout_s, until, abort)
            result = self._try(request, fresh=False)
            if result is None:
                result = self._try(request, fresh=True)
        if result is None:
            raise _crashed()  # a new process has no reason to ask for another
        if isinstance(result, Unreadable):
            raise result
        return result

    def _try(self, request: _Request, *, fresh: bool) -> _Result:
        """Parse with a process that is kept only if it answered that it may be."""
        child = self._take(fresh=fresh)
        keep = False
        try:
            result, keep = self._converse(child, request)
        except (EOFError, ConnectionError) as error:
            raise self._post_mortem(self._end(child), request.timeout_s) from error
        except TimeoutError as error:
            raise _timed_out(request.timeout_s) from error
        finally:
            if keep:
                self._give(child)
            else:
                self._end(child)
        return result

    def _post_mortem(self, death: _Death | None, timeout_s: float) -> Exception:
        """Tell from how a parser ended what to say of its file."""
        if death is not None and death.peak >= _NEARLY * self._limits["memory"]:
            return self._out_of_memory()
        if death is None or death.signal in (signal.SIGKILL, signal.SIGTERM):
            return _ChildDied()
        return _timed_out(timeout_s) if death.signal == signal.SIGXCPU else _crashed()

    def _converse(self, child: _Child, request: _Request) -> tuple[_Result, bool]:
        """Send a file and return what came of it, and whether the process may parse another."""
        name = request.filename[-_NAME_CHARACTERS:].encode("utf-8", "replace").decode()
        message = orjson.dumps({"filename": name, "timeout_s": request.timeout_s})
        socket.send_fds(child.channel, [message], [request.source])
        until, abort = request.until, request.abort
        lengths = _receive(child.channel, LENGTHS.size, until, abort)
        head_length, text_length = LENGTHS.unpack(lengths)
        most = self._limits["text"]
        if text_length > most or head_length > _HEAD_BYTES:
            return too_much_text(most), False
        head = _receive(child.channel, head_length, until, abort)
        text = _receive(child.channel, text_length, until, abort)
        try:
            return self._read(orjson.loads(head), text.decode("utf-8"))
        except (ValueError, KeyError, TypeError):  # a file that took its parser over may say so
            return _crashed(), False

    def _read(self, head: dict[str, Any], text: str) -> tuple[_Result, bool]:
        """Return what an answer says, and whether its process is kept."""
        if head.get("alone") is True:
            return None, head["keep"] is True
        reason = head.get("reason")
        if reason is None:
            document = ParsedDocument(
                text=text,
                kind=head["kind"],
                title=head["title"],
                blocks=tuple(Block(*block) for block in head["blocks"]),
                pages=tuple(Page(*page) for page in head["pages"]),
                notes=tuple(head["notes"]),
                encoding=head["encoding"],
            )
            return document, head["keep"] is True
        detail = str(head["detail"])
        error = NoText(detail) if reason == "no_text" else Unreadable(str(reason), detail)
        return self._out_of_memory() if reason == "parser_memory" else error, head["keep"] is True

    def _out_of_memory(self) -> Unreadable:
        """Return the error for a file that took too much memory."""
        most = self._limits["memory"] // 2**20
        return Unreadable("parser_memory", f"Reading the file took more than {most:,} MiB.")

    def _take(self, *, fresh: bool) -> _Child:
        """Return an idle process, or a new one; a template that died is replaced once."""
        with self._lock:
            if self._closed:
                raise Retryable("the parser pool is closed")
            if self._idle and not fresh:
                return self._idle.pop()
            try:
                return self._fork()
            except (OSError, EOFError):
                self._stop_template()
                self._start_template()
            try:
                return self._fork()
            except (OSError, EOFError) as error:
                raise Retryable(f"no parser process could be started: {error}") from error

    def _give(self, child: _Child) -> None:
        """Keep a process for the next file."""
        with self._lock:
            if not self._closed and self._template is not None:
                self._idle.append(child)
                return
        self._end(child)

    def _end(self, child: _Child) -> _Death | None:
        """Kill a process if it lives, and return how it ended; None if nobody knows."""
        if child.channel.fileno() < 0:  # ended before
            return None
        child.channel.close()
        with self._lock:
            if self._template is None or self._template.pid != child.template:
                return None  # it went with its template; its id may be another's by now
            try:
                answer = self._ask({"end": child.pid})
            except (OSError, EOFError):
                self._stop_template()
                return None
        return _Death(answer["signal"], answer["peak"])

    def _fork(self) -> _Child:
        """Have the template fork a process; the lock is held."""
        if self._control is None or self._template is None:
            raise EOFError("the parser template is gone")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with theirs:
                socket.send_fds(self._control, [b'{"fork":1}'], [theirs.fileno()])
            answer = self._answer()
        except BaseException:
            ours.close()
            raise
        return _Child(answer["pid"], ours, self._template.pid)

    def _ask(self, question: dict[str, int]) -> dict[str, Any]:
        """Ask the template something; the lock is held."""
        if self._control is None:
            raise EOFError("the parser template is gone")
        self._control.sendall(json.dumps(question).encode())
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        """Return the template's next answer; what it could not do is an OSError."""
        message = self._control.recv(CONTROL_BYTES) if self._control else b""
        if not message:
            raise EOFError("the parser template has died")
        answer: dict[str, Any] = json.loads(message)
        if "error" in answer:
            raise OSError(answer["error"])
        return answer

    def _start_template(self) -> None:
        """Start a clean interpreter that imports the parsers and waits; the lock is held."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        passed = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONHOME", "VIRTUAL_ENV")
        with theirs:
            self._template = subprocess.Popen(  # noqa: S603 - our own module
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "adapters.parsing.sandbox.parser_process",
                    str(theirs.fileno()),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                # No secret of the worker's environment is within reach of a hostile file.
                env={k: os.environ[k] for k in passed if k in os.environ}
                | {"PYTHONPATH": str(_ROOT)},
            )
        self._control = ours
        ours.settimeout(_START_S)
        try:
            ours.sendall(json.dumps({**self._limits, "ways": self._ways}).encode())
            hello = ours.recv(CONTROL_BYTES)
        except OSError as error:
            self._stop_template()
            raise Retryable(f"the parser template did not start: {error}") from error
        if not hello:
            self._stop_template()
            raise Retryable("the parser template did not start; its error output says why")
        self._isolation = json.loads(hello)["isolation"]

    def _stop_template(self) -> None:
        """End the template, and with it every parser; the lock is held."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._template is not None:
            self._template.kill()
            self._template.wait()
            self._template = None
        for child in self._idle:
            child.channel.close()
        self._idle = []


@contextmanager
def _descriptor(data: bytes | Path) -> Iterator[int]:
    """Lend bytes or a path as the descriptor of a readable file."""
    if isinstance(data, Path):
        with data.open("rb") as source:
            yield source.fileno()
        return
    in_memory = len(data) <= _SMALL and hasattr(os, "memfd_create")
    with os.fdopen(os.memfd_create("file"), "wb") if in_memory else TemporaryFile() as copy:
        copy.write(data)
        copy.flush()
        yield copy.fileno()


def _crashed() -> Unreadable:
    """Return the error for a file that ended its parser."""
    return Unreadable("parser_crashed", "The file made its parser crash; it may be damaged.")


def _timed_out(timeout_s: float) -> Unreadable:
    """Return the error for a file that took too long."""
    return Unreadable("parser_timeout", f"Reading the file took longer than {timeout_s:g} s.")


def _check_wanted(abort: Callable[[], bool] | None) -> None:
    """Stop where the caller says so."""
    if abort is not None and abort():
        raise Cancelled("the parsing was stopped by its caller")


def _receive(
    channel: socket.socket, size: int, until: float, abort: Callable[[], bool] | None
) -> bytearray:
    """Return exactly *size* bytes, or raise EOFError or TimeoutError."""
    received = bytearray(size)
    view = memoryview(received)
    at = 0
    while at < size:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if select.select([channel], [], [], min(left, _TICK_S))[0]:
            got = channel.recv_into(view[at:])
            if not got:
                raise EOFError
            at += got
        else:
            _check_wanted(abort)
    return received
