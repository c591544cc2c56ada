"""What a run leaves behind: processes and temporary files."""

from pathlib import Path

import psutil


def processes_of(folder: Path) -> list[str]:
    """Return the processes that were started for a data folder and still run."""
    left = []
    for process in psutil.process_iter(["pid", "cmdline", "environ"]):
        environment = process.info["environ"] or {}
        if environment.get("QUERN_DATA_DIR") == str(folder):
            left.append(f"{process.info['pid']} {' '.join(process.info['cmdline'] or ())[:80]}")
    return left


def files_in(folder: Path) -> list[str]:
    """Return what lies in a folder for temporary files."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
