"""The journal of rows: lines with a checksum each, in groups that a commit ends."""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from adapters.local_index.stored_chunks.written_file import WrittenFile

#: What one line says.
Line = dict[str, Any]


class Journal:
    """
    Lines that count in groups: a group is written at once, and read only if it is whole.

    Args:
        path: The file.

        end: Where its last commit ends; what lies behind it is of a group that was not ended.
    """

    def __init__(self, path: Path, *, end: int = 0) -> None:
        self._path = path
        self._file = WrittenFile(path)
        self._end = end
        self._group: list[bytes] = []

    def append(self, line: Line) -> None:
        """Add a line to the group that the next commit ends."""
        self._group.append(_written(line))

    def commit(self, line: Line) -> None:
        """Write the group, with *line* as its last; where it fails the group waits for another."""
        data = b"".join([*self._group, _written(line)])
        # What a full disk or a kill left of an earlier try must never be read as this one's.
        self._file.cut(self._end)
        self._file.write(data, self._end)
        self._end += len(data)
        self._group = []

    def lines(self) -> Iterator[Line]:
        """Yield the lines up to the last commit, as they are in the file now."""
        for line, _ in read_lines(self._path.read_bytes()[: self._end]):
            yield line

    def intact(self, *, thorough: bool) -> bool:
        """Return True if the file is not cut; *thorough* also reads each line's checksum."""
        if self._path.stat().st_size < self._end:
            return False
        if not thorough:
            return True
        data = self._path.read_bytes()[: self._end]
        return max((end for _, end in read_lines(data)), default=0) == len(data)

    def rename(self, path: Path) -> None:
        """Make this the journal at *path*, in place of the one there."""
        self._path.rename(path)
        self._path = path

    def close(self) -> None:
        """Let the file go; a group without a commit is dropped."""
        self._file.close()


def read_lines(journal: bytes) -> Iterator[tuple[Line, int]]:
    """Yield each line with where it ends, up to the first that is not whole."""
    end = 0
    for line in journal.splitlines(keepends=True):
        end += len(line)
        crc, _, data = line.rstrip(b"\n").partition(b" ")
        if not line.endswith(b"\n") or crc != b"%08x" % zlib.crc32(data):
            return
        yield orjson.loads(data), end


def _written(line: Line) -> bytes:
    """Return a line as it lies in the file: a checksum, and what it is of."""
    data = orjson.dumps(line)
    return b"%08x %s\n" % (zlib.crc32(data), data)
