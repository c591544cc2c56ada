"""A log line: a record as one line of JSON, never longer than 16 KiB and without secrets."""

import logging
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from runtime.logging.correlation import current
from runtime.logging.log_words import HIDDEN, LEAST_SECRET, redacted, trace
from runtime.logging.log_writer import Payload

#: Bytes of a line at most: Docker cuts there.
LINE_BYTES: Final = 16 * 1024
#: Characters that a field keeps of a line that is longer.
FIELD_CHARACTERS: Final = 2_000
#: Fields that a long line keeps, and those that one keeps which is too long still.
FIELDS: Final = 24
HEAD: Final = 10

# What a record carries besides the fields given in `extra`.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY
_CREDENTIALS = re.compile(rb"://[^\s/?#\"'\\]*@")


class JsonLines(logging.Formatter):
    """
    Formats a record as one line of JSON: an event and its fields.

    First `ts` (RFC 3339, UTC, ms), `level`, `role`, `pid`, `logger`, `event`, then the ids bound to
    the thread that logs. Everything given in `extra` follows under its own name; what JSON does not
    know becomes text. A field that bears the name of a fixed one is written with a `_` after it. No
    line is longer than 16 KiB, and none holds a secret or the credentials of an address.
    """

    def __init__(self, *, role: str, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._role = role
        self._second = (0, "")
        found = [secret for secret in secrets if len(secret) >= LEAST_SECRET]
        # As it is, and as JSON writes it.
        forms = {f.encode() for s in found for f in (s, orjson.dumps(s).decode()[1:-1])}
        alternatives = b"|".join(re.escape(f) for f in sorted(forms, key=len, reverse=True))
        self._secrets = re.compile(alternatives) if forms else None

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record that is logged by this thread, without its end."""
        exc = trace(record.exc_info) if record.exc_info and record.exc_info[0] else ""
        return self.line((record, exc), current()).decode().rstrip("\n")

    def line(self, payload: Payload, ids: Mapping[str, str]) -> bytes:
        """Return the line of a payload, with its end."""
        if len(payload) == 4:  # noqa: PLR2004 - the thin path's
            created, event, level, fields = payload
            line = self._head(created, logging.getLevelName(level), "event", event)
            _add(line, ids, fields.items())
        else:
            record, exc = payload
            line = self._head(record.created, record.levelname, record.name, record.getMessage())
            line["pid"] = record.process or line["pid"]
            _add(line, ids, vars(record).items())
            if exc:
                line["exc"] = exc
        data = self._hide(_dumped(line))
        if len(data) > LINE_BYTES:
            data = self._short(line, most=FIELD_CHARACTERS, fields=FIELDS)
        if len(data) > LINE_BYTES:  # of letters that take several bytes
            data = self._short(line, most=FIELD_CHARACTERS // 4, fields=HEAD)
        return data

    def _head(self, created: float, level: str, logger: str, event: str) -> dict[str, Any]:
        """Return what every line begins with."""
        second, said = self._second
        if second != int(created):
            second = int(created)
            said = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            self._second = (second, said)
        return {
            "ts": f"{said}.{int((created - second) * 1000):03d}Z",
            "level": level,
            "role": self._role,
            "pid": os.getpid(),
            "logger": logger,
            "event": event,
        }

    def _hide(self, data: bytes) -> bytes:
        """Take secrets and credentials out of a line."""
        if b"://" in data and b"@" in data:
            data = _CREDENTIALS.sub(b"://" + HIDDEN.encode() + b"@", data)
        return self._secrets.sub(HIDDEN.encode(), data) if self._secrets else data

    def _short(self, line: Mapping[str, Any], *, most: int, fields: int) -> bytes:
        """Cut every field of a line that is too long, keep the first ones, and say so."""
        kept: dict[str, Any] = {}
        for name, value in [*list(line.items())[:fields], ("exc", line.get("exc"))]:
            text = value if isinstance(value, str) else _dumped({"": value}).decode()[4:-2]
            room = most if name in ("exc", "event") else most // 8
            if len(text) > room:
                # Hidden before it is cut: half an address has no `@` to tell it by.
                told = self._hide(redacted(text).encode(errors="backslashreplace")).decode()
                half = room // 2
                kept[name[:100]] = told if len(told) <= room else f"{told[:half]}…{told[-half:]}"
            elif value is not None:
                kept[name[:100]] = value
        return self._hide(_dumped(kept | {"truncated": True}))


class StderrLines(logging.Handler):
    """Writes each record to stderr at once: for processes of others, such as an engine's own."""

    def __init__(self, role: str) -> None:
        super().__init__()
        self._lines = JsonLines(role=role)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line; a failure is ignored, because there is nowhere to report it."""
        with suppress(OSError):
            os.write(2, self._lines.format(record).encode() + b"\n")


def _add(line: dict[str, Any], ids: Mapping[str, str], fields: Iterable[tuple[str, Any]]) -> None:
    """Add ids and fields to a line; fields win over ids, and neither over the head."""
    fixed = tuple(line)
    line.update(ids)
    for name, value in fields:
        if name not in _STANDARD:
            line[f"{name}_" if name in fixed else name] = value


def _dumped(line: Mapping[str, Any]) -> bytes:
    """Write a line as JSON, whatever its fields hold."""
    try:
        return orjson.dumps(line, default=str, option=_OPTIONS | orjson.OPT_APPEND_NEWLINE)
    except (TypeError, ValueError):
        # Half a surrogate pair, an integer beyond 64 bits: rare, and never worth losing a line.
        return orjson.dumps({_plain(k): _plain(v) for k, v in line.items()}) + b"\n"


def _plain(value: object) -> str:
    """Turn anything into text that is valid UTF-8."""
    return str(value).encode(errors="backslashreplace").decode()
