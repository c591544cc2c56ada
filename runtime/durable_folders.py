"""Folders whose entries survive power loss."""

import os
from pathlib import Path


def sync_folder(folder: Path | str) -> None:
    """
    Make what was made, renamed or deleted in *folder* survive power loss (fsync(2), NOTES).

    Raises:
        OSError: The disk is away.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
