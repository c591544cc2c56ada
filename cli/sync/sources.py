"""Sources of files: paths of this machine, and addresses of object stores."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

import click

from cli.sync.files import File, as_known, scan
from intake.leftovers import is_leftover, is_leftover_folder
from rag.errors import InvalidRequest

#: Of one letter it would be a drive of Windows.
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(?:://|::)")


@dataclass(slots=True)
class Gathered:
    """The files at some sources, in order, and what is to be said of the rest; see `files`."""

    files: list[File] = field(default_factory=list)
    left_out: list[PurePath] = field(default_factory=list)
    unseen: list[Path] = field(default_factory=list)
    #: What was named and is one file.
    alone: list[str] = field(default_factory=list)


class Source(click.Path):
    """A parameter of the command: a path, which has to be there, or an address, as it is."""

    name = "path or address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a path or the text of an address."""
        if isinstance(value, str) and _ADDRESS.match(value):
            return value
        return super().convert(value, param, ctx)


def gather(sources: Sequence[Path | str]) -> Gathered:
    """
    List the files at *sources*, folders with all below them.

    Raises:
        InvalidRequest: Two files would be the same document, or an address cannot be read.
    """
    paths = [source for source in sources if isinstance(source, Path)]
    local = scan(paths)
    found = Gathered(
        list(local.files), list(local.left_out), local.unseen,
        alone=[str(path) for path in paths if not path.is_dir()],
    )  # fmt: skip
    for source in sources:
        if isinstance(source, str):
            _add(found, source)
    _check_names(found.files)
    return found


def _add(found: Gathered, address: str) -> None:
    """Add the objects at an address."""
    # With it come libraries that most commands have no use for.
    from cli.sync.object_hashes import ObjectHashes, default_path  # noqa: PLC0415
    from cli.sync.objects import listed, without_credentials  # noqa: PLC0415

    there = listed(address, ObjectHashes(default_path()))
    if there.alone:
        found.alone.append(without_credentials(address))
        found.files += there.files
        return
    for file in there.files:
        path = PurePosixPath(file.document_id)
        *folders, name = path.parts
        if any(part.startswith(".") for part in path.parts):
            continue
        if is_leftover(name) or any(map(is_leftover_folder, folders)):
            found.left_out.append(path)
        else:
            found.files.append(file)


def _check_names(files: Sequence[File]) -> None:
    """Refuse files that would be the same document."""
    known: set[str] = set()
    for file in files:
        name = as_known(file.document_id)
        if name in known:
            raise InvalidRequest(
                file.document_id, "is at two of these places; add them one after the other, or "
                "name what they have in common",
            )  # fmt: skip
        known.add(name)
