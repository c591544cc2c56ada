"""What objects of remote stores hashed to, so that an unchanged one need not be read again."""

import contextlib
import hashlib
import os
import sqlite3
import time
from pathlib import Path

#: Seconds after which an object that was not seen again is forgotten.
KEPT_S = 180 * 24 * 3600
_BUSY_S = 5.0


def default_path() -> Path:
    """Return where the file lies: below the user's cache folder (XDG Base Directory)."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "quern" / "objects.sqlite3"


class ObjectHashes:
    """
    The SHA-256 of objects, each by its address and the mark that its store gave it.

    Addresses are kept as hashes: they may hold names and keys of access. Where the file cannot be
    read or written nothing is known, and nobody is told: objects are then read.

    Args:
        place: Of the file; it and its folder are made.
    """

    def __init__(self, place: Path) -> None:
        self._place = place
        self._data: sqlite3.Connection | None = None
        with contextlib.suppress(OSError, sqlite3.Error):
            place.parent.mkdir(parents=True, exist_ok=True)
            self._data = self._opened()

    def hash_of(self, address: str, mark: str) -> str | None:
        """Return what an object with that mark hashed to."""
        with contextlib.suppress(sqlite3.Error):
            if self._data is not None:
                asked = "SELECT sha256 FROM objects WHERE name = ? AND mark = ?"
                row = self._data.execute(asked, (_name(address), mark)).fetchone()
                return str(row[0]) if row else None
        return None

    def remember(self, address: str, mark: str, sha256: str) -> None:
        """Keep what an object hashes to."""
        with contextlib.suppress(sqlite3.Error):
            if self._data is not None:
                row = (_name(address), mark, sha256, int(time.time()))
                self._data.execute("REPLACE INTO objects VALUES (?, ?, ?, ?)", row)

    def _opened(self) -> sqlite3.Connection:
        """Open the file, and forget what is old."""
        # Each statement is a transaction of its own: commands may run side by side.
        data = sqlite3.connect(self._place, timeout=_BUSY_S, isolation_level=None)
        data.execute("PRAGMA synchronous = OFF")  # lost, it is made again
        data.execute(
            "CREATE TABLE IF NOT EXISTS objects (name BLOB PRIMARY KEY, mark TEXT, sha256 TEXT,"
            " seen INTEGER) WITHOUT ROWID"
        )
        data.execute("DELETE FROM objects WHERE seen < ?", (int(time.time()) - KEPT_S,))
        return data


def _name(address: str) -> bytes:
    """Return what an address is kept as."""
    return hashlib.sha256(address.encode(errors="surrogatepass")).digest()
