"""Logs of every process: one JSON line per event on stderr, with fields rather than prose."""

import logging
import sys
from datetime import UTC, datetime
from typing import Any

import orjson

# What a record carries besides the fields given in `extra`.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """
    Formats a record as one line of JSON: an event and its fields.

    First `ts` (RFC 3339, UTC, ms), `level`, `role`, `pid`, `logger`, `event`. Everything given in
    `extra` follows under its own name; what JSON does not know becomes text. A field that bears
    the name of a fixed one is written with a `_` after it.
    """

    def __init__(self, *, role: str) -> None:
        super().__init__()
        self._role = role

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        moment = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, Any] = {
            "ts": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "role": self._role,
            "pid": record.process,
            "logger": record.name,
            "event": record.getMessage(),
        }
        for name, value in vars(record).items():
            if name not in _STANDARD:
                line[f"{name}_" if name in line else name] = value
        if record.exc_info:
            line["exc"] = self.formatException(record.exc_info)
        try:
            return orjson.dumps(line, default=str, option=_OPTIONS).decode()
        except (TypeError, ValueError):
            # Half a surrogate pair, an integer beyond 64 bits: rare, and never worth losing a line.
            return orjson.dumps({k: _plain(v) for k, v in line.items()}).decode()


_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY


def configure(*, level: str, role: str) -> None:
    """
    Send the logs of this process to stderr as JSON lines; earlier handlers are removed.

    Never give a log the text of a document or a question: log its id and its size.

    Args:
        level: DEBUG, INFO, WARNING or ERROR; libraries speak from WARNING on, or at *level* if
            that is DEBUG.

        role: Which process this is, such as `web` or `retrieval`; stands in every line.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(role=role))
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level if level in ("DEBUG", "ERROR") else "WARNING")
    for package in ("rag", "runtime", "jobs", "tasks", "workers", "web", "cli", "celery.worker"):
        logging.getLogger(package).setLevel(level)
    logging.captureWarnings(capture=True)


def _plain(value: object) -> str:
    """Turn anything into text that is valid UTF-8."""
    return str(value).encode(errors="backslashreplace").decode()
