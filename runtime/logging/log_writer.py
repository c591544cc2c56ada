"""The log queue of a process: one thread writes the lines, so that no other waits for a disk."""

import atexit
import contextlib
import itertools
import logging
import os
import select
import stat
import threading
import time
import weakref
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

#: Lines of one write.
BATCH: Final = 512
#: How long lines are collected before they are written, seconds: what SIGKILL can cost.
FLUSH_S: Final = 0.05
#: Lines that may wait, some 7 MB. Warnings and errors may wait beyond it, to HARD times as many.
BOUND: Final = 10_000
HARD: Final = 2
#: From this many on the thread is woken before its time.
HURRY: Final = 2_000
#: How long an error waits until it is written; a sink that stalls must not stop the work.
ERROR_S: Final = 1.0
#: How long the end of a process waits for its last lines.
STOP_S: Final = 2.0

LEVELS: Final = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)

#: A record with its traceback, or what the thin path knows: time, event, level, fields.
Payload = tuple[logging.LogRecord, str] | tuple[float, str, int, dict[str, Any]]
_Item = tuple[int, Payload | None, Mapping[str, str], Any]


@dataclass(frozen=True, slots=True)
class LogReport:
    """Lines written and lines lost, by level, since the process began; lines that wait now."""

    written: Mapping[str, int]
    dropped: Mapping[str, int]
    depth: int


class LogWriter:
    """
    Takes lines from any thread and writes them to a descriptor in the order they came.

    Never raises and never blocks, but for errors: those wait until they are written, a second at
    most. Bounded: what finds no place is dropped and counted, and one line says how many. What
    cannot be written counts as dropped, so lines given = written + dropped + waiting, always. After
    a fork the child begins with an empty queue. `close` is called when the interpreter ends.

    Args:
        encode: Turns a payload and its ids into a line with its end; called by one thread.

        written: Called after lines were written, by the thread that wrote them; None for nobody.

        descriptor: Where to; asked for at each write, because stderr may be put elsewhere.
    """

    def __init__(
        self,
        encode: Callable[[Payload, Mapping[str, str]], bytes],
        *,
        written: Callable[[], None] | None = None,
        descriptor: int = 2,
        bound: int = BOUND,
        flush_s: float = FLUSH_S,
    ) -> None:
        self._encode = encode
        self._listener = written
        self._descriptor = descriptor
        self._bound, self._hard = bound, bound * HARD
        self._flush_s = flush_s
        self._begin()
        _writers.add(self)
        atexit.register(self.close)

    def _begin(self) -> None:
        """Start with nothing: at first, and in a child after a fork."""
        self._queue: deque[_Item] = deque()
        self._thread: threading.Thread | None = None
        self._asleep, self._hurried, self._urgent, self._closed = True, False, False, False
        # Bare locks, which a signal handler may release whatever it interrupted; an Event has a
        # lock of its own and would deadlock there.
        self._wake = threading.Lock()
        self._wake.acquire()
        self._starting = threading.Lock()
        self._draining = threading.RLock()
        self._written: Counter[int] = Counter()
        self._unwritten: Counter[int] = Counter()
        self._refused = {level: itertools.count() for level in LEVELS}
        self._told = 0
        self._torn = False
        self._telling = False

    def put(self, level: int, payload: Payload, ids: Mapping[str, str]) -> None:
        """Take a line; returns at once, or for an error when it is written."""
        depth = len(self._queue)
        if depth >= self._bound and (level < logging.WARNING or depth >= self._hard):
            next(self._refused[_floor(level)])
        elif level >= logging.ERROR or self._closed:
            self._put_now(level, payload, ids)
        else:
            self._queue.append((level, payload, ids, None))
            if self._asleep or (depth > HURRY and not self._hurried):
                self._rouse()

    def flush(self, timeout_s: float = STOP_S) -> bool:
        """Wait until all that was taken before is written; false where that took too long."""
        return self._wait_for((0, None, {}, _taken()), timeout_s)

    def report(self) -> LogReport:
        """Return what has become of the lines so far."""
        dropped = self._dropped()
        return LogReport(
            {logging.getLevelName(level): self._written[level] for level in LEVELS},
            {logging.getLevelName(level): dropped[level] for level in LEVELS},
            len(self._queue),
        )

    def close(self) -> None:
        """Write what waits; later lines are written by their own threads. May be repeated."""
        self._closed = True
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            self._rouse()
            thread.join(timeout=STOP_S)
        if thread is None or not thread.is_alive():
            self._drain()
        atexit.unregister(self.close)

    # Inside ----------------------------------------------------------------------------------

    def _put_now(self, level: int, payload: Payload, ids: Mapping[str, str]) -> None:
        """Take a line and wait for it, in its turn."""
        self._wait_for((level, payload, ids, _taken()), ERROR_S)

    def _wait_for(self, item: _Item, timeout_s: float) -> bool:
        """Put an item at the end of the queue and wait until its turn is over."""
        self._queue.append(item)
        self._urgent = True
        self._rouse()
        thread = self._thread
        if thread is None or not thread.is_alive() or thread is threading.current_thread():
            self._drain()
        return bool(item[3].acquire(timeout=timeout_s))

    def _rouse(self) -> None:
        """Wake the thread, which is started with the first line: it does not outlive a fork."""
        self._asleep, self._hurried = False, True
        if self._thread is None and not self._closed and self._starting.acquire(blocking=False):
            thread = threading.Thread(target=self._run, name="logs", daemon=True)
            try:
                thread.start()
                self._thread = thread
            except RuntimeError:  # the interpreter is ending: whoever comes drains
                self._asleep = True
            finally:
                self._starting.release()
        _release(self._wake)

    def _run(self) -> None:
        """Write until closed."""
        while not self._closed:
            if not self._queue:
                self._asleep = True
                if not self._queue and not self._closed:
                    self._wake.acquire()
                self._asleep = False
            self._wake.acquire(blocking=False)
            self._hurried = False
            if not self._urgent and not self._closed and len(self._queue) <= HURRY:
                self._wake.acquire(timeout=self._flush_s)
            self._drain()
        self._drain()

    def _drain(self) -> None:
        """Write all that waits, in order."""
        if not self._draining.acquire(timeout=STOP_S):
            return  # the sink stalls; who holds the lock goes on when it can
        try:
            self._urgent, busy = False, bool(self._queue)
            while self._queue:
                self._write_some()
            self._log_drops()
            if busy:
                self._tell()
        finally:
            self._draining.release()

    def _write_some(self) -> None:
        """Write one batch, and let those go that wait for a line of it."""
        lines: list[bytes] = []
        levels: list[int] = []
        waiting: list[Any] = []
        while len(lines) < BATCH:
            try:
                level, payload, ids, done = self._queue.popleft()
            except IndexError:
                break
            if done is not None:
                waiting.append(done)
            if payload is not None:
                lines.append(self._line(payload, ids))
                levels.append(_floor(level))
        written = self._write(lines)
        self._written.update(levels[:written])
        self._unwritten.update(levels[written:])
        for done in waiting:
            done.release()

    def _tell(self) -> None:
        """Tell the listener; not from within, where a signal handler has logged meanwhile."""
        if self._listener is None or self._telling:
            return
        self._telling = True
        with contextlib.suppress(Exception):  # lines are worth more than who counts them
            self._listener()
        self._telling = False

    def _line(self, payload: Payload, ids: Mapping[str, str]) -> bytes:
        """Encode a line; one that cannot be says so."""
        try:
            return self._encode(payload, ids)
        except Exception as error:  # noqa: BLE001 - a field's own __str__ may raise anything
            return b'{"level":"ERROR","event":"log line lost","error":"%b"}\n' % (
                type(error).__name__.encode()
            )

    def _write(self, lines: list[bytes]) -> int:
        """Write lines; returns how many are whole in the sink, fewer where it takes no more."""
        if not _is_pipe(self._descriptor):
            return self._write_together(lines)
        written = 0
        for few in _few(lines):
            whole = self._write_together(few)
            written += whole
            if whole < len(few):
                break
        return written

    def _write_together(self, lines: list[bytes]) -> int:
        """Write lines at once; returns as `_write`."""
        data = memoryview(b"\n" * self._torn + b"".join(lines))
        at = 0
        try:
            while at < len(data):
                at += _write_once(self._descriptor, data[at:])
        except (OSError, ValueError):
            whole, end = 0, int(self._torn)
            for line in lines:
                end += len(line)
                if end > at:
                    break
                whole += 1
            self._torn = data[at - 1] != ord("\n") if at else self._torn
            return whole
        self._torn = False
        return len(lines)

    def _log_drops(self) -> None:
        """After a burst say once how many lines it has cost."""
        total = self._dropped().total()
        if total <= self._told:
            return
        fields = {"n": total - self._told, "logger_": "log_writer"}
        line = self._line((time.time(), "log_dropped", logging.WARNING, fields), {})
        if self._write([line]):
            self._told = total

    def _dropped(self) -> Counter[int]:
        """Count what was refused or could not be written, by level."""
        # Counted by an iterator because that is one step: an addition may lose some.
        refused = {level: int(repr(count)[6:-1]) for level, count in self._refused.items()}
        return Counter(refused) + self._unwritten


