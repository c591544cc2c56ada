"""Files of vector stores, as they are shown: attached ones, and documents that were not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from corpus.vector_stores.attachments import STATES, Attachment, Counts, State
from jobs.document_metadata import of_row

__all__ = [
    "STATES", "Batch", "Counts", "Failure", "StoreFile", "batch_of", "failure_of", "of_attachment",
    "of_batch_row", "of_record", "scalars", "state_of_row",
]  # fmt: skip

#: Kinds of errors that say something of the file, and what clients know them as.
_OF_THE_FILE: Final = frozenset(
    {
        "corrupt", "encrypted", "no_text", "not_found", "too_large", "too_much_text", "unsafe",
        "binary", "parser_crashed", "parser_memory", "parser_timeout",
    }
)  # fmt: skip
_CODES: Final = {"unsupported": "unsupported_file"} | dict.fromkeys(_OF_THE_FILE, "invalid_file")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """
    Why a file failed.

    Attributes:
        code: As OpenAI's clients know it: `server_error`, `unsupported_file`, `invalid_file`.

        reason: As Quern calls it.
    """

    code: str
    message: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFile:
    """
    A file of a vector store.

    Attributes:
        size: Of a completed one, bytes; 0 of any other.

        chunking: Tokens of a chunk and of its overlap with the next; None where that was left to
            Quern.
    """

    file_id: str
    filename: str
    state: State
    size: int
    created_us: int
    attributes: Mapping[str, Any]
    chunking: tuple[int, int] | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Files that were attached together, and how many of them are in each state."""

    batch_id: str
    job_id: str
    created_us: int
    counts: Counts
    status: str


def of_attachment(one: Attachment) -> StoreFile:
    """Show an attached file."""
    return StoreFile(
        file_id=one.file_id,
        filename=one.told.filename,
        state=one.state,
        size=one.size if one.state == "completed" else 0,
        created_us=one.created_us,
        attributes=one.told.attributes,
        chunking=one.told.chunking,
        failure=None if one.error is None else failure_of(one.error),
    )


def of_record(record: Mapping[str, Any]) -> StoreFile:
    """Show a document that was not attached as a file."""
    return StoreFile(
        file_id=record["document_id"],
        filename=(record.get("file") or record["document_id"]).rsplit("/", 1)[-1],
        state="completed",
        size=record["bytes"],
        created_us=record["generation"],
        attributes=scalars(record["metadata"]),
    )


def of_batch_row(row: Mapping[str, str]) -> StoreFile:
    """Show a file as the row of its batch tells it."""
    state = state_of_row(row)
    failure = None
    if state == "failed":
        told = {"type": "no_text", "detail": row.get("note", "")}
        failure = failure_of(orjson.loads(row["error"]) if "error" in row else told)
    chunking = None
    if "chunk_tokens" in row:
        chunking = int(row["chunk_tokens"]), int(row.get("chunk_overlap", "0"))
    return StoreFile(
        file_id=row["document"],
        filename=row["filename"],
        state=state,
        size=int(row["size"]) if state == "completed" else 0,
        created_us=int(row["created"]),
        attributes=orjson.loads(of_row(row, "")),
        chunking=chunking,
        failure=failure,
    )


def state_of_row(row: Mapping[str, str]) -> State:
    """Return the state of a file as the row of its batch tells it."""
    state: State = row.get("attached_end") or "in_progress"  # type: ignore[assignment]
    return state


def batch_of(batch_id: str, job_id: str, job: Mapping[str, str]) -> Batch:
    """Show the job of a batch; it is over once each of its files is."""
    total = int(job.get("total", "0"))
    completed, failed, cancelled = (
        int(job.get(f"attached_{state}", "0")) for state in ("completed", "failed", "cancelled")
    )
    left = total - completed - failed - cancelled
    if left:
        status = "in_progress"
    elif job.get("cancel") == "1" and cancelled:
        status = "cancelled"
    else:
        status = "completed" if completed or not total else "failed"
    return Batch(
        batch_id=batch_id,
        job_id=job_id,
        created_us=int(job["created"]),
        counts=Counts(left, completed, failed, cancelled),
        status=status,
    )


def failure_of(error: Mapping[str, Any]) -> Failure:
    """Show why a file failed, as the ledger has it."""
    kind = str(error.get("type", ""))
    message = str(error.get("detail") or error.get("title") or "It could not be read.")
    return Failure(code=_CODES.get(kind, "server_error"), message=message, reason=kind)


def scalars(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what no attribute can be: a list of values."""
    return {name: value for name, value in metadata.items() if not isinstance(value, list)}
