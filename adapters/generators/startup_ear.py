"""Hears what child processes say on stderr while they start, to give the reason in one line."""

import os
import re
import threading
from types import TracebackType
from typing import Self

import orjson

_ERROR = re.compile(r"\b((?:[a-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Interrupt)): (.+)")
# What the parents say of it: true, and of no use.
_HEARSAY = ("initialization failed", "See stack trace", "failed to start")


class StartupEar:
    """
    Passes stderr on, this process's and its children's, and remembers the first error in it.

    An engine core that cannot start tells why on its stderr alone. Children that live on keep
    writing through here: the thread ends with the last of them.
    """

    def __enter__(self) -> Self:
        """Put a pipe in the place of stderr."""
        self.reason = ""
        self._real = os.dup(2)
        read_end, write_end = os.pipe()
        os.dup2(write_end, 2)
        os.close(write_end)
        self._thread = threading.Thread(
            target=self._pass_on, args=(read_end, os.dup(self._real)), name="stderr", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Put the real stderr back; for children it stays what it was."""
        os.dup2(self._real, 2)
        os.close(self._real)

    def settle(self, *, timeout_s: float = 1.0) -> None:
        """Wait a moment for the last words of children that are ending."""
        self._thread.join(timeout=timeout_s)

    def _pass_on(self, source: int, target: int) -> None:
        """Copy until the last writer is gone; lines are looked at one by one."""
        with os.fdopen(source, "rb") as lines, os.fdopen(target, "wb", buffering=0) as real:
            for line in lines:
                real.write(line)
                self._hear(line.decode(errors="replace"))

    def _hear(self, line: str) -> None:
        """Keep the first error that is no hearsay; of a line in our form that of its traceback."""
        if self.reason:
            return
        for told in _told(line):
            if match := _ERROR.search(told):
                said = f"{match[1]}: {match[2].strip()}"
                if not any(word in said for word in _HEARSAY):
                    self.reason = said
                    return


def _told(line: str) -> list[str]:
    """Return the lines of text in a line."""
    try:
        fields = orjson.loads(line)
        # Backwards: the first cause stands last.
        return [*reversed(str(fields.get("exc", "")).splitlines()), str(fields["event"])]
    except (orjson.JSONDecodeError, AttributeError, KeyError):
        return [line]
