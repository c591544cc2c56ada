"""Paths of the API that have names in them."""

from urllib.parse import quote

from rag.errors import InvalidRequest


def collection_path(collection: str) -> str:
    """Return where a collection is."""
    return f"/api/collections/{quote(collection, safe='')}"


def documents_path(collection: str) -> str:
    """Return where a collection's documents are."""
    return f"{collection_path(collection)}/documents"


def diff_path(collection: str) -> str:
    """Return where a listing is compared with a collection."""
    return f"{collection_path(collection)}/diff"


def hashes_path(collection: str) -> str:
    """Return where the hashes of a collection's documents are."""
    return f"{collection_path(collection)}/hashes"


def document_path(collection: str, document_id: str) -> str:
    """
    Return where a document is; slashes of its id stay as they are.

    Raises:
        InvalidRequest: The id has segments that would lead elsewhere: `..` names the collection.
    """
    if any(segment in ("", ".", "..") for segment in document_id.split("/")):
        raise InvalidRequest("document", f"{document_id!r} is not the id of a document")
    return f"{documents_path(collection)}/{quote(document_id)}"


def job_path(job_id: str) -> str:
    """Return where a job is."""
    return f"/api/jobs/{quote(job_id, safe='')}"
