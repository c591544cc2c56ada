"""Finding the files that people mean when they name files and folders."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file to hand over, under the id its document will have."""

    document_id: str
    path: Path
    size: int


def find_files(paths: Sequence[Path]) -> list[LocalFile]:
    """
    List the files at *paths*, folders with all below them, sorted; what is hidden is left out.

    A document is named after its path below the given folder, a single file after itself.

    Raises:
        InvalidRequest: Two files would be the same document, or a name is not valid Unicode.
    """
    found: dict[str, LocalFile] = {}
    for given in paths:
        for path in sorted(_below(given)) if given.is_dir() else [given]:
            name = path.relative_to(given).as_posix() if given.is_dir() else path.name
            if other := found.get(name):
                raise InvalidRequest(
                    str(path),
                    f"would be the same document as {other.path}: {name}; name their common folder",
                )
            found[name] = LocalFile(_valid(name, path), path, path.stat().st_size)
    return list(found.values())


def batches(
    files: Sequence[LocalFile], *, most_files: int, most_bytes: int
) -> Iterator[list[LocalFile]]:
    """Split *files* into requests; a file larger than *most_bytes* goes alone."""
    batch: list[LocalFile] = []
    size = 0
    for file in files:
        if batch and (len(batch) == most_files or size + file.size > most_bytes):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += file.size
    if batch:
        yield batch


def _below(folder: Path) -> Iterator[Path]:
    """Yield the plain files below *folder*, hidden ones and hidden folders left out."""
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(place, name)
            if not name.startswith(".") and path.is_file():
                yield path


def _valid(name: str, path: Path) -> str:
    """Refuse a name that no JSON can carry."""
    try:
        name.encode()
    except UnicodeEncodeError as error:
        shown = os.fsencode(path).decode(errors="replace")
        raise InvalidRequest(shown, "has a name that is not UTF-8; rename it") from error
    return name
