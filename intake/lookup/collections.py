"""Collections: which there are, and what of a folder they lack."""

from collections.abc import Mapping
from typing import Any

from corpus.catalogue.catalogue import Catalogue
from corpus.catalogue.collections import Collection
from intake.errors import NotFound
from protocol.timestamps import rfc3339


def existing_collection(catalogue: Catalogue, name: str) -> str:
    """Return what a collection's name points at; raises NotFound."""
    collection_id = catalogue.collections.collection_id(name)
    if collection_id is None:
        raise NotFound(f"there is no collection {name!r}")
    return collection_id


def collection_of(catalogue: Catalogue, name: str) -> str:
    """Return what a collection's name points at; `default` is made when first asked for."""
    if name == "default":
        return catalogue.collections.collection_id(name) or catalogue.collections.create(name)[0]
    return existing_collection(catalogue, name)


class Collections:
    """
    Make, show and compare collections.

    Args:
        made_by: A short word for the pipeline: chunks that another one made would come out
            otherwise today.
    """

    def __init__(self, catalogue: Catalogue, *, made_by: str) -> None:
        self._catalogue = catalogue
        self.made_by = made_by

    def all(self) -> list[dict[str, Any]]:
        """Return every collection as the API shows it, by name."""
        return [_shown(collection) for collection in self._catalogue.collections.all()]

    def create(self, name: str) -> tuple[dict[str, Any], bool]:
        """Make a collection unless it exists; returns it as shown, and whether it is new."""
        _, fresh = self._catalogue.collections.create(name)
        return self.find(name), fresh

    def find(self, name: str) -> dict[str, Any]:
        """Return a collection as the API shows it; raises NotFound."""
        for collection in self._catalogue.collections.all():
            if collection.name == name:
                return _shown(collection)
        raise NotFound(f"there is no collection {name!r}")

    def diff(self, name: str, listed: Mapping[str, str]) -> dict[str, Any]:
        """
        Compare the documents *listed*, each with the SHA-256 of its bytes, with a collection's.

        Returns which are to be sent, new or changed, which failed and would again, and which of
        the collection's are not listed. A collection that does not exist has none.
        """
        collection_id = self._catalogue.collections.collection_id(name)
        known: dict[str, str] = {}
        barren: dict[str, str] = {}
        if collection_id:
            known = dict(self._catalogue.documents.hashes(collection_id, made_by=self.made_by))
            barren = dict(self._catalogue.documents.barren(collection_id, made_by=self.made_by))
        failed = [document for document, sha256 in listed.items() if barren.get(document) == sha256]
        other = [document for document, sha256 in listed.items() if known.get(document) != sha256]
        left = set(failed)
        send = [document for document in other if document not in left]
        return {
            "send": send,
            "new": [document for document in send if document not in known],
            "changed": [document for document in send if document in known],
            "failed": failed,
            "gone": sorted(document for document in known if document not in listed),
            "unchanged": len(listed) - len(send) - len(failed),
        }


def _shown(collection: Collection) -> dict[str, Any]:
    """Show a collection."""
    path = f"/api/collections/{collection.name}"
    return {
        "name": collection.name,
        "documents": collection.documents,
        "created_at": rfc3339(collection.created_us),
        "embedder": collection.embedder,
        "hnsw": collection.hnsw,
        "links": {"self": path, "documents": f"{path}/documents"},
    }
