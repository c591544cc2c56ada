"""A lock on Chroma's database, held from outside: its heartbeat answers, its writes hang."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

#: Longer than a write of Chroma's own holds it.
PATIENCE_S: Final = 30.0


@contextmanager
def chroma_lock(data_dir: Path) -> Iterator[None]:
    """
    Hold SQLite's write lock of Chroma's database during the block.

    A thread of Chroma 1.5 has been seen to hold it for ever, after its disk was full.

    Args:
        data_dir: Of the stack.

    Raises:
        sqlite3.OperationalError: Chroma writes without end, or its disk is full.
    """
    path = data_dir / "chroma" / "chroma.sqlite3"
    with closing(sqlite3.connect(path, timeout=PATIENCE_S, isolation_level=None)) as database:
        database.execute("begin immediate")
        yield
        # Closing rolls back.
