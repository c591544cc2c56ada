"""What a run leaves behind: processes and temporary files."""

from contextlib import suppress
from pathlib import Path

import psutil


def processes_of(folder: Path) -> list[str]:
    """Return the processes that were started for a data folder, or use it, and still run."""
    left = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if _was_told_of(process, folder) or _uses(process, folder):
                left.append(f"{process.pid} {' '.join(process.cmdline())[:80]}")
    return left


def _was_told_of(process: psutil.Process, folder: Path) -> bool:
    return process.environ().get("QUERN_DATA_DIR") == str(folder)


def _uses(process: psutil.Process, folder: Path) -> bool:
    """Return True if a process has a file there open: one that gave itself a title has no more."""
    return any(Path(file.path).is_relative_to(folder) for file in process.open_files())


def files_in(folder: Path) -> list[str]:
    """Return what lies in a folder for temporary files."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
