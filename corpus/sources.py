"""Where a job's sources and result are kept: in its row, or in the blob store if they are large."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from corpus.blobs import BlobStore
from rag.errors import Unreadable

#: Sources above this size lie in the blob store, not in Redis.
INLINE_BYTES: Final = 2_048
#: The same of results. What a row may grow by was promised at its admission: `protocol.sizes`.
RESULT_BYTES: Final = 4_096


def keep_sources(
    sources: Sequence[Mapping[str, Any]], blobs: BlobStore
) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the fields of the row, and what the event `sources` says."""
    text = orjson.dumps(sources)
    if len(text) <= INLINE_BYTES:
        return {"sources": text.decode(), "sources_blob": ""}, {"sources": sources}
    # Not synced to the disk: they are as durable as the ledger's own last second.
    blob = blobs.put(text, durable=False)
    return {"sources": "", "sources_blob": blob}, {"blob": blob}


def kept_sources(row: Mapping[str, str], blobs: BlobStore) -> list[dict[str, Any]] | None:
    """
    Return the sources that a row keeps, None before retrieval has ended.

    Raises:
        Unreadable: They are gone from the blob store.
    """
    if blob := row.get("sources_blob"):
        kept = blobs.get_json(blob)
        if not isinstance(kept, list):
            raise Unreadable(
                "passages_gone", "the passages are gone from the blob store; ask again"
            )
        return kept
    text = row.get("sources")
    return orjson.loads(text) if text else None


def keep_result(result: Mapping[str, Any], blobs: BlobStore) -> dict[str, str]:
    """Return the fields of a row that keeps *result*."""
    text = orjson.dumps(result)
    if len(text) <= RESULT_BYTES:
        return {"result": text.decode()}
    return {"result_blob": blobs.put(text, durable=False)}


def kept_result(row: Mapping[str, str], blobs: BlobStore) -> dict[str, Any] | None:
    """
    Return the result that a row keeps, None where it has none.

    Raises:
        Unreadable: It is gone from the blob store.
    """
    if blob := row.get("result_blob"):
        kept = blobs.get_json(blob)
        if not isinstance(kept, dict):
            raise Unreadable("result_gone", "the result is gone from the blob store; ask again")
        return kept
    text = row.get("result")
    return orjson.loads(text) if text else None
