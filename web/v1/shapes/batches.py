"""Batches, as `/v1` shows them. Source: openai-openapi 2.3.0, `Batch`."""

from typing import Any

import orjson

from intake.v1.batches.batch import Batch

Json = dict[str, Any]


def batch_object(batch: Batch) -> Json:
    """Show a batch; times that have not come are null, as are files that there are not."""
    told, row, status = batch.told, batch.row, batch.status
    created = _seconds(row["created"])
    ended = _seconds(row.get("finished"))
    settled = _seconds(row.get("outputs_at"))
    return {
        "id": batch.id,
        "object": "batch",
        "endpoint": told["endpoint"],
        "model": told["model"],
        "errors": _errors(batch),
        "input_file_id": told["input_file_id"],
        "completion_window": told["completion_window"],
        "status": status,
        "output_file_id": row.get("output_file"),
        "error_file_id": row.get("error_file"),
        "created_at": created,
        "in_progress_at": None if status in ("validating", "failed") else created,
        "expires_at": int(row["deadline"]) // 1_000,
        "finalizing_at": None if status == "failed" else ended,
        "completed_at": settled if status == "completed" else None,
        "failed_at": ended if status == "failed" else None,
        "expired_at": settled if status == "expired" else None,
        "cancelling_at": _seconds(row.get("cancel_at")) if batch.is_cancelled else None,
        "cancelled_at": settled if status == "cancelled" else None,
        "request_counts": batch.counts,
        "usage": _usage(row.get("usage")),
        "metadata": told["metadata"],
    }


def _seconds(microseconds: str | None) -> int | None:
    """Show a time, seconds since 1970."""
    return None if microseconds is None else int(microseconds) // 1_000_000


def _errors(batch: Batch) -> Json | None:
    """Show why nothing of a batch was accepted."""
    if not batch.has_failed:
        return None
    return {"object": "list", "data": batch.told["errors"]}


def _usage(spent: str | None) -> Json | None:
    """Show what the lines cost, once all of them have ended."""
    if spent is None:
        return None
    asked, written = orjson.loads(spent)
    return {
        "input_tokens": asked,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": asked + written,
    }
