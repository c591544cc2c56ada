"""Logs of every process: one JSON line per event on stderr, with fields rather than prose."""

import faulthandler
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any, Final

from runtime.logging.correlation import current
from runtime.logging.log_lines import JsonLines
from runtime.logging.log_words import trace, words
from runtime.logging.log_writer import LogReport, LogWriter

OURS: Final = (
    "rag",
    "runtime",
    "protocol",
    "access",
    "jobs",
    "corpus",
    "intake",
    "tasks",
    "adapters",
    "workers",
    "stack",
    "web",
    "cli",
    "quern",
    "celery.worker",
)


class AsyncHandler(logging.Handler):
    """Hands records to the writer: arguments, ids and traceback as they are at the call."""

    def __init__(self, writer: LogWriter) -> None:
        super().__init__()
        self.writer = writer

    def createLock(self) -> None:  # noqa: N802 - logging's own name
        """Have none: nothing here is shared but the queue, which needs none."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Take a record."""
        exc_info, exc = record.exc_info, ""
        if record.args:
            _resolve(record)
        if exc_info and exc_info[0] is not None:
            exc = trace(exc_info)
        self.writer.put(record.levelno, (record, exc), current())
        return True

    def flush(self) -> None:
        """Wait until all is written."""
        self.writer.flush()

    def close(self) -> None:
        """Write what waits."""
        self.writer.close()
        super().close()


_writer: LogWriter | None = None
_events = False


def event(name: str, /, **fields: Any) -> None:
    """
    Log an event at INFO from a hot loop, at a tenth of what a logger costs.

    For the same lines as a logger's, with `logger` `event`; nothing where logs are not set up.
    """
    if _events:
        _writer.put(logging.INFO, (time.time(), name, logging.INFO, fields), current())  # type: ignore[union-attr]  # set with _events


def report() -> LogReport | None:
    """Return what has become of this process' lines; None where logs are not set up."""
    return _writer.report() if _writer is not None else None


def flush() -> None:
    """Wait until all that was logged is written, two seconds at most."""
    if _writer is not None:
        _writer.flush()


def configure(
    *,
    level: str,
    role: str,
    secrets: Iterable[str] = (),
    written: Callable[[], None] | None = None,
) -> None:
    """
    Send the logs of this process to stderr as JSON lines; earlier handlers are removed.

    The lines are written by a thread (see `LogWriter`), and all of them when the process returns,
    raises or is sent SIGTERM. Never give a log the text of a document or a question: log its id and
    its size.

    Args:
        level: DEBUG, INFO, WARNING or ERROR; libraries speak from WARNING on, or at *level* if
            that is DEBUG.

        role: Which process this is, such as `web` or `retrieval`; stands in every line.

        secrets: What no line may hold, such as an API key.

        written: Called after lines were written, see `LogWriter`.
    """
    global _writer, _events  # noqa: PLW0603 - a process has one stderr
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        if isinstance(old, AsyncHandler):
            old.close()
    _writer = LogWriter(JsonLines(role=role, secrets=tuple(secrets)).line, written=written)
    _events = logging.getLevelName(level) <= logging.INFO
    root.addHandler(AsyncHandler(_writer))
    root.setLevel(level if level in ("DEBUG", "ERROR") else "WARNING")
    for package in OURS:
        logging.getLogger(package).setLevel(level)
    # No line shows thread, process name or place of the call, and finding them takes longer than
    # all the rest.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001 - the documented switch
    logging.raiseExceptions = False
    logging.captureWarnings(capture=True)
    _catch_the_end()


def _catch_the_end() -> None:
    """Write the reason of a crash, and what waits when the default action of SIGTERM ends us."""
    if not faulthandler.is_enabled():
        faulthandler.enable(file=2)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    if (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    ):
        signal.signal(signal.SIGTERM, _terminated)


def _terminated(number: int, _frame: FrameType | None) -> None:
    """Write what waits, then end as if this handler were not there."""
    flush()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _uncaught(kind: type[BaseException], error: BaseException, frames: Any) -> None:
    """Log what ends the process."""
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("runtime").critical("uncaught error", exc_info=(kind, error, frames))


def _uncaught_in_thread(told: threading.ExceptHookArgs) -> None:
    """Log what has ended a thread."""
    if told.exc_value is not None and not isinstance(told.exc_value, SystemExit):
        kind = (told.exc_type, told.exc_value, told.exc_traceback)
        name = told.thread.name if told.thread else ""
        log = logging.getLogger("runtime")
        log.error("uncaught error in a thread", exc_info=kind, extra={"thread_name": name})


def _resolve(record: logging.LogRecord) -> None:
    """Put the arguments into the message now: they may change, and errors may quote user text."""
    try:
        if isinstance(record.args, tuple):
            record.args = tuple(
                words(a) if isinstance(a, BaseException) else a for a in record.args
            )
        record.msg = record.getMessage()
    except Exception:  # noqa: BLE001 - arguments that do not fit, or whose __str__ raises
        record.msg = f"{record.msg} (its arguments do not fit)"
    record.args = None
