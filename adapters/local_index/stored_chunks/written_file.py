"""A file that is written at places which the writer names."""

import os
from pathlib import Path

from adapters.local_index.errors import IndexUnusable


class WrittenFile:
    """A file open for one thread that writes; it is made where it is not there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def write(self, data: bytes, at: int) -> None:
        """
        Write all of *data*; a full disk is an error here, and not a fault at the next read.

        Raises:
            IndexUnusable: The file is closed.
        """
        file = self._open()
        view = memoryview(data)
        while view:
            written = os.pwrite(file, view, at)
            view, at = view[written:], at + written

    def cut(self, end: int) -> None:
        """Remove what lies behind *end*."""
        os.ftruncate(self._open(), end)

    def close(self) -> None:
        """Let the file go."""
        if self._file is not None:
            os.close(self._file)
        self._file = None

    def _open(self) -> int:
        """Return the open file."""
        if self._file is None:
            raise IndexUnusable(f"{self._path.parent} is closed")
        return self._file
