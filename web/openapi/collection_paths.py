"""The paths of collections and their documents."""

from typing import Final

from intake.fields import Json
from web.http.request_parts import HASHES, OFFSET
from web.openapi.pieces import (
    BODY,
    READS,
    WRITES,
    choice,
    collection_name,
    document_id,
    idempotency_key,
    json_body,
    operation,
    paging,
    query,
)

_DOCUMENTS: Final = "/api/collections/{name}/documents"


def collection_paths() -> Json:
    """Describe collections and what is in them."""
    return _collections() | _collection() | _documents() | _contents()


def _collections() -> Json:
    """Collections."""
    return {
        "/api/collections": {
            "get": operation(
                "List collections", "Collections", name="listCollections",
                answers={200: ("All collections by name", "Collections")},
                problems=READS,
            ),
            "post": operation(
                "Make a collection", "Collections", name="createCollection",
                body=json_body("NewCollection"),
                answers={200: ("It exists", "Collection"), 201: ("Made", "Collection")},
                problems=(*WRITES, *BODY),
                location=True,
            ),
        },
    }  # fmt: skip


def _collection() -> Json:
    """One collection."""
    return {
        "/api/collections/{name}": {
            "get": operation(
                "Look at a collection", "Collections", name="getCollection",
                parameters=[collection_name()],
                answers={200: ("The collection", "Collection")},
                problems=(*READS, 404),
            ),
            "delete": operation(
                "Delete a collection", "Collections", name="deleteCollection",
                details="Its name is free at once; a job removes the rest.",
                confirm="The collection and all its documents are deleted, for good.",
                parameters=[collection_name()],
                answers={202: ("The job that removes the rest", "Job")},
                problems=(*WRITES, 404),
                location=True,
            ),
        },
        "/api/collections/{name}/diff": {
            "post": operation(
                "Compare a folder with a collection", "Collections", name="diff",
                details=(
                    "Send the ids and hashes of a folder's files; the answer says which are new or "
                    "changed, and which documents are listed no more."
                ),
                parameters=[
                    collection_name(),
                    choice("gone", ("true", "false"), "Whether to list what the folder lacks."),
                ],
                body=json_body("Listing"),
                answers={200: ("What to send, and what is listed no more", "Difference")},
                problems=(*WRITES, *BODY),
            )
        },
        "/api/collections/{name}/hashes": {
            "get": operation(
                "List documents with the hashes of their bytes", "Collections", name="listHashes",
                parameters=[collection_name(), *paging(HASHES.schema)],
                answers={200: ("A page, in the order of the ids", "Hashes")},
                problems=(*READS, 404),
            )
        },
    }  # fmt: skip


def _documents() -> Json:
    """Documents that are there."""
    prefix = query("prefix", {"type": "string"}, "What ids begin with.", example="handbook/")
    return {
        _DOCUMENTS: {
            "get": operation(
                "List documents in the order of their ids", "Collections", name="listDocuments",
                parameters=[
                    collection_name(), prefix,
                    query("contains", {"type": "string"}, "What ids hold, whatever its case."),
                    *paging(),
                ],
                answers={200: ("A page; with `contains` it may be short, even empty", "Documents")},
                problems=(*READS, 404),
            )
        },
        f"{_DOCUMENTS}/delete": {
            "post": operation(
                "Delete documents", "Collections", name="deleteDocuments",
                confirm="These documents are deleted, for good.",
                parameters=[collection_name(), idempotency_key()],
                body=json_body("Deletes"),
                answers={202: ("The job; documents that are not there are left out", "Job")},
                problems=(*WRITES, *BODY, 404, 409),
                location=True,
            )
        },
        f"{_DOCUMENTS}/{{document_id}}": {
            "get": operation(
                "Look at a document", "Collections", name="getDocument",
                parameters=_which(),
                answers={200: ("The document", "Document")},
                problems=(*READS, 404),
            ),
            "delete": operation(
                "Delete a document", "Collections", name="deleteDocument",
                confirm="The document is deleted, for good.",
                parameters=[*_which(), idempotency_key()],
                answers={202: ("The job; once it has ended no search finds the text", "Job")},
                problems=(*WRITES, 404, 409),
                location=True,
            ),
        },
    }  # fmt: skip


def _contents() -> Json:
    """What a document holds."""
    return {
        f"{_DOCUMENTS}/{{document_id}}/reingest": {
            "post": operation(
                "Read a document again from its own bytes", "Collections", name="reingestDocument",
                parameters=[*_which(), idempotency_key()],
                answers={202: ("The job; the document is found as it was until then", "Job")},
                problems=(*WRITES, 404, 409, 410),
                location=True,
            )
        },
        f"{_DOCUMENTS}/{{document_id}}/text": {
            "get": operation(
                "Read the parsed text, or a span of it", "Collections", name="getText",
                parameters=[
                    *_which(), _generation(),
                    query("start", OFFSET.schema, "Where the span begins.", example=0),
                    query("end", OFFSET.schema, "Where it ends, exclusively.", example=70),
                ],
                answers={200: ("The text; offsets count Unicode code points", "Text")},
                problems=(*READS, 404, 410),
            )
        },
        f"{_DOCUMENTS}/{{document_id}}/chunks": {
            "get": operation(
                "List the chunks", "Collections", name="listChunks",
                parameters=[*_which(), _generation(), *paging()],
                answers={200: ("A page", "Chunks")},
                problems=(*READS, 404, 410),
            )
        },
        f"{_DOCUMENTS}/{{document_id}}/file": {
            "get": operation(
                "Download the original", "Collections", name="getFile",
                parameters=_which(),
                answers={200: ("The bytes as they came", "application/octet-stream")},
                problems=(*READS, 404, 410),
            )
        },
    }  # fmt: skip


def _generation() -> Json:
    """Describe which version of a document is asked for."""
    return query("generation", OFFSET.schema, "A version; `410` once it was replaced.")


def _which() -> list[Json]:
    """Describe by what a document is named."""
    return [collection_name(), document_id()]