def _taken() -> Any:
    """Return a lock that is held until it is released."""
    lock = threading.Lock()
    lock.acquire()
    return lock


def _release(lock: Any) -> None:
    """Release a lock, held or not."""
    try:
        lock.release()
    except RuntimeError:
        return


def _floor(level: int) -> int:
    """Return the standard level at or below a level."""
    return min(max(level // 10 * 10, logging.DEBUG), logging.CRITICAL)


def _is_pipe(descriptor: int) -> bool:
    """Return True if the sink is a pipe, which other processes may write to as well."""
    try:
        return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:
        return False  # its write says what is wrong


def _few(lines: list[bytes]) -> Iterator[list[bytes]]:
    """
    Yield lines in groups that a pipe takes whole or not at all (POSIX, `PIPE_BUF`).

    A line that is longer by itself is a group of its own, and may still be torn.
    """
    group: list[bytes] = []
    size = 1  # for the end of a line that was torn
    for line in lines:
        if group and size + len(line) > select.PIPE_BUF:
            yield group
            group, size = [], 1
        group.append(line)
        size += len(line)
    if group:
        yield group


def _write_once(descriptor: int, data: memoryview) -> int:
    """Write what goes; waits for a sink that is full for the moment, for STOP_S at most."""
    try:
        return os.write(descriptor, data)
    except BlockingIOError:
        if not select.select([], [descriptor], [], STOP_S)[1]:
            raise
        return 0


_writers: "weakref.WeakSet[LogWriter]" = weakref.WeakSet()


def _in_child() -> None:
    """What waited is the parent's to write, and its thread is not here."""
    for writer in list(_writers):
        writer._begin()  # noqa: SLF001 - its own module


os.register_at_fork(after_in_child=_in_child)
