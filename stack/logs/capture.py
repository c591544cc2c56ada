"""
What a program writes that does not know our form: kept as it comes, and rewritten into its log.

The program has a plain file for its output, `DATA/logs/raw/NAME.log`, and the supervisor copies
from it, line by line, what is new. A file never fills like a pipe: no program waits for a
supervisor that is slow, stopped or dead, and what one that was killed had not read the next reads.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from stack.logs.foreign_lines import ForeignLines

#: Bytes that are read at once, so that a flood keeps the supervisor from nothing.
MOST: Final = 1_000_000
#: The plain file is emptied from this size on, once all of it was read.
RAW_BYTES: Final = 2_000_000


class Capture:
    """
    Copies a program's plain output into its log as JSON lines; never raises OSError.

    Args:
        log: The program's log; the plain file lies beside it in `raw/`.

        name: The program.

        secrets: What no line may hold.
    """

    def __init__(self, log: Path, *, name: str, secrets: Iterable[str] = ()) -> None:
        self.raw = log.parent / "raw" / log.name
        self._log = log
        self._mark = self.raw.with_suffix(".offset")
        self._lines = ForeignLines(name, secrets=secrets)
        self._offset = self._marked()

    def open(self) -> BinaryIO:
        """Open the plain file for a new process; what an earlier one left is copied first."""
        self.raw.parent.mkdir(parents=True, exist_ok=True)
        self.copy(pid=0, all_of_it=True)
        return self.raw.open("ab")

    def copy(self, *, pid: int, all_of_it: bool = False) -> None:
        """Copy what is new; with *all_of_it* also a last line that has no end."""
        with suppress(OSError):
            while (data := self._read(all_of_it=all_of_it)) and self._write(data, pid=pid):
                if not all_of_it:
                    break
            if self._offset > RAW_BYTES and self._offset == self.raw.stat().st_size:
                os.truncate(self.raw, 0)
                self._move(0)

    def _read(self, *, all_of_it: bool) -> bytes:
        """Return whole lines that are new."""
        if not self.raw.exists() or self.raw.stat().st_size <= self._offset:
            return b""
        with self.raw.open("rb") as raw:
            raw.seek(self._offset)
            data = raw.read(MOST)
        end = data.rfind(b"\n") + 1
        if all_of_it and len(data) < MOST:
            return data
        # A line that is longer than a read comes in pieces.
        return data[:end] if end or len(data) < MOST else data

    def _write(self, data: bytes, *, pid: int) -> bool:
        """Append lines to the log, then remember that they are there."""
        with self._log.open("ab", buffering=0) as log:
            log.write(self._lines.convert(data.decode(errors="replace"), pid=pid))
        self._move(self._offset + len(data))
        return True

    def _move(self, offset: int) -> None:
        """Remember how far the plain file was read, also for the next supervisor."""
        self._offset = offset
        self._mark.write_text(str(offset))

    def _marked(self) -> int:
        """Return how far it was read; from its start where the mark is of another file."""
        try:
            offset = int(self._mark.read_text())
            return offset if offset <= self.raw.stat().st_size else 0
        except (OSError, ValueError):
            return 0
