"""Making a backup: the ledger first, then the files that it names, then the manifest."""

import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final, Protocol

from redis import Redis

from corpus.storage import archive_of
from protocol.keys import key
from protocol.messages import CLASSES
from rag.errors import Broken
from runtime.redis_clients import ledger_client
from runtime.settings import Settings
from stack.backups.copying import BESIDE, SHELVES, blobs_on, copy_blobs, copy_tree
from stack.backups.hold import files_held
from stack.backups.manifest import (
    Manifest,
    digest_of,
    read_manifest,
    segments_of,
    write_manifest,
)
from stack.backups.snapshot import fetch_snapshot
from stack.queue_redis import queue_redis, redis_answers

BLOBS: Final = "blobs"
ARCHIVE: Final = "archive"
#: Files of a backup beside its folders begin like this.
_OURS: Final = ("redis-", "blobs-", "segments-")
#: Settings that decide what data are; the others say where they lie, or how fast it goes.
_OF_THE_DATA: Final = (
    "embedding_model", "embedding_engine", "embedding_languages", "chunk_tokens", "hnsw_space",
    "hnsw_ef_construction", "hnsw_ef_search", "hnsw_max_neighbors", "retention_s",
    "parsed_text_mb", "max_file_bytes",
)  # fmt: skip


class Progress(Protocol):
    """Is told how far a backup or a restore is."""

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """Hear that *done* of *total* are done of *what*; None where the total is not known."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a backup holds, and which blobs of the installation it could not read."""

    manifest: Manifest
    blobs: int
    copied: int
    unreadable: tuple[str, ...]


def make_backup(settings: Settings, folder: Path, *, told: Progress) -> Made:
    """
    Copy the installation on the data folder, which may run, into *folder*.

    What the snapshot of the ledger names is copied after it: blobs are written before a row names
    them, and while a backup runs none is deleted. Until the new manifest is in its place the
    folder is the backup that it was before. Vectors and indexes are not copied: a restore makes
    them from the texts.

    Raises:
        Broken: There is no installation, or Redis does not answer or gives no snapshot.

        NotWhole: The folder holds a backup of a newer build.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    before = read_manifest(folder)
    if before is None and not _may_begin(folder):
        raise Broken(f"{folder} holds other files; name an empty folder, or that of a backup")
    with (
        redis_answers(),
        queue_redis(settings) as url,
        closing(ledger_client(url)) as redis,
        files_held(redis),
    ):
        now = datetime.now(tz=UTC)
        stamp = now.strftime("%Y%m%dT%H%M%S%fZ")
        names = f"redis-{stamp}.rdb", f"blobs-{stamp}.txt", f"segments-{stamp}.txt"
        snapshot, blobs, segments = (folder / name for name in names)
        fetched = fetch_snapshot(
            url, snapshot, told=lambda done, total: told("ledger", done, total)
        )
        counts = _counts(redis)
        copied = _Blobs(settings.blobs, folder / BLOBS, told)
        _write_lines(blobs, copied.copy())
        _write_lines(segments, _copied_segments(settings, folder, before, told))
        os.sync()  # a hundred thousand files at once, not one by one
        manifest = Manifest(
            quern=version("quern"),
            made_at=now.isoformat(timespec="milliseconds"),
            redis=_server(redis),
            snapshot=snapshot.name,
            blobs=blobs.name,
            segments=segments.name,
            counts=counts | {"blobs": copied.whole},
            parts={snapshot.name: fetched}
            | {path.name: digest_of(path) for path in (blobs, segments)},
            settings=_told_settings(settings),
        )
    write_manifest(folder, manifest)
    _tidy(folder, manifest, copied.obsolete)
    return Made(manifest, copied.whole, copied.new, tuple(copied.unreadable))


def _copied_segments(
    settings: Settings, folder: Path, before: Manifest | None, told: Progress
) -> Iterator[str]:
    """Copy the segments that the backup does not have; yields a line for each that it then has."""
    try:
        known = segments_of(folder, before) if before else {}
    except FileNotFoundError:
        known = {}  # the backup was damaged; this one need not be
    for digest, path in copy_tree(
        archive_of(settings), folder / ARCHIVE, known=known,
        told=lambda done, total: told("archive", done, total),
    ):  # fmt: skip
        yield f"{digest} {path}"


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write lines to a file that only its owner may read."""
    with path.open("w") as file:
        os.fchmod(file.fileno(), 0o600)
        file.writelines(f"{line}\n" for line in lines)


class _Blobs:
    """The blobs on their way into a backup, shelf by shelf."""

    def __init__(self, source: Path, target: Path, told: Progress) -> None:
        self._source, self._target, self._told = source, target, told
        self.whole = self.new = 0
        self.unreadable: list[str] = []
        self.obsolete: list[str] = []

    def copy(self) -> Iterator[str]:
        """Copy what the backup does not have; yields the names of all it then has."""
        for at, shelf in enumerate(SHELVES):
            there, here = blobs_on(self._source, shelf), blobs_on(self._target, shelf)
            self.obsolete += here - there
            wanted = sorted(there - here)
            bad = set(copy_blobs(wanted, self._source, self._target, told=lambda: None))
            self.unreadable += sorted(bad)
            self.new += len(wanted) - len(bad)
            self.whole += len(there) - len(bad)
            yield from sorted(there - bad)
            self._told("files", at + 1, len(SHELVES))


def _may_begin(folder: Path) -> bool:
    """Return True if a folder holds nothing but what a backup that was killed left in it."""
    ours = (*_OURS, BESIDE)
    return all(e.name in (BLOBS, ARCHIVE) or e.name.startswith(ours) for e in folder.iterdir())


def _counts(redis: Redis) -> dict[str, int]:
    """Count what people know an installation by."""
    pipe = redis.pipeline(transaction=False)
    collections = redis.hvals(key("collections"))
    for collection_id in collections:
        pipe.zcard(key("names", collection_id))
    documents = sum(pipe.execute())
    for unit_class in CLASSES:
        pipe.zcard(key("deadlines", unit_class))
    return {
        "collections": len(collections),
        "documents": documents,
        "jobs": redis.zcard(key("jobs")),
        "open": sum(pipe.execute()),
    }


def _server(redis: Redis) -> str:
    """Return which server wrote the snapshot: an older one may not read it."""
    said = redis.info("server")
    if valkey := said.get("valkey_version"):
        return f"valkey {valkey}"
    return f"redis {said['redis_version']}"


def _told_settings(settings: Settings) -> dict[str, str]:
    """Return what differs from the defaults and decides how data are made and read."""
    return {
        f.name: str(getattr(settings, f.name))
        for f in fields(settings)
        if f.name in _OF_THE_DATA and getattr(settings, f.name) != f.default
    }


def _tidy(folder: Path, manifest: Manifest, obsolete: list[str]) -> None:
    """Remove what only the backup before this one needed, and what killed ones left."""
    for name in obsolete:
        (folder / BLOBS / name[:2] / name).unlink(missing_ok=True)
    for path in folder.iterdir():
        old = path.name.startswith(_OURS) and path.name not in manifest.parts
        if old or path.name.startswith(BESIDE):
            path.unlink()
    held = segments_of(folder, manifest)
    for path in (folder / ARCHIVE).glob("*/*"):
        if str(path.relative_to(folder / ARCHIVE)) not in held:
            path.unlink()
