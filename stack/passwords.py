"""Passwords of the servers of one stack: made at random, kept in the data folder for its owner."""

import os
import secrets
from pathlib import Path
from typing import Final

#: The file in a server's folder that holds its password.
FILE: Final = "password"


def kept_password(folder: Path) -> str:
    """Return the password in *folder*; made at the first call, readable by its owner alone."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (password := known_password(folder)):
        password = secrets.token_urlsafe(18)
        write_private(folder / FILE, password + "\n", synced=True)
    return password


def known_password(folder: Path) -> str:
    """Return the password in *folder*, empty where there is none yet."""
    try:
        return (folder / FILE).read_text().strip()
    except FileNotFoundError:
        return ""


def write_private(file: Path, text: str, *, synced: bool = False) -> None:
    """Write a file for its owner alone, in one step; *synced* it survives power loss."""
    draft = file.with_name(f"{file.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as new:
        new.write(text)
        if synced:
            new.flush()
            os.fsync(new.fileno())
    draft.replace(file)
