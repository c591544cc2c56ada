"""Where a question's sources are kept: in its row, or in the blob store where they are large."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from corpus.blobs import BlobStore
from rag.errors import Unreadable

#: Sources above this size lie in the blob store, not in Redis.
INLINE_BYTES: Final = 2_048


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
