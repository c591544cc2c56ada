"""What programs that are not ours write, as records: time, level and event out of plain lines."""

import logging
import re
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from runtime.logging.log_lines import JsonLines

#: Characters of one event: a traceback of a foreign program is one, its lines joined.
MOST: Final = 8_000

_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_BANNER = re.compile(r"[\s(#)]*")
_REDIS = re.compile(
    r"(\d+):[A-Z] (\d+ \w{3} \d{4} \d\d:\d\d:\d\d\.\d{3}) ([.\-*#]) (.*)", re.DOTALL
)
_CHROMA = re.compile(r"\s*(\d{4}-\d\d-\d\dT[\d:.]+Z)\s+([A-Z]+)\s+(.*)", re.DOTALL)
_FLOWER = re.compile(r"\[([DIWEC]) (\d{6} \d\d:\d\d:\d\d) [^\]]*\] (.*)", re.DOTALL)
_LEVEL = re.compile(r"\b(DEBUG|INFO|WARN(?:ING)?|ERROR|CRITICAL|FATAL)\b")

_LEVELS: Final = {
    ".": logging.DEBUG, "-": logging.INFO, "*": logging.INFO, "#": logging.WARNING,
    "D": logging.DEBUG, "I": logging.INFO, "W": logging.WARNING, "E": logging.ERROR,
    "C": logging.CRITICAL, "TRACE": logging.DEBUG, "DEBUG": logging.DEBUG, "INFO": logging.INFO,
    "WARN": logging.WARNING, "WARNING": logging.WARNING, "ERROR": logging.ERROR,
    "CRITICAL": logging.CRITICAL, "FATAL": logging.CRITICAL,
}  # fmt: skip


class ForeignLines:
    """
    Turns a program's plain lines into JSON lines of our form.

    Lines that begin with a space belong to the one before them. Time and level are read where the
    program is known (Redis, Chroma, Flower); else the time is now, and the line says the level.

    Args:
        name: The program; stands as `role` and `logger`.
    """

    def __init__(self, name: str, *, secrets: Iterable[str] = ()) -> None:
        self._name = name
        self._form = JsonLines(role=name, secrets=secrets)

    def convert(self, text: str, *, pid: int) -> bytes:
        """Return the lines of a text that ends with a line's end."""
        return b"".join(
            self._form.line((self.record(event, pid=pid), ""), {}) for event in _events(text)
        )

    def record(self, event: str, *, pid: int, now: float | None = None) -> logging.LogRecord:
        """Read one event."""
        created, level = time.time() if now is None else now, logging.INFO
        if match := _REDIS.match(event):
            pid, created = int(match[1]), _moment(match[2], "%d %b %Y %H:%M:%S.%f", created)
            level, event = _LEVELS[match[3]], match[4]
        elif match := _CHROMA.match(event):
            created = datetime.fromisoformat(match[1]).timestamp()
            level, event = _LEVELS.get(match[2], level), match[3]
        elif match := _FLOWER.match(event):
            created = _moment(match[2], "%y%m%d %H:%M:%S", created)
            level, event = _LEVELS[match[1]], match[3]
        elif event.startswith("Traceback "):
            level = logging.ERROR
        elif match := _LEVEL.search(event[:200]):
            level = _LEVELS[match[1]]
        return logging.makeLogRecord(
            {
                "name": self._name, "msg": event.strip()[:MOST], "created": created,
                "levelno": level, "levelname": logging.getLevelName(level), "process": pid,
            }
        )  # fmt: skip


def _events(text: str) -> Iterator[str]:
    """Join what belongs together; leave out banners and where in its source Chroma speaks from."""
    event = ""
    for line in _COLOURS.sub("", text).splitlines():
        if not line.strip() or _BANNER.fullmatch(line):
            continue
        goes_on = line[0].isspace() and not _CHROMA.match(line)
        if goes_on and _CHROMA.match(event):
            continue
        if goes_on and event:
            event += f"\n{line}"
            continue
        if event:
            yield event
        event = line
    if event:
        yield event


def _moment(text: str, form: str, otherwise: float) -> float:
    """Read a time of this machine's clock."""
    try:
        return datetime.strptime(text, form).astimezone().timestamp()
    except ValueError:
        return otherwise
