"""Collections that the vector store has and no catalogue knows: found, and taken back."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from ulid import ULID

from corpus.catalogue.catalogue import Catalogue
from rag.ports import VectorStore

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LostCollection:
    """A vector index of the vector store that no catalogue knows; *about* is its label."""

    vector_index: str
    about: Mapping[str, str]

    @property
    def collection_id(self) -> str:
        """Whose vectors it has."""
        return self.about.get("incarnation", self.vector_index)

    @property
    def tail(self) -> str:
        """A suffix by which it differs from others of its name."""
        return self.collection_id[-6:].lower()

    @property
    def name(self) -> str:
        """What it was called, or a name that says where it comes from."""
        return self.about.get("name") or f"restored-{self.tail}"

    @property
    def detail(self) -> str:
        """What is wrong with it."""
        return f"{self.vector_index} is in the vector store, and in no catalogue"


def lost_collections(catalogue: Catalogue, vectors: VectorStore) -> list[LostCollection]:
    """Return what no catalogue knows, newest first."""
    collections = catalogue.collections
    labels = vectors.labels()
    # Looked at after the list: what is made later is not in it.
    known = catalogue.vector_indexes.known(collections.collection_ids().values())
    found: list[LostCollection] = []
    # Newest first: of two vector indexes of one collection the older was about to be dropped.
    for vector_index, about in sorted(labels.items(), reverse=True):
        lost = LostCollection(vector_index, about)
        if (
            _is_collection_id(vector_index)
            and vector_index not in known
            and "unfinished" not in about
            and not collections.exists(lost.collection_id)
            and not collections.was_deleted(lost.collection_id)
            and (about or vectors.count(vector_index))
        ):
            found.append(lost)
    return found


def adopt(catalogue: Catalogue, lost: LostCollection) -> str | None:
    """Make a lost collection one of ours again; returns its name, None where it is one by now."""
    adopted = catalogue.repairs.adopt(
        lost.collection_id,
        vector_index=lost.vector_index,
        name=lost.name,
        other_name=f"{lost.name[:40]}-restored-{lost.tail}",
        about={field: told for field, told in lost.about.items() if field != "incarnation"},
    )
    if adopted is not None:
        log.warning("collection restored", extra={"collection": adopted})
    return adopted


def _is_collection_id(name: str) -> bool:
    """Return True if a collection of the vector store may be one of ours."""
    try:
        ULID.from_str(name)
    except ValueError:
        return False
    return True
