"""What several web processes count together: a folder of files that all of them map."""

import atexit
import functools
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

import psutil

#: Where the metrics' library looks, when it is loaded, for a folder to count in.
FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"

_PREFIX: Final = "quern-web-metrics-"


@functools.cache
def folder_for(server: int, *, parent: str | None) -> Path:
    """
    Return the folder of the processes of a server, made empty by its first process.

    It goes with that process; those of servers that were killed go when the next one starts, which
    may have the id of one of them.

    Args:
        server: The id of the first process, which calls this.

        parent: Folder for files that need no disk; None for the system's temporary one.
    """
    base = Path(parent or tempfile.gettempdir())
    folder = base / f"{_PREFIX}{server}"
    for other in base.glob(f"{_PREFIX}*"):
        if other == folder or not psutil.pid_exists(int(other.name.removeprefix(_PREFIX))):
            shutil.rmtree(other, ignore_errors=True)
    folder.mkdir(mode=0o700)
    atexit.register(_remove, folder, server)
    return folder


def _remove(folder: Path, server: int) -> None:
    """Remove the folder; processes that were forked from the first one leave it alone."""
    if os.getpid() == server:
        shutil.rmtree(folder, ignore_errors=True)
