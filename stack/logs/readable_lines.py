"""Log lines for people: time, level, role, event, and the fields that say something."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import orjson

#: Not shown among the fields: what stands before them, and what matters to programs.
_HEAD: Final = ("ts", "level", "role", "pid", "logger", "event", "exc")


def parsed(line: str | bytes) -> dict[str, Any] | None:
    """Return the fields of a line in our form; None where it is anything else."""
    if line[:1] not in ("{", b"{"):
        return None
    try:
        fields = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return fields if isinstance(fields, dict) and "event" in fields else None


def parts(fields: Mapping[str, Any]) -> tuple[str, str, str, str, str, str]:
    """Return local time, level, role, event, the fields as `name=value`, and the traceback."""
    told = " ".join(f"{name}={_value(v)}" for name, v in fields.items() if name not in _HEAD)
    return (
        _time(str(fields.get("ts", ""))),
        str(fields.get("level", "")),
        str(fields.get("role", "")),
        str(fields["event"]),
        told,
        str(fields.get("exc") or ""),
    )


def readable(text: str) -> list[str]:
    """Return a log's lines as plain text; what is not in our form stays as it is."""
    lines = []
    for line in text.splitlines():
        fields = parsed(line)
        if fields is None:
            lines.append(line)
            continue
        _, level, _, event, told, exc = parts(fields)
        lines += f"{level}: {event} {told}".rstrip().splitlines() + exc.splitlines()
    return lines


def _time(ts: str) -> str:
    """Return a time on this machine's clock; what is none stays as it is."""
    try:
        moment = datetime.fromisoformat(ts).astimezone()
    except ValueError:
        return ts
    return moment.strftime("%Y-%m-%d %H:%M:%S.") + f"{moment.microsecond // 1000:03d}"


def _value(value: object) -> str:
    """Write a value; quoted where it has spaces."""
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return orjson.dumps(text).decode() if isinstance(value, str) and " " in text else text
