"""Where a person sees what a tool tells of, as the tool's caller knows this server."""

from typing import Any
from urllib.parse import urlencode

from flask import request


def page_of_document(collection: str, document_id: str, span: tuple[int, int] | None = None) -> str:
    """Return where the page shows a document; *span* is marked there, in code points."""
    asked: dict[str, Any] = {"collection": collection, "document": document_id}
    if span is not None:
        asked["start"], asked["end"] = span
    return _whole(f"documents?{urlencode(asked)}")


def page_of_job(job_id: str) -> str:
    """Return where the page shows a job."""
    return _whole(f"jobs/{job_id}")


def _whole(path: str) -> str:
    """Return a whole address of this server."""
    return f"{request.root_url.rstrip('/')}/{path}"
