"""Names of what programs leave beside people's files: locks, drafts, backups, the system's own."""

import re
from fnmatch import translate
from typing import Final

#: Names with the signs of a shell (`fnmatch`), which the page reads as well.
#: Compared without regard to case: file systems of Windows and macOS have none.
FILES: Final = (
    # Locks and drafts of open documents: Office, LibreOffice, Access, InDesign, AutoCAD, macOS.
    "~$*", "~WR[A-Z]*.tmp", "*.tmp", "*.temp", ".~lock.*#", "*.laccdb", "*.idlk", "*.dwl", "*.dwl2",
    "*.sb-????????-??????",
    # Editors: Emacs, vi and its kin; backups of many programs.
    "#*#", ".#*", "*~", "*.swp", "*.swo", "*.swx", "*.bak", "*.bak[0-9]", "*.wbk", "*.xlk",
    "*.asd",
    # What is still being fetched: browsers, aria2, WinSCP, torrents.
    "*.crdownload", "*.part", "*.partial", "*.opdownload", "*.aria2", "*.filepart",
    "*.!ut", "*.!qb",
    # File managers and operating systems.
    "Thumbs.db", "Thumbs.db:*", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", ".DS_Store",
    "Icon\r", "._*", ".directory", "pagefile.sys", "hiberfil.sys", "swapfile.sys",
)  # fmt: skip

FOLDERS: Final = (
    # Bins, snapshots and indexes of Windows, macOS, Linux, Synology, QNAP.
    "$RECYCLE.BIN", "RECYCLER", "System Volume Information", ".Trash*", ".Trashes", "lost+found",
    "__MACOSX", "*.download", "Network Trash Folder", "Temporary Items", "@eaDir", "#recycle",
    "#snapshot", "@Recycle", "@Recently-Snapshot", "@tmp",
    # What programs make of their own sources, or fetch to run.
    "__pycache__", "node_modules",
)  # fmt: skip


def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(translate(pattern) for pattern in patterns), re.IGNORECASE)


_FILE: Final = _any_of(FILES)
_FOLDER: Final = _any_of(FOLDERS)


def is_leftover(name: str) -> bool:
    """Return True if no person made the file *name*, a name without its folders."""
    return _FILE.fullmatch(name) is not None


def is_leftover_folder(name: str) -> bool:
    """Return True if what is in a folder *name* was put there by a program, for itself."""
    return _FOLDER.fullmatch(name) is not None
