"""How times, counts and states are written for people."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rich.text import Text

STYLES = {
    "queued": "dim",
    "running": "cyan",
    "succeeded": "green",
    "partial": "yellow",
    "failed": "red",
    "cancelled": "dim",
    "expired": "red",
}
_TIMINGS = (
    ("queued", "waited"),
    ("embed", "embedded"),
    ("retrieve", "searched"),
    ("generate", "wrote"),
    ("total", "in all"),
)
_SECOND_MS, _MINUTE, _HOUR, _DAY = 1_000, 60, 3_600, 86_400
_TWO_DIGITS = 10


def duration(ms: float | None) -> str:
    """Write milliseconds as people would say them; empty for None."""
    if ms is None:
        return ""
    seconds = ms / _SECOND_MS
    if seconds >= _MINUTE:
        return span(seconds)
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{ms:.0f} ms" if ms >= _TWO_DIGITS else f"{ms:.1f} ms"


def span(seconds: float) -> str:
    """Write seconds in the largest unit that fits."""
    for size, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def age(since: str) -> str:
    """Return how long ago an RFC 3339 time was."""
    return span((datetime.now(tz=UTC) - datetime.fromisoformat(since)).total_seconds())


def count(n: int, one: str) -> str:
    """Write a number with its noun."""
    return f"{n:,} {one}" if n == 1 else f"{n:,} {one}s"


def shortened(text: str, most: int) -> str:
    """Write at most so many characters of a text on one line."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "\u2026"


def state(word: str) -> Text:
    """Write a job's state in its colour."""
    return Text(word, style=STYLES.get(word, ""))


def timings(job: Mapping[str, Any]) -> str:
    """Write a job's timings on one line."""
    spent = job.get("timings_ms") or {}
    told = [(words, spent[name]) for name, words in _TIMINGS if name in spent]
    return ", ".join(f"{words} {duration(ms)}" for words, ms in told)


def failure(error: Mapping[str, Any] | None) -> str:
    """Return in one line what went wrong with a job or document."""
    error = error or {}
    said = error.get("detail") or error.get("title") or error.get("type")
    return str(said or "no reason was given")
