"""Files, as `/v1` shows them."""

from typing import Any

from corpus.files import FileRecord


def file_object(record: FileRecord) -> dict[str, Any]:
    """Show a file; it is `processed` at once: documents are made of it where it is attached."""
    return {
        "id": record.file_id,
        "object": "file",
        "bytes": record.size,
        "created_at": record.created_us // 1_000_000,
        "expires_at": None if record.expires_us is None else record.expires_us // 1_000_000,
        "filename": record.filename,
        "purpose": record.purpose,
        "status": "processed",
        "status_details": None,
    }
