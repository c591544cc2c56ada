"""What a backup says of itself: written last, so that a folder without it is no whole backup."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from rag.errors import QuernError
from runtime.durable_folders import sync_folder
from stack.backups.copying import written_whole

#: The form of backups that this build writes, and the newest that it reads.
FORM: Final = 1
NAME: Final = "manifest.json"


class NotWhole(QuernError):
    """Raised when a folder holds no whole backup, or one that was damaged."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """
    What `manifest.json` holds.

    Args:
        quern: Version of the build that made the backup.

        made_at: The instant that the backup shows, RFC 3339.

        counts: Documents, collections, jobs and open units of about that instant, for people.

        parts: SHA-256 of each file but the blobs, by its name in the folder.

        snapshot: Name of the queue Redis' snapshot.

        blobs: Name of the list of blobs; each is called by its own SHA-256.

        segments: Name of the list of the archive's segments, with the SHA-256 of each.

        settings: What differed from the defaults and decides how data are read; no secrets.
    """

    form: int = FORM
    quern: str
    made_at: str
    redis: str
    snapshot: str
    blobs: str
    segments: str
    counts: dict[str, int] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Put *manifest* into *folder* in one step that survives power loss."""
    with written_whole(folder / NAME) as file:
        file.write(f"{json.dumps(asdict(manifest), indent=2)}\n".encode())
    sync_folder(folder)


def read_manifest(folder: Path) -> Manifest | None:
    """
    Return what *folder* says of itself, None where it says nothing.

    Raises:
        NotWhole: The manifest cannot be read, or is of a newer build.
    """
    try:
        said = json.loads((folder / NAME).read_text())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise NotWhole(f"{folder / NAME} cannot be read: {error}") from error
    if not isinstance(said, dict) or not isinstance(said.get("form"), int):
        raise NotWhole(f"{folder / NAME} is no manifest of a backup")
    if said["form"] > FORM:
        raise NotWhole(
            f"the backup in {folder} was made by Quern {said.get('quern')}, which is newer; "
            "restore it with that version"
        )
    try:
        return Manifest(**said)
    except TypeError as error:
        raise NotWhole(f"{folder / NAME} is no manifest of a backup: {error}") from error


def damaged_parts(folder: Path, manifest: Manifest) -> Iterator[str]:
    """Yield the names of parts that are missing or not what the manifest says."""
    for name, digest in manifest.parts.items():
        try:
            if digest_of(folder / name) != digest:
                yield name
        except FileNotFoundError:
            yield name


def segments_of(folder: Path, manifest: Manifest) -> dict[str, str]:
    """Return the SHA-256 of each segment of a backup, by its path in the archive."""
    lines = (folder / manifest.segments).read_text().splitlines()
    return {path: digest for digest, _, path in (line.partition(" ") for line in lines)}


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
