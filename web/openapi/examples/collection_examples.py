"""Examples of collections and their documents."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from intake.fields import Json
from web.openapi.examples.example import Example
from web.openapi.examples.job_examples import GENERATION, TEXT, of_documents, waiting
from web.openapi.pieces import DOCUMENT_ID

EMBEDDER: Final[Json] = {
    "model": "all-MiniLM-L6-v2",
    "revision": "1110a243fdf4706b3f48f1d95db1a4f5529b4d41",
    "engine": "onnxruntime-int8-353252f0:mean+normalize",
    "dimension": 384,
    "max_tokens": 254,
    "normalised": True,
}
HNSW: Final[Json] = {
    "space": "cosine", "ef_construction": 400, "ef_search": 400, "max_neighbors": 64
}  # fmt: skip
_HASH: Final = sha256(TEXT.encode()).hexdigest()
_PATH: Final = "/api/collections/default"
_DOCUMENT: Final = f"{_PATH}/documents/{DOCUMENT_ID}"


def _collection(name: str, *, documents: int) -> Json:
    """Return a collection; one without documents has no vectors yet."""
    path = f"/api/collections/{name}"
    return {
        "name": name,
        "documents": documents,
        "created_at": "2026-01-01T00:00:00.000Z",
        "embedder": EMBEDDER if documents else None,
        "hnsw": HNSW if documents else None,
        "links": {"self": path, "documents": f"{path}/documents"},
    }


_SHOWN: Final[Json] = {
    "document_id": DOCUMENT_ID,
    "file": "",
    "language": "en",
    "metadata": {"year": 2026},
    "title": "Leave",
    "generation": GENERATION,
    "kind": "text",
    "sha256": _HASH,
    "bytes": len(TEXT),
    "chars": len(TEXT),
    "chunks": 1,
    "updated_at": "2026-01-01T00:00:00.000Z",
    "links": {
        "self": _DOCUMENT,
        "text": f"{_DOCUMENT}/text",
        "file": f"{_DOCUMENT}/file",
        "chunks": f"{_DOCUMENT}/chunks",
    },
}
_CHUNK: Final[Json] = {
    "chunk_id": f"{DOCUMENT_ID}:{GENERATION}:0",
    "text": TEXT,
    "n": 0,
    "start": 0,
    "end": len(TEXT),
    "page": None,
    "context": "",
    "page_label": None,
    "page_kind": None,
}
_THIS: Final[Json] = {"document_id": DOCUMENT_ID, "generation": GENERATION}

COLLECTION_EXAMPLES: Final[Mapping[str, Example]] = {
    "listCollections": Example(
        answers={200: {"collections": [_collection("default", documents=1)]}}
    ),
    "createCollection": Example(
        sent={"name": "handbooks"},
        answers={
            201: _collection("handbooks", documents=0),
            200: _collection("handbooks", documents=1),
        },
    ),
    "getCollection": Example(answers={200: _collection("default", documents=1)}),
    "deleteCollection": Example(answers={202: waiting("delete_collection", "drop")}),
    "diff": Example(
        sent=[{"id": DOCUMENT_ID, "sha256": _HASH}, {"id": "handbook/new.md", "sha256": "0a" * 32}],
        answers={
            200: {
                "send": ["handbook/new.md"],
                "new": ["handbook/new.md"],
                "changed": [],
                "failed": [],
                "gone": [],
                "unchanged": 1,
            }
        },
    ),
    "listHashes": Example(
        answers={200: {"documents": [{"id": DOCUMENT_ID, "sha256": _HASH}], "next_cursor": None}}
    ),
    "listDocuments": Example(answers={200: {"documents": [_SHOWN], "next_cursor": None}}),
    "deleteDocuments": Example(
        sent={"ids": ["handbook/old.md", "handbook/older.md"]},
        answers={202: of_documents("delete")},
    ),
    "getDocument": Example(answers={200: _SHOWN | {"notes": [], "encoding": "utf-8"}}),
    "deleteDocument": Example(answers={202: of_documents("delete")}),
    "reingestDocument": Example(answers={202: of_documents("ingest")}),
    "getText": Example(
        answers={200: _THIS | {"start": 0, "end": 70, "chars": len(TEXT), "text": TEXT[:70]}}
    ),
    "listChunks": Example(
        answers={200: _THIS | {"total": 1, "chunks": [_CHUNK], "next_cursor": None}}
    ),
    "getFile": Example(answers={200: TEXT}),
}
