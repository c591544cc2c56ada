"""A blob store of one dictionary."""

import hashlib
import io
from typing import BinaryIO


class DictBlobs(dict[str, bytes]):
    """Keeps bytes under their names, or under any that a test gives them."""

    def open(self, name: str) -> BinaryIO | None:
        """Open what is called *name*."""
        return io.BytesIO(self[name]) if name in self else None

    def put(self, data: bytes, *, durable: bool = True) -> str:
        """Keep bytes under their hash."""
        del durable
        name = hashlib.sha256(data).hexdigest()
        self[name] = data
        return name
