"""Empty rows for a test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.local_index.stored_chunks.chunk_rows import ChunkRows


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[ChunkRows]:
    opened = ChunkRows.open(tmp_path)
    yield opened
    opened.close()
