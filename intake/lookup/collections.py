"""Collections: which there are, and what of a folder they lack."""

from collections.abc import Container, Mapping
from typing import Any, Final

from access.errors import NoSuchCollection
from access.grants import current
from corpus.catalogue.catalogue import Catalogue
from corpus.catalogue.collections import Collection
from intake.requests import COLLECTION_NAME
from protocol.names import shown_name
from protocol.timestamps import rfc3339

#: A comparison tells which documents are not listed of a collection with up to so many; of a larger
#: one they are found by the list of its hashes.
MOST_COMPARED: Final = 20_000
_PAGE: Final = 1_000


def existing_collection(catalogue: Catalogue, name: str) -> str:
    """Return what a collection's name points at; raises NoSuchCollection."""
    collection_id = catalogue.collections.collection_id(name)
    if collection_id is None:
        raise NoSuchCollection(name)
    return collection_id


def collection_of(catalogue: Catalogue, name: str) -> str:
    """Return what a collection's name points at; `default` is made when first asked for."""
    if shown_name(name) == "default":
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
        """Return every collection that the caller may use, as the API shows it, by name."""
        may_use = current().may_use
        return [
            _shown(collection)
            for collection in self._catalogue.collections.all()
            if may_use(collection.name)
        ]

    def create(self, name: str) -> tuple[dict[str, Any], bool]:
        """Make a collection unless it exists; returns it as shown, and whether it is new."""
        _, fresh = self._catalogue.collections.create(name)
        return self.find(name), fresh

    def find(self, name: str) -> dict[str, Any]:
        """Return a collection as the API shows it; raises NoSuchCollection."""
        for collection in self._catalogue.collections.all():
            if collection.name == name:
                return _shown(collection)
        raise NoSuchCollection(name)

    def diff(self, name: str, listed: Mapping[str, str], *, gone: bool = True) -> dict[str, Any]:
        """
        Compare the documents *listed*, each with the SHA-256 of its bytes, with a collection's.

        Returns which are to be sent, new or changed, which failed and would again, and with *gone*
        which of the collection's are not listed: None without, or where it has more than
        MOST_COMPARED. A collection that does not exist has none.

        Raises:
            InvalidRequest: No collection can have that name.
        """
        COLLECTION_NAME.read(shown_name(name), "collection")
        collection_id = self._catalogue.collections.collection_id(name)
        known: dict[str, str] = {}
        barren: dict[str, str] = {}
        if collection_id:
            documents, names = self._catalogue.documents, list(listed)
            known = documents.hashes(collection_id, names, made_by=self.made_by)
            barren = documents.barren(collection_id, names, made_by=self.made_by)
        failed = [document for document, sha256 in listed.items() if barren.get(document) == sha256]
        other = [document for document, sha256 in listed.items() if known.get(document) != sha256]
        left = set(failed)
        send = [document for document in other if document not in left]
        return {
            "send": send,
            "new": [document for document in send if document not in known],
            "changed": [document for document in send if document in known],
            "failed": failed,
            "gone": self._unlisted(collection_id, listed) if gone else None,
            "unchanged": len(listed) - len(send) - len(failed),
        }

    def hashes(
        self, name: str, *, after: str, limit: int
    ) -> tuple[list[dict[str, str]], str | None]:
        """
        Return up to *limit* documents with the SHA-256 of their bytes, in the order of their ids.

        They are above *after*; with them comes the last id, None where no more follow. A hash is
        empty where the same bytes are to be sent again.

        Raises:
            NoSuchCollection: As its name says.
        """
        collection_id = collection_of(self._catalogue, name)
        documents = self._catalogue.documents
        names = documents.names(collection_id, after=after, limit=limit + 1)
        page = names[:limit]
        known = documents.hashes(collection_id, page, made_by=self.made_by)
        found = [{"id": one, "sha256": known[one]} for one in page if one in known]
        return found, page[-1] if len(names) > limit else None

    def _unlisted(self, collection_id: str | None, listed: Container[str]) -> list[str] | None:
        """Return the documents that are not listed; None where a collection has too many."""
        if collection_id is None:
            return []
        found: list[str] = []
        documents, after, seen = self._catalogue.documents, "", 0
        while page := documents.names(collection_id, after=after, limit=_PAGE):
            seen += len(page)
            if seen > MOST_COMPARED:
                return None
            found += [document for document in page if document not in listed]
            after = page[-1]
        return found


def _shown(collection: Collection) -> dict[str, Any]:
    """Show a collection."""
    name = shown_name(collection.name)
    path = f"/api/collections/{name}"
    return {
        "name": name,
        "documents": collection.documents,
        "created_at": rfc3339(collection.created_us),
        "embedder": collection.embedder,
        "hnsw": collection.hnsw,
        "links": {"self": path, "documents": f"{path}/documents"},
    }
