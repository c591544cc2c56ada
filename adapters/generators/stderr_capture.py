"""Capture of stderr while child processes start: their first error, in one line."""

import os
import re
import threading
from types import TracebackType
from typing import Self

import orjson

_ERROR = re.compile(r"\b((?:[a-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Interrupt)): (.+)")
# Secondary errors: what the parents report of a child's error.
_SECONDARY = ("initialization failed", "See stack trace", "failed to start")


class StderrCapture:
    """
    Pass stderr of this process and its children on, and keep the first error in it.

    An engine core that cannot start writes the reason to stderr only. Children that live on keep
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
                self._note_error(line.decode(errors="replace"))

    def _note_error(self, line: str) -> None:
        """
        Keep the first error that is not a secondary one.

        Of a line of JSON the one in its traceback.
        """
        if self.reason:
            return
        for text in _texts(line):
            if match := _ERROR.search(text):
                said = f"{match[1]}: {match[2].strip()}"
                if not any(word in said for word in _SECONDARY):
                    self.reason = said
                    return


def _texts(line: str) -> list[str]:
    """Return the lines of text in a line."""
    try:
        fields = orjson.loads(line)
        # Backwards: the first cause stands last.
        return [*reversed(str(fields.get("exc", "")).splitlines()), str(fields["event"])]
    except (orjson.JSONDecodeError, AttributeError, KeyError):
        return [line]
