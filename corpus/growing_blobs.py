"""Blobs of which nobody has all bytes at once: written piece by piece, named once they end."""

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Final, Self

from rag.errors import StoreUnavailable
from runtime.durable_folders import sync_folder

#: Bytes that go to the disk together.
_PIECE: Final = 1 << 16


class Growing:
    """
    A blob that is written piece by piece; what is not kept is gone with the end of the block.

    Attributes:
        size: Bytes so far.
    """

    def __init__(self, folder: Path) -> None:
        """Begin with no bytes; raises StoreUnavailable."""
        self._folder = folder
        self._hash = hashlib.sha256()
        self.size = 0
        # Among the blobs: the sweep removes what a writer leaves that dies here.
        self._beside = folder / "00" / f".new-{os.urandom(8).hex()}"
        try:
            self._beside.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(  # noqa: SIM115  closed with the block
                self._beside, "xb", buffering=_PIECE, opener=_owners
            )  # fmt: skip
        except OSError as error:
            raise StoreUnavailable(f"the blob store cannot be written: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # of a full disk: what is left is written once more
            self._file.close()
        with contextlib.suppress(OSError):
            self._beside.unlink(missing_ok=True)

    def write(self, data: bytes) -> None:
        """Add bytes; raises StoreUnavailable."""
        try:
            self._file.write(data)
        except OSError as error:
            raise StoreUnavailable(f"the blob store cannot be written: {error.strerror}") from error
        self._hash.update(data)
        self.size += len(data)

    def keep(self) -> str:
        """
        Make the blob durable and return its name; nothing may be written to it any more.

        Raises:
            StoreUnavailable: The disk is full or away.
        """
        name = self._hash.hexdigest()
        folder = f"{self._folder}/{name[:2]}"
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            os.utime(self._file.fileno())
            Path(folder).mkdir(parents=True, exist_ok=True)
            self._beside.replace(f"{folder}/{name}")
            sync_folder(folder)
        except OSError as error:
            raise StoreUnavailable(f"the blob store cannot be written: {error.strerror}") from error
        return name


def _owners(path: str, flags: int) -> int:
    """Open a file that its owner alone may read, as all blobs are."""
    return os.open(path, flags, 0o600)
