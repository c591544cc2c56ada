"""The blob store: bytes under the SHA-256 of their content, on a disk that every process sees."""

import contextlib
import hashlib
import logging
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import BinaryIO

import orjson

from corpus.growing_blobs import Growing
from rag.errors import StoreUnavailable
from runtime.durable_folders import sync_folder

log = logging.getLogger(__name__)

#: Files of blobs that wait to be synced together, each of them open.
MOST_OPEN = 32

#: What no bytes at all are called.
NOTHING = hashlib.sha256(b"").hexdigest()

_NAME = re.compile(r"[0-9a-f]{64}")


class BlobStore:
    """
    Keep bytes content-addressed under a folder.

    A blob is there whole or not at all: it is written beside its place and moved into it. What
    a power cut left of one, which its hash does not fit, is taken for missing. Writing what is
    already there costs a look and renews its age.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, data: bytes, *, durable: bool = True) -> str:
        """
        Keep *data* and return its name; *durable* survives power loss, not only a crash.

        Raises:
            StoreUnavailable: The disk is full or away.
        """
        with self.together(durable=durable) as several:
            return several.put(data)

    @contextlib.contextmanager
    def together(self, *, durable: bool = True) -> Iterator["Together"]:
        """
        Keep several blobs at a fraction of what each alone would cost.

        They are there once the block has ended, and as durable as `put` makes one. Where it ends
        by an exception, those that are not there yet will not be.

        Raises:
            StoreUnavailable: The disk is full or away.
        """
        several = Together(self._folder, durable=durable)
        try:
            yield several
            several.settle()
        finally:
            several.forget()

    def free_bytes(self) -> int:
        """
        Return the free space of the disk that keeps the blobs.

        Raises:
            StoreUnavailable: The disk is away.
        """
        folder = self._folder.absolute()
        while not folder.exists():  # it is made with the first blob
            folder = folder.parent
        try:
            return shutil.disk_usage(folder).free
        except OSError as error:
            raise StoreUnavailable(f"the blob store cannot be read: {error.strerror}") from error

    def take_back(self, written: Mapping[str, int]) -> None:
        """
        Remove blobs that nobody is to have: *written* of a `Together`.

        One that somebody else has put since stays: his call has renewed its time.
        """
        for name, mtime_ns in written.items():
            path = _path(self._folder, name)
            if mtime_ns % 1_000_000 == 0:
                continue  # a disk that keeps no finer times does not tell two puts apart
            with contextlib.suppress(OSError):
                if _mtime_ns(path) == mtime_ns:
                    _remove(path, unless=partial(_is_of_another_time, mtime_ns))

    def get(self, name: str) -> bytes | None:
        """Return the bytes called *name*, None where there are none, or they are not whole."""
        data = _read(_path(self._folder, name))
        if data is None or _name(data) == name:
            return data
        log.warning("a blob is not whole", extra={"blob": name, "bytes": len(data)})
        self._discard(name)
        return None

    def renew(self, name: str) -> bool:
        """
        Let a blob count as written now, so that no sweep takes it; returns False where it is gone.

        Raises:
            StoreUnavailable: The disk is away.
        """
        try:
            os.utime(_path(self._folder, name))
        except FileNotFoundError:
            return False
        except OSError as error:
            raise _unwritable(error) from error
        return True

    def open(self, name: str) -> BinaryIO | None:
        """
        Open the bytes called *name* for reading; None where `get` finds none.

        They are read once to see that they are whole, a piece at a time: none is too large.

        Raises:
            StoreUnavailable: The disk is away.
        """
        try:
            file = open(_path(self._folder, name), "rb")  # noqa: PTH123, SIM115 - see `_path`; the caller closes it
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreUnavailable(f"the blob store cannot be read: {error.strerror}") from error
        if hashlib.file_digest(file, "sha256").hexdigest() == name:
            file.seek(0)
            return file
        file.close()
        log.warning("a blob is not whole", extra={"blob": name})
        self._discard(name)
        return None

    def growing(self) -> Growing:
        """
        Begin a blob of which nobody has all bytes at once; see `Growing`.

        Raises:
            StoreUnavailable: The disk is full or away.
        """
        return Growing(self._folder)

    def has(self, name: str) -> bool:
        """Return True if there is a blob called *name*; one of no bytes may be a torn one."""
        try:
            return os.stat(_path(self._folder, name)).st_size > 0 or name == NOTHING  # noqa: PTH116 - see `_path`
        except FileNotFoundError:
            return False

    def is_empty(self) -> bool:
        """Return True if there is no blob at all: perhaps its disk is not there."""
        return next(self._folder.glob("??/*"), None) is None

    def put_json(self, value: object, *, durable: bool = True) -> str:
        """Keep *value* as JSON and return its name."""
        return self.put(orjson.dumps(value), durable=durable)

    def get_json(self, name: str) -> object | None:
        """Return the JSON value called *name*, None where there is none."""
        data = self.get(name)
        return None if data is None else orjson.loads(data)

    def _discard(self, name: str) -> None:
        """Remove what is not whole, so that the same bytes are written anew when they come."""
        with contextlib.suppress(OSError):
            _remove(
                _path(self._folder, name), unless=lambda aside: _name(_read(aside) or b"") == name
            )

    def older_than(self, age_s: float, *, folder: str = "??") -> Iterator[str]:
        """
        Yield the names of blobs last written more than *age_s* seconds ago.

        With *folder* only those whose names begin with these two digits.
        """
        limit = time.time() - age_s
        for path in self._folder.glob(f"{folder}/*"):
            try:
                old = path.stat().st_mtime < limit
            except FileNotFoundError:
                continue
            if old and _NAME.fullmatch(path.name):
                yield path.name
            elif old and path.name.startswith(".new-"):
                path.unlink(missing_ok=True)  # a writer died before its rename

    def delete(self, name: str, *, older_than_s: float) -> bool:
        """Forget a blob unless it was written meanwhile; returns True if it is gone."""
        path, limit_ns = _path(self._folder, name), int((time.time() - older_than_s) * 1e9)
        with contextlib.suppress(FileNotFoundError):  # somebody else deletes it too
            _remove(path, unless=lambda aside: _mtime_ns(aside) > limit_ns)
        return not os.path.exists(path)  # noqa: PTH110 - see `_path`


class Together:
    """
    Blobs on their way to the disk: see `BlobStore.together`.

    Each waits beside its place, in an open file, until all are synced; then they are moved into
    their places, then their folders are synced. A file system that keeps a journal writes it once
    for all the moves, where one after the other it writes it for each.

    Attributes:
        written: Blobs that nobody had put before, and the time that each was given.
    """

    def __init__(self, folder: Path, *, durable: bool) -> None:
        """Begin with none; see `BlobStore.together`."""
        self._folder = folder
        self._durable = durable
        self._open: dict[str, tuple[int, str]] = {}  # by name: descriptor and present path
        self.written: dict[str, int] = {}

    def put(self, data: bytes) -> str:
        """Take *data* and return its name; `get` finds it once the block has ended."""
        name = _name(data)
        path = _path(self._folder, name)
        if name in self._open or name in self.written:
            return name
        try:
            with contextlib.suppress(FileNotFoundError):
                os.utime(path)
                if os.stat(path).st_size == len(data):  # noqa: PTH116 - see `_path`
                    return name
            if len(self._open) >= MOST_OPEN:
                self.settle()
            self._write(name, path, data)
        except OSError as error:
            raise _unwritable(error) from error
        return name

    def put_json(self, value: object) -> str:
        """Take *value* as JSON and return its name."""
        return self.put(orjson.dumps(value))

    def settle(self) -> None:
        """Make what was taken so far durable, and give it its place."""
        try:
            if self._durable:
                for descriptor, _ in self._open.values():
                    os.fsync(descriptor)
            folders = set()
            while self._open:
                name, (descriptor, beside) = self._open.popitem()
                # The kernel's own times are some ms apart: another put of it would not be seen.
                os.utime(descriptor, ns=(mtime_ns := time.time_ns(), mtime_ns))
                told = os.fstat(descriptor)
                os.close(descriptor)
                path = _path(self._folder, name)
                if _take_place(beside, path, size=told.st_size):
                    self.written[name] = told.st_mtime_ns
                folders.add(path[: -len(name)])
            if self._durable:
                for folder in folders:
                    sync_folder(folder)
        except OSError as error:
            raise _unwritable(error) from error

    def forget(self) -> None:
        """Remove what has not got its place."""
        while self._open:
            _, (descriptor, beside) = self._open.popitem()
            with contextlib.suppress(OSError):
                os.close(descriptor)
            with contextlib.suppress(OSError):
                os.unlink(beside)  # noqa: PTH108 - see `_path`

    def _write(self, name: str, path: str, data: bytes) -> None:
        """Write *data* beside its place."""
        beside = f"{path[: -len(name)]}.new-{os.urandom(8).hex()}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            descriptor = os.open(beside, flags, 0o600)
        except FileNotFoundError:
            os.makedirs(path[: -len(name)], exist_ok=True)  # noqa: PTH103 - see `_path`
            descriptor = os.open(beside, flags, 0o600)
        self._open[name] = descriptor, beside
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
        except OSError:
            # Nobody may take what was written of it for a blob.
            del self._open[name]
            os.close(descriptor)
            os.unlink(beside)  # noqa: PTH108 - see `_path`
            raise


def _take_place(beside: str, path: str, *, size: int) -> bool:
    """
    Give a file of *size* bytes its place; returns True if nobody has put the same there meanwhile.

    What somebody else has put is his: a rename would make it ours, to be taken back with the rest.
    """
    try:
        os.link(beside, path)
    except FileExistsError:
        with contextlib.suppress(FileNotFoundError):
            os.utime(path)
            if os.stat(path).st_size == size:  # noqa: PTH116 - see `_path`
                os.unlink(beside)  # noqa: PTH108 - see `_path`
                return False
        os.rename(beside, path)  # noqa: PTH104 - see `_path`
        return True
    except OSError:  # a file system without links: nobody knows whose it is
        os.rename(beside, path)  # noqa: PTH104 - see `_path`
        return False
    os.unlink(beside)  # noqa: PTH108 - see `_path`
    return True


def _remove(path: str, *, unless: Callable[[str], bool]) -> None:
    """
    Remove a blob, *unless* what lies there says that it is wanted.

    It is moved aside before it is looked at: a writer who came first is seen, and one who comes
    later finds no blob and writes a new one.
    """
    aside = f"{path.rpartition('/')[0]}/.new-{os.urandom(8).hex()}"
    os.rename(path, aside)  # noqa: PTH104 - see `_path`
    if unless(aside) and not os.path.exists(path):  # noqa: PTH110 - see `_path`
        os.rename(aside, path)  # noqa: PTH104 - see `_path`
    else:
        os.unlink(aside)  # noqa: PTH108 - see `_path`


def _mtime_ns(path: str) -> int:
    """Return when a file was written."""
    return os.stat(path).st_mtime_ns  # noqa: PTH116 - see `_path`


def _is_of_another_time(mtime_ns: int, path: str) -> bool:
    """Return True if a file was not written then."""
    return _mtime_ns(path) != mtime_ns


def _name(data: bytes) -> str:
    """Return what bytes are called."""
    return hashlib.sha256(data).hexdigest()


def _read(path: str) -> bytes | None:
    """Return what lies at *path*, None where nothing does."""
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - see `_path`
            return file.readall()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreUnavailable(f"the blob store cannot be read: {error.strerror}") from error


def _path(folder: Path, name: str) -> str:
    """Return where a blob lies; refuses anything but a SHA-256."""
    # A string: to build and open a `Path` takes longer than to read what lies there.
    if not _NAME.fullmatch(name):
        raise ValueError("a blob's name is 64 hexadecimal digits")
    return f"{folder}/{name[:2]}/{name}"


def _unwritable(error: OSError) -> StoreUnavailable:
    """Return the error of a disk that takes no blobs."""
    return StoreUnavailable(f"the blob store cannot be written: {error.strerror}")
