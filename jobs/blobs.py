"""The blob store: bytes under the SHA-256 of their content, on a disk that every process sees."""

import contextlib
import hashlib
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile

import orjson

from rag.errors import StoreUnavailable

_NAME = re.compile(r"[0-9a-f]{64}")


class BlobStore:
    """
    Keep bytes content-addressed under a folder.

    A blob is there whole or not at all: it is written beside its place and renamed into it.
    Writing what is already there costs a look and renews its age.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, data: bytes, *, durable: bool = True) -> str:
        """
        Keep *data* and return its name; *durable* survives power loss, not only a crash.

        Raises:
            StoreUnavailable: The disk is full or away.
        """
        name = hashlib.sha256(data).hexdigest()
        path = self._path(name)
        try:
            with contextlib.suppress(FileNotFoundError):
                os.utime(path)
                return name
            path.parent.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=path.parent, prefix=".new-", delete=False) as file:
                file.write(data)
                file.flush()
                if durable:
                    os.fsync(file.fileno())
            Path(file.name).rename(path)
            if durable:
                _sync_folder(path.parent)
        except OSError as error:
            raise StoreUnavailable(f"the blob store cannot be written: {error.strerror}") from error
        return name

    def get(self, name: str) -> bytes | None:
        """Return the bytes called *name*, None where there are none."""
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreUnavailable(f"the blob store cannot be read: {error.strerror}") from error

    def has(self, name: str) -> bool:
        """Tell whether there is a blob called *name*."""
        return self._path(name).exists()

    def is_empty(self) -> bool:
        """Tell whether there is no blob at all: perhaps its disk is not there."""
        return next(self._folder.glob("??/*"), None) is None

    def put_json(self, value: object, *, durable: bool = True) -> str:
        """Keep *value* as JSON and return its name."""
        return self.put(orjson.dumps(value), durable=durable)

    def get_json(self, name: str) -> object | None:
        """Return the JSON value called *name*, None where there is none."""
        data = self.get(name)
        return None if data is None else orjson.loads(data)

    def older_than(self, age_s: float) -> Iterator[str]:
        """Yield the names of blobs last written more than *age_s* seconds ago."""
        limit = time.time() - age_s
        for path in self._folder.glob("??/*"):
            try:
                old = path.stat().st_mtime < limit
            except FileNotFoundError:
                continue
            if old and _NAME.fullmatch(path.name):
                yield path.name
            elif old and path.name.startswith(".new-"):
                path.unlink(missing_ok=True)  # a writer died before its rename

    def delete(self, name: str, *, older_than_s: float) -> bool:
        """
        Forget a blob unless it was written meanwhile; tells whether it is gone.

        It is moved aside before its age is looked at: a writer who renews its age first is seen,
        and one who comes later finds no blob and writes a new one.
        """
        path = self._path(name)
        aside = path.with_name(f".new-{name}")
        try:
            path.rename(aside)
        except FileNotFoundError:
            return True
        if aside.stat().st_mtime > time.time() - older_than_s and not path.exists():
            aside.rename(path)
            return False
        aside.unlink()
        return not path.exists()

    def _path(self, name: str) -> Path:
        """Return where a blob lies; refuses anything but a SHA-256."""
        if not _NAME.fullmatch(name):
            raise ValueError("a blob's name is 64 hexadecimal digits")
        return self._folder / name[:2] / name


def _sync_folder(folder: Path) -> None:
    """Make a rename in *folder* survive power loss."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
