"""
Vector stores, their files and batches, as `/v1` shows them.

Source: openai-openapi 2.3.0, `VectorStoreObject`, `VectorStoreFileObject`,
`VectorStoreFileBatchObject`, `VectorStoreSearchResultsPage`.
"""

from collections.abc import Sequence
from typing import Any

from intake.vector_stores.files import STATES, Batch, Counts, Failure, StoreFile
from intake.vector_stores.searching import Hit
from intake.vector_stores.stores import Store

Json = dict[str, Any]

#: Of a passage that is found, beside what OpenAI tells: where it stands in its file.
_PLACE = ("chunk_id", "start", "end", "page")


def store_object(store: Store) -> Json:
    """Show a store: it has expired, is getting files, or is completed."""
    record, counts = store.record, store.counts
    status = "in_progress" if counts.in_progress else "completed"
    active_us = record.created_us if record.active_us is None else record.active_us
    expires_us = record.expires_us
    return {
        "id": store.store_id,
        "object": "vector_store",
        "created_at": record.created_us // 1_000_000,
        "name": store.label,
        "description": record.description or None,
        "usage_bytes": counts.size,
        "file_counts": _counts(counts),
        "status": "expired" if store.has_expired else status,
        "expires_after": None
        if record.expires_days is None
        else {"anchor": "last_active_at", "days": record.expires_days},
        "expires_at": None if expires_us is None else expires_us // 1_000_000,
        "last_active_at": active_us // 1_000_000,
        "metadata": dict(record.metadata or {}),
    }


def file_object(store_id: str, file: StoreFile, *, chunk_tokens: int) -> Json:
    """Show a file of a store; *chunk_tokens* is how long chunks are where nobody asked."""
    most, overlap = file.chunking or (chunk_tokens, 0)
    return {
        "id": file.file_id,
        "object": "vector_store.file",
        "created_at": file.created_us // 1_000_000,
        "usage_bytes": file.size,
        "vector_store_id": store_id,
        "status": file.state,
        "last_error": None if file.failure is None else _error(file.failure),
        "attributes": dict(file.attributes),
        "chunking_strategy": {
            "type": "static",
            "static": {"max_chunk_size_tokens": most, "chunk_overlap_tokens": overlap},
        },
        "filename": file.filename,
    }


def batch_object(store_id: str, batch: Batch) -> Json:
    """Show a batch of files."""
    return {
        "id": batch.batch_id,
        "object": "vector_store.files_batch",
        "created_at": batch.created_us // 1_000_000,
        "vector_store_id": store_id,
        "status": batch.status,
        "file_counts": _counts(batch.counts),
    }


def search_page(queries: Sequence[str], hits: Sequence[Hit]) -> Json:
    """Show what a search found; there is one page."""
    return {
        "object": "vector_store.search_results.page",
        "search_query": list(queries),
        "data": [_hit(hit) for hit in hits],
        "has_more": False,
        "next_page": None,
    }


def content_page(text: str) -> Json:
    """Show the text of a file; there is one page."""
    return {
        "object": "vector_store.file_content.page",
        "data": [{"type": "text", "text": text}],
        "has_more": False,
        "next_page": None,
    }


def _hit(hit: Hit) -> Json:
    """Show a passage."""
    return {
        "file_id": hit.file_id,
        "filename": hit.filename,
        "score": hit.score,
        "attributes": dict(hit.attributes),
        "content": [{"type": "text", "text": hit.text}],
    } | {name: hit.source.get(name) for name in _PLACE}


def _counts(counts: Counts) -> Json:
    """Show how many files are in each state."""
    return {state: getattr(counts, state) for state in STATES} | {"total": counts.total}


def _error(failure: Failure) -> Json:
    """Show why a file failed; `reason` is finer than the code."""
    return {"code": failure.code, "message": failure.message, "reason": failure.reason}
