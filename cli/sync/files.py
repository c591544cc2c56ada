"""Finding the files at paths and in folders."""

import hashlib
import os
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from intake.leftovers import is_leftover, is_leftover_folder
from rag.errors import InvalidRequest


class File(Protocol):
    """A file to upload, under the id its document will have; *size* is None if unknown."""

    @property
    def document_id(self) -> str:
        """What its document will be called."""
        ...

    @property
    def size(self) -> int | None:
        """Its bytes."""
        ...

    def known_hash(self) -> str | None:
        """Return the SHA-256 of its bytes, None where they lie elsewhere and would be fetched."""
        ...

    def read_hash(self) -> str | None:
        """Read its bytes and return their SHA-256; None where they cannot be read."""
        ...

    def open(self) -> BinaryIO:
        """Open it for reading, more than once; raises OSError."""
        ...


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file of this machine, its bytes and the time of its last change as they were when found."""

    document_id: str
    path: Path
    size: int
    changed_ns: int = 0

    def known_hash(self) -> str | None:
        """Return the SHA-256 of its bytes; None where it cannot be read."""
        return self.read_hash()

    def read_hash(self) -> str | None:
        """Return the SHA-256 of its bytes; None where it cannot be read."""
        try:
            with self.path.open("rb") as data:
                return hashlib.file_digest(data, "sha256").hexdigest()
        except OSError:
            return None

    def open(self) -> BinaryIO:
        """Open it for reading."""
        return self.path.open("rb")


@dataclass(slots=True)
class Found:
    """The files at some paths, in order, and those left out that are no documents."""

    files: list[LocalFile] = field(default_factory=list)
    #: Paths of files and folders that programs keep for themselves, see `intake.leftovers`.
    left_out: list[Path] = field(default_factory=list)
    #: Folders that could not be looked into: what is in them is not known.
    unseen: list[Path] = field(default_factory=list)


def find_files(paths: Sequence[Path]) -> list[LocalFile]:
    """List the files at *paths*; see `scan`."""
    return scan(paths).files


def scan(paths: Sequence[Path]) -> Found:
    """
    List the files at *paths*, folders with all below them, sorted.

    What is hidden, and what programs leave beside people's files, is left out of folders; a file
    that was named itself is taken whatever it is called. A document is named after its path below
    the given folder, a single file after itself.

    Raises:
        InvalidRequest: Two files would be the same document, or a name is not valid Unicode.
    """
    found = Found()
    known: dict[str, LocalFile] = {}
    for given in map(Path, paths):
        for path in sorted(_below(given, found)) if given.is_dir() else [given]:
            name = path.relative_to(given).as_posix() if given.is_dir() else path.name
            called = as_known(name)
            if other := known.get(called):
                raise InvalidRequest(
                    str(path),
                    f"would be the same document as {other.path}: {name}; name their common folder",
                )
            try:
                told = path.stat()
            except FileNotFoundError:
                continue  # somebody took it away meanwhile
            known[called] = LocalFile(_valid(name, path), path, told.st_size, told.st_mtime_ns)
    found.files = list(known.values())
    found.left_out.sort()
    return found


def as_known(name: str) -> str:
    """Return what the server calls a document: systems write accents and paths differently."""
    return unicodedata.normalize("NFC", name).replace("\\", "/")


def batches(files: Sequence[File], *, most_files: int, most_bytes: int) -> Iterator[list[File]]:
    """Split *files* into requests; a file larger than *most_bytes*, or of no known size, alone."""
    batch: list[File] = []
    size = 0
    for file in files:
        its = most_bytes if file.size is None else file.size
        if batch and (len(batch) == most_files or size + its > most_bytes):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += its
    if batch:
        yield batch


def _below(folder: Path, found: Found) -> Iterator[Path]:
    """Yield the plain files below *folder* that people made; *found* is told of the rest."""

    def unseen(error: OSError) -> None:
        found.unseen.append(Path(error.filename or folder))

    for place, folders, names in os.walk(folder, onerror=unseen):
        seen = [name for name in folders if not name.startswith(".")]
        folders[:] = [name for name in seen if not is_leftover_folder(name)]
        found.left_out += [Path(place, name) for name in seen if is_leftover_folder(name)]
        for name in names:
            path = Path(place, name)
            if name.startswith(".") or not path.is_file():
                continue
            if is_leftover(name):
                found.left_out.append(path)
            else:
                yield path


def _valid(name: str, path: Path) -> str:
    """Refuse a name that no JSON can carry."""
    try:
        name.encode()
    except UnicodeEncodeError as error:
        shown = os.fsencode(path).decode(errors="replace")
        raise InvalidRequest(shown, "has a name that is not UTF-8; rename it") from error
    return name
