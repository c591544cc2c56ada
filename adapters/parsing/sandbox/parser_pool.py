"""
Parsing files nobody trusts, in processes with limits on time, memory and output, and no network.

    worker ──socket── template (parsers imported, no threads) ──fork── parser, parser, …
       └───────────────────────socket────────────────────────────────────┘

The template is a clean interpreter (`parser_process.py`), so its forks inherit no
thread, lock or model of the worker. A parser reads a file from a descriptor and answers on its
socket with two lengths, a JSON head and the text: nothing that comes back is executed. The template
ends when the worker's end of its socket closes, and the kernel ends the parsers with the template.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from adapters.parsing.sandbox.conversation import TICK_S, Request, Result, check_wanted, converse
from adapters.parsing.sandbox.lent_file import lent
from adapters.parsing.sandbox.limits import Death, Limits, crashed, timed_out
from adapters.parsing.sandbox.no_network import WAYS
from adapters.parsing.sandbox.template import Child, Template
from rag.documents import ParsedDocument
from rag.errors import DeadlineExceeded, Retryable, Unreadable
from runtime.settings import Settings


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
        self._limits = Limits(memory=memory_mb * 2**20, text=text_mb * 2**20)
        self._ways = WAYS  # of keeping the network away; tests take one at a time
        self._free = threading.BoundedSemaphore(max(1, processes))
        self._lock = threading.Lock()  # guards what follows
        self._idle: list[Child] = []
        self._template: Template | None = None
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
            raise crashed() from error
        finally:
            self._free.release()

    def _wait(self, wait_s: float | None, abort: Callable[[], bool] | None) -> None:
        """Take one of the permits to parse."""
        until = None if wait_s is None else time.monotonic() + wait_s
        while not self._free.acquire(timeout=TICK_S):
            check_wanted(abort)
            if until is not None and time.monotonic() >= until:
                raise DeadlineExceeded(f"no parser became free in {wait_s:g} s")

    def _parse(
        self, data: bytes | Path, filename: str, timeout_s: float, abort: Callable[[], bool] | None
    ) -> ParsedDocument:
        """Parse with an idle process, or with a new one where the file wants it for itself."""
        until = time.monotonic() + timeout_s
        with lent(data) as source:
            request = Request(source, filename, timeout_s, until, abort)
            result = self._try(request, fresh=False)
            if result is None:
                result = self._try(request, fresh=True)
        if result is None:
            raise crashed()  # a new process has no reason to ask for another
        if isinstance(result, Unreadable):
            raise result
        return result

    def _try(self, request: Request, *, fresh: bool) -> Result:
        """Parse with a process that is kept only if it answered that it may be."""
        child = self._take(fresh=fresh)
        keep = False
        try:
            result, keep = converse(child.channel, request, self._limits)
        except (EOFError, ConnectionError) as error:
            broken = self._limits.broken_by(self._end(child), request.timeout_s)
            raise broken or _ChildDied() from error
        except TimeoutError as error:
            raise timed_out(request.timeout_s) from error
        finally:
            if keep:
                self._give(child)
            else:
                self._end(child)
        return result

    def _take(self, *, fresh: bool) -> Child:
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

    def _give(self, child: Child) -> None:
        """Keep a process for the next file."""
        with self._lock:
            if not self._closed and self._template is not None:
                self._idle.append(child)
                return
        self._end(child)

    def _end(self, child: Child) -> Death | None:
        """Kill a process if it lives, and return how it ended; None if unknown."""
        if child.channel.fileno() < 0:  # ended before
            return None
        child.channel.close()
        with self._lock:
            if self._template is None or self._template.pid != child.template:
                return None  # it went with its template; its id may be another's by now
            try:
                return self._template.end(child.pid)
            except (OSError, EOFError):
                self._stop_template()
                return None

    def _fork(self) -> Child:
        """Have the template fork a process; the lock is held."""
        if self._template is None:
            raise EOFError("the parser template is gone")
        return self._template.fork()

    def _start_template(self) -> None:
        """Start a template; the lock is held."""
        self._template = Template(self._limits, self._ways)
        self._isolation = self._template.isolation

    def _stop_template(self) -> None:
        """End the template, and with it every parser; the lock is held."""
        if self._template is not None:
            self._template.stop()
            self._template = None
        for child in self._idle:
            child.channel.close()
        self._idle = []
