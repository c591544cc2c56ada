"""
Ids of vector stores: each is a collection, and its id says which for as long as that is there.

A store may be named as its collection, too: so one that was made by the native API can be searched.
"""

import re
from typing import Final, NamedTuple

from access.grants import current
from corpus.catalogue.catalogue import Catalogue
from intake.errors import NotFound
from protocol.names import stored_name

_ID: Final = re.compile(r"vs_([0-9a-z]{26})")


class NamedStore(NamedTuple):
    """A vector store: how its collection is written down, and the id of that."""

    name: str
    collection_id: str


def store_id(collection_id: str) -> str:
    """Return the id of the vector store that a collection is."""
    return f"vs_{collection_id.lower()}"


def store_named(catalogue: Catalogue, given: str) -> NamedStore:
    """
    Return the store that an id, or the name of a collection, means.

    Raises:
        NotFound: There is no such store, or it is not the caller's.
    """
    found = _ID.fullmatch(given)
    if found is None:
        name = stored_name(current().tenant, given)
        collection_id = catalogue.collections.collection_id(name)
    else:
        collection_id = found[1].upper()
        name = catalogue.collections.about(collection_id).get("name", "")
        if not name or catalogue.collections.collection_id(name) != collection_id:
            collection_id = None
    if collection_id is None or not current().may_use(name):
        raise NotFound(f"Vector store with id {given!r} not found.")
    return NamedStore(name, collection_id)
