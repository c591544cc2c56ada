"""Files of a backup: blobs, which have the names of their contents, and other files."""

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

BLOCK: Final = 1 << 20
_BLOB: Final = re.compile(r"[0-9a-f]{64}")
#: Files that are on their way to their place begin like this.
BESIDE: Final = ".new-"
#: Blobs lie on shelves, by the first two digits of their names.
SHELVES: Final = tuple(f"{n:02x}" for n in range(256))


def blobs_on(folder: Path, shelf: str) -> set[str]:
    """Return the names of the blobs on one shelf of *folder*, without looking at any of them."""
    try:
        with os.scandir(folder / shelf) as entries:
            return {entry.name for entry in entries if _BLOB.fullmatch(entry.name)}
    except FileNotFoundError:
        return set()


def copy_blobs(
    names: Iterable[str], source: Path, target: Path, *, told: Callable[[], None]
) -> Iterator[str]:
    """
    Copy blobs that *target* does not have; yields those that are missing or damaged in *source*.

    A blob whose bytes do not make its name is not copied. What is in *target* was whole when it
    got its place, so a second backup reads only what is new.
    """
    shelves = set()
    for name in names:
        shelf = target / name[:2]
        if shelf not in shelves:
            shelf.mkdir(parents=True, exist_ok=True, mode=0o700)
            shelves.add(shelf)
        place = shelf / name
        if not place.exists():
            try:
                if copy_file(source / name[:2] / name, place, digest=name) != name:
                    yield name
            except FileNotFoundError:
                yield name
        told()


def copy_tree(
    source: Path, target: Path, *, known: Mapping[str, str], told: Callable[[int, int], None]
) -> Iterator[tuple[str, str]]:
    """
    Copy files that never change once they are there; yields (SHA-256, path below the folder).

    What *target* has already and *known* has the SHA-256 of, by path, is not read again.
    """
    paths = sorted(
        str(path.relative_to(source)) for path in source.glob("*/*")
        if not path.name.startswith(".") and path.is_file()
    )  # fmt: skip
    for done, path in enumerate(paths, start=1):
        place = target / path
        if path in known and place.exists():
            yield known[path], path
        else:
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with suppress(FileNotFoundError):  # its time was over meanwhile
                yield copy_file(source / path, place), path
        told(done, len(paths))


def copy_file(source: Path, target: Path, *, digest: str | None = None) -> str:
    """
    Copy a file, whole or not at all, and return its SHA-256.

    Where a *digest* is given and the bytes have another one, nothing is left at *target*.
    """
    found = hashlib.sha256()
    beside = target.with_name(BESIDE + target.name)
    with source.open("rb") as old, beside.open("wb") as new:
        os.fchmod(new.fileno(), 0o600)
        while block := old.read(BLOCK):
            found.update(block)
            new.write(block)
    if digest in (None, found.hexdigest()):
        beside.replace(target)
    else:
        beside.unlink()
    return found.hexdigest()


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """Give a file for its owner alone, which is at *path* once the block has ended, on the disk."""
    beside = path.with_name(BESIDE + path.name)
    with beside.open("wb") as file:
        os.fchmod(file.fileno(), 0o600)
        yield file
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
