"""Making an installation from a backup: files first, the ledger last, so that a half is seen."""

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from corpus.storage import archive_of
from rag.errors import Broken
from runtime.redis_clients import ledger_client
from runtime.settings import Settings
from stack.addresses import embedded
from stack.backups.backup import ARCHIVE, BLOBS, Progress
from stack.backups.copying import copy_blobs, copy_file
from stack.backups.manifest import (
    Manifest,
    NotWhole,
    damaged_parts,
    read_manifest,
    segments_of,
)
from stack.backups.primary import load_snapshot
from stack.backups.snapshot import is_empty
from stack.queue_redis import redis_answers
from stack.run_folder import RESTORING, RUN, RunFolder

#: What a data folder may hold before a restore: no data.
_NO_DATA: Final = (RUN, RESTORING, "logs")
#: So many names of blobs are told at most.
_TOLD: Final = 5


def restore_backup(settings: Settings, folder: Path, *, told: Progress) -> Manifest:
    """
    Make what the backup in *folder* shows on the empty data folder of *settings*.

    Every part is compared with its SHA-256 before it is used. What was interrupted may be begun
    again with the same backup; until it has ended, nothing starts on the data folder.

    Raises:
        NotWhole: The backup has no manifest, or parts of it are missing or damaged.

        Broken: The data folder or the queue Redis holds something already.
    """
    settings = replace(settings, data_dir=settings.data_dir.expanduser().absolute())
    manifest = read_manifest(folder)
    if manifest is None:
        raise NotWhole(
            f"there is no whole backup in {folder}: its manifest is missing; it is written last"
        )
    if bad := list(damaged_parts(folder, manifest)):
        raise NotWhole(f"the backup in {folder} is damaged or not whole: {', '.join(bad)}")
    with RunFolder(settings.data_dir).locked(restoring=True):
        _must_be_empty(settings, manifest)
        if _marked(settings)[:1] != [manifest.made_at]:
            _mark(settings).write_text(manifest.made_at)
        _restore_blobs(settings, folder, manifest, told)
        _restore_archive(settings, folder, manifest, told)
        _restore_ledger(settings, folder / manifest.snapshot, manifest, told)
        os.sync()  # half of it without its mark would be taken for whole
        _mark(settings).unlink()
    return manifest


def _mark(settings: Settings) -> Path:
    """Return the file that says that a restore is under way, and of which backup."""
    return settings.data_dir / RESTORING


def _marked(settings: Settings) -> list[str]:
    """Return what the mark of an interrupted restore says, nothing where there is none."""
    mark = _mark(settings)
    return mark.read_text().splitlines() if mark.exists() else []


def _filling(settings: Settings, manifest: Manifest) -> list[str]:
    """Return what the mark says from when on a Redis elsewhere is filled: which one that is."""
    parts = urlsplit(settings.redis_url)
    return [manifest.made_at, f"{parts.hostname}:{parts.port}"]


def _must_be_empty(settings: Settings, manifest: Manifest) -> None:
    """Refuse to mix two installations; what a restore of the same backup left is no other one."""
    said = _marked(settings)
    goes_on = said[:1] == [manifest.made_at]
    held = sorted(e.name for e in settings.data_dir.iterdir() if e.name not in _NO_DATA)
    if held and not goes_on:
        raise Broken(
            f"{settings.data_dir} is not empty ({', '.join(held[:_TOLD])}); a restore needs an "
            "empty data folder: name another one in QUERN_DATA_DIR, or move this one away"
        )
    if settings.blobs.is_dir() and any(settings.blobs.iterdir()) and not goes_on:
        raise Broken(f"{settings.blobs} is not empty; a restore needs an empty blob store")
    if not embedded(settings.redis_url) and said != _filling(settings, manifest):
        with redis_answers(), closing(ledger_client(settings.redis_url)) as redis:
            if not is_empty(redis):
                raise Broken(
                    "the queue Redis (QUERN_REDIS_URL) is not empty, and a restore replaces all "
                    "that a server holds; give it an empty one"
                )


def _restore_blobs(settings: Settings, folder: Path, manifest: Manifest, told: Progress) -> None:
    """Copy the blobs that the backup lists, each compared with its name."""
    total, done = manifest.counts.get("blobs"), 0

    def one_more() -> None:
        nonlocal done
        done += 1
        told("files", done, total)

    with (folder / manifest.blobs).open() as listed:
        names: Iterator[str] = (line.rstrip("\n") for line in listed)
        bad = list(copy_blobs(names, folder / BLOBS, settings.blobs, told=one_more))
    if bad:
        raise NotWhole(
            f"the backup in {folder} is damaged: {len(bad)} files are missing or not what they "
            f"were, such as {BLOBS}/{bad[0][:2]}/{bad[0]}"
        )


def _restore_archive(settings: Settings, folder: Path, manifest: Manifest, told: Progress) -> None:
    """Copy the rows of ended jobs."""
    segments = segments_of(folder, manifest)
    for done, (path, digest) in enumerate(segments.items(), start=1):
        place = archive_of(settings) / path
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            whole = copy_file(folder / ARCHIVE / path, place, digest=digest) == digest
        except FileNotFoundError:
            whole = False
        if not whole:
            raise NotWhole(f"the backup in {folder} is damaged: {ARCHIVE}/{path}")
        told("archive", done, len(segments))


def _restore_ledger(settings: Settings, snapshot: Path, manifest: Manifest, told: Progress) -> None:
    """Give the queue Redis its snapshot: as its file where it is embedded, else over the wire."""
    if not embedded(settings.redis_url):
        _mark(settings).write_text("\n".join(_filling(settings, manifest)))
        with redis_answers():
            load_snapshot(
                settings.redis_url, snapshot, told=lambda done, total: told("ledger", done, total)
            )
        return
    place = settings.data_dir / "redis-queue"
    place.mkdir(mode=0o700, exist_ok=True)
    # An append-only file may begin with a snapshot, and may end there; Redis 7 and Valkey take
    # over a file of that name as the first of their own.
    digest = manifest.parts[manifest.snapshot]
    if copy_file(snapshot, place / "appendonly.aof", digest=digest) != digest:
        raise NotWhole(f"{snapshot} changed while it was read")
    told("ledger", 1, 1)
