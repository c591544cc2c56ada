"""A file that is lent to a parser as an open descriptor."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

_SMALL = 2**20  # bytes of a file that is lent in memory: a disk would take longer to make room


@contextmanager
def lent(data: bytes | Path) -> Iterator[int]:
    """Lend bytes or a path as the descriptor of a readable file."""
    if isinstance(data, Path):
        with data.open("rb") as source:
            yield source.fileno()
        return
    in_memory = len(data) <= _SMALL and hasattr(os, "memfd_create")
    with os.fdopen(os.memfd_create("file"), "wb") if in_memory else TemporaryFile() as copy:
        copy.write(data)
        copy.flush()
        yield copy.fileno()
