"""A blob store of one dictionary."""

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO


class DictBlobs(dict[str, bytes]):
    """Keeps bytes under their names, or under any that a test gives them."""

    def open(self, name: str) -> BinaryIO | None:
        """Open what is called *name*."""
        return io.BytesIO(self[name]) if name in self else None

    @contextmanager
    def together(self) -> Iterator["DictBlobs"]:
        """Keep several blobs; each is there at once."""
        yield self

    def put(self, data: bytes) -> str:
        """Keep bytes under their hash."""
        name = hashlib.sha256(data).hexdigest()
        self[name] = data
        return name
