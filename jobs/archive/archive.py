"""The archive: a folder of segments, by the hour in which the last of their rows expires."""

import contextlib
import logging
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from jobs.archive.segment import Segment, Torn, encode
from rag.errors import StoreUnavailable
from runtime.durable_folders import sync_folder

log = logging.getLogger(__name__)

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
#: Digits of an hour since 1970, in base 36: enough until the year 2161; and of a segment's name.
_HOUR_DIGITS: Final = 4
_NAME_DIGITS: Final = 6
_HOUR_S: Final = 3_600
_HOUR: Final = re.compile(f"[0-9a-z]{{{_HOUR_DIGITS}}}")
_POINTER: Final = re.compile(
    f"([0-9a-z]{{{_HOUR_DIGITS}}})([0-9a-z]{{{_NAME_DIGITS}}})\\.([0-9]{{1,6}})"
)
#: Expired segments that one call deletes.
_MOST_DELETED: Final = 1_000


class Archive:
    """
    Keep ended rows in segments; a pointer, `hour name . slot`, tells where a row lies.

    A segment is there whole or not at all, and survives power loss, before its pointers are given
    out. The hour in its path is when it may go, so nobody has to ask Redis which are still used.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, rows: Iterable[Mapping[str, str]], *, until_s: float) -> list[str]:
        """
        Write *rows* into a new segment, kept until *until_s*, seconds since 1970.

        Returns the pointer of each.

        Raises:
            StoreUnavailable: The disk is full or away; nothing was written.
        """
        data, count = encode(rows)
        hour = _base36(int(until_s // _HOUR_S) + 1, _HOUR_DIGITS)
        try:
            name = self._put(self._folder / hour, data)
        except OSError as error:
            raise StoreUnavailable(f"the archive cannot be written: {error.strerror}") from error
        return [f"{hour}{name}.{slot}" for slot in range(count)]

    def read(self, pointers: Sequence[str]) -> list[dict[str, str] | None]:
        """
        Return the row that each of *pointers* points at; None for one that cannot be read.

        A segment is opened once, however many of its rows are asked for.
        """
        found: dict[str, dict[str, str]] = {}
        by_segment: dict[Path, list[tuple[int, str]]] = {}
        for pointer in pointers:
            if parts := _POINTER.fullmatch(pointer):
                path = self._folder / parts[1] / parts[2]
                by_segment.setdefault(path, []).append((int(parts[3]), pointer))
        for path, asked in by_segment.items():
            found |= _read(path, asked)
        return [found.get(pointer) for pointer in pointers]

    def blobs(self) -> Iterator[str]:
        """
        Yield the names of all blobs that archived rows name, some more than once.

        Raises:
            StoreUnavailable: The disk is away, so nobody knows what they name.
        """
        try:
            for hour in self._hours():
                for path in (self._folder / hour).iterdir():
                    yield from _blobs(path)
        except OSError as error:
            raise StoreUnavailable(f"the archive cannot be read: {error.strerror}") from error

    def delete_expired(self, now_s: float) -> int:
        """Delete segments whose rows have all expired, some at a time; returns how many."""
        count = 0
        this_hour = _base36(int(now_s // _HOUR_S), _HOUR_DIGITS)
        try:
            for hour in sorted(self._hours()):
                if hour >= this_hour:
                    break
                for path in (self._folder / hour).iterdir():
                    path.unlink(missing_ok=True)
                    count += 1
                    if count == _MOST_DELETED:
                        return count
                with contextlib.suppress(FileNotFoundError):
                    (self._folder / hour).rmdir()
        except OSError as error:
            raise StoreUnavailable(f"the archive cannot be cleared: {error.strerror}") from error
        return count

    def delete_forgotten(self, segment: str, *, rows: int) -> bool:
        """
        Delete a segment, `hour name`, if it has no more than *rows*, all of them forgotten.

        Returns True if it is not there any more.
        """
        path = self._folder / segment[:_HOUR_DIGITS] / segment[_HOUR_DIGITS:]
        try:
            with path.open("rb") as file:
                if Segment(file).rows > rows:
                    return False
            path.unlink(missing_ok=True)
        except FileNotFoundError:
            return True
        except Torn as error:
            _tell(path, error)  # it goes when its hour has come
            return False
        except OSError as error:
            raise StoreUnavailable(f"the archive cannot be cleared: {error.strerror}") from error
        return True

    def _hours(self) -> list[str]:
        """Return the names of the hours that have segments."""
        try:
            return [name for name in os.listdir(self._folder) if _HOUR.fullmatch(name)]  # noqa: PTH208 - names are wanted
        except FileNotFoundError:
            return []

    def _put(self, folder: Path, data: bytes) -> str:
        """Write a segment beside its place, rename it into it, and return its name."""
        if not folder.exists():
            folder.mkdir(parents=True, exist_ok=True)
            sync_folder(folder.parent)
        name = _new_name()
        while (folder / name).exists():
            name = _new_name()
        beside = folder / f".new-{name}"
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            with os.fdopen(os.open(beside, flags, 0o600), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            beside.rename(folder / name)
        except OSError:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise
        sync_folder(folder)
        return name


def _read(path: Path, asked: Sequence[tuple[int, str]]) -> dict[str, dict[str, str]]:
    """Return rows of a segment by their pointers; (slot, pointer) of each is *asked*."""
    found: dict[str, dict[str, str]] = {}
    try:
        with path.open("rb") as file:
            segment = Segment(file)
            for slot, pointer in asked:
                try:
                    found[pointer] = segment.row(slot)
                except Torn as error:
                    _tell(path, error)
    except (Torn, OSError) as error:
        _tell(path, error)
    return found


def _blobs(path: Path) -> list[str]:
    """Return the blobs that a segment's rows name; none where nobody can read those rows."""
    if path.name.startswith("."):
        return []
    try:
        with path.open("rb") as file:
            return list(Segment(file).blobs())
    except (Torn, FileNotFoundError) as error:
        _tell(path, error)
        return []


def _tell(path: Path, error: Exception) -> None:
    """Log what of the archive cannot be read."""
    log.warning(
        "archived rows unreadable",
        extra={"segment": f"{path.parent.name}/{path.name}", "reason": str(error)},
    )


def _new_name() -> str:
    """Return a name for a segment."""
    return _base36(int.from_bytes(os.urandom(8)) % 36**_NAME_DIGITS, _NAME_DIGITS)


def _base36(number: int, digits: int) -> str:
    """Write *number* so that names sort like numbers."""
    text = ""
    for _ in range(digits):
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
    return text
