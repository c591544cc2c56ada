"""Vector stores as questions know them: each is a collection."""

from typing import NamedTuple


class NamedStore(NamedTuple):
    """A vector store: how its collection is written down, and the id of that."""

    name: str
    collection_id: str
