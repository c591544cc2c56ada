"""What a log line may contain of errors and addresses: no text of documents, no secrets."""

import re
import threading
import traceback
from types import TracebackType
from typing import Final

from redis.exceptions import RedisError

#: What stands in the place of a secret.
HIDDEN: Final = "***"
#: Bytes that a secret has at least: of a shorter one every line would be full by accident.
LEAST_SECRET: Final = 4

_CREDENTIALS = re.compile(r"://[^\s/?#\"'\\]*@")

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def words(error: BaseException) -> str:
    """
    Return what a log may hold of an error: its message where that cannot quote user text.

    Messages of the operating system and of Redis pass, and those of errors whose class says
    `is_safe_to_log`; an error may bring other words, as `for_logs`. All others pass in the main
    thread only, which starts the process and never holds a document or a question. Elsewhere
    there is the type, and how long the message is.
    """
    if told := getattr(error, "for_logs", ""):
        return redacted(str(told))
    said = str(error)
    if (
        getattr(error, "is_safe_to_log", False)
        or isinstance(error, OSError | RedisError)
        or threading.current_thread() is threading.main_thread()
    ):
        return redacted(said)
    return f"{type(error).__name__}, whose message of {len(said)} characters is withheld"


def trace(exc_info: ExcInfo) -> str:
    """Return a traceback, its causes after it, whose messages are what `words` lets pass."""
    parts: list[str] = []
    error: BaseException | None = exc_info[1]
    frames = exc_info[2]
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        name = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
        stack = "".join(traceback.format_tb(frames))
        parts.append(f"Traceback (most recent call last):\n{stack}{name}: {words(error)}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        frames = error.__traceback__ if error is not None else None
    return "\n\nCaused by:\n\n".join(parts)


def redacted(text: str) -> str:
    """Return a text without user names and passwords in its addresses."""
    return _CREDENTIALS.sub(f"://{HIDDEN}@", text) if "://" in text and "@" in text else text
