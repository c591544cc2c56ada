"""The files of a form on their way: all of a request's in one file on disk, a little in memory."""

from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Final, cast

from flask import Request

from rag.errors import StoreUnavailable
from web.front_end import front_end

#: So many bytes of a request's files stay in memory; more go to the disk.
IN_MEMORY: Final = 64 * 1024
#: In the blob store's folder, on whose disk there has to be room anyway; `/tmp` may be memory.
FOLDER: Final = ".uploads"


class Spool:
    """
    Hold the files of one request one after the other.

    However many they are, they take IN_MEMORY bytes and one descriptor. The file has no name, so
    none is left behind by a process that is killed.

    Args:
        folder: Where it is made once it is too large for memory.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: SpooledTemporaryFile[bytes] | None = None
        self._end = 0

    def open(self) -> "SpooledFile":
        """Begin the next file, at the end of those before."""
        return SpooledFile(self, self._end)

    def append(self, data: bytes) -> int:
        """Write at the end; raises StoreUnavailable."""
        try:
            if self._file is None:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._file = SpooledTemporaryFile(  # noqa: SIM115  # the request closes it
                    max_size=IN_MEMORY, dir=str(self._folder)
                )
            self._file.write(data)
        except OSError as error:
            raise StoreUnavailable(f"the upload cannot be stored: {error.strerror}") from error
        self._end += len(data)
        return len(data)

    def read(self, start: int, size: int) -> bytes:
        """Read bytes; only once all are written."""
        if self._file is None:
            return b""
        self._file.seek(start)
        return self._file.read(size)

    def close(self) -> None:
        """Forget the files."""
        if self._file is not None:
            self._file.close()


class SpooledFile:
    """One file of a form, as Werkzeug's parser writes it and its reader reads it: whole."""

    def __init__(self, spool: Spool, start: int) -> None:
        self._spool = spool
        self._start = start
        self.size = 0

    def write(self, data: bytes) -> int:
        """Append; the parser has written all of one file before it opens the next."""
        self.size += len(data)
        return self._spool.append(data)

    def read(self) -> bytes:
        """Return all bytes."""
        return self._spool.read(self._start, self.size)

    def seek(self, _offset: int) -> int:
        """Do nothing: a read is always of the whole."""
        return 0

    def close(self) -> None:
        """Do nothing: the request closes the spool."""


class SpoolingRequest(Request):
    """A request whose files are spooled together."""

    _spool: Spool | None = None

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        """Open what Werkzeug writes the next file of the form to."""
        del total_content_length, content_type, filename, content_length
        if self._spool is None:
            self._spool = Spool(front_end().settings.blobs / FOLDER)
        return cast("IO[bytes]", self._spool.open())

    def close(self) -> None:
        """Forget the files, however the request ended."""
        super().close()
        if self._spool is not None:
            self._spool.close()
