"""Document rows: what the ledger keeps of each document of an ingest or delete."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from jobs.document_metadata import of_row, own_part
from protocol.messages import PRIORITY_OF, ROLE_OF

Row = dict[str, str | int]


@dataclass(frozen=True, slots=True)
class RowSource:
    """
    Where a document row comes from: bytes already in the blob store, and all its metadata.

    *chunk_tokens* is how long its chunks may be, where that is less than usual; 0 where not.
    """

    document_id: str
    sha256: str
    size: int
    filename: str
    title: str
    metadata: str
    chunk_tokens: int = 0

    @classmethod
    def of_row(cls, row: Mapping[str, str], of_all: str) -> "RowSource":
        """Return where a recorded row came from; its job's metadata says *of_all*."""
        return cls(
            document_id=row["document"],
            sha256=row["sha256"],
            size=int(row["size"]),
            filename=row["filename"],
            title=row["title"],
            metadata=of_row(row, of_all),
            chunk_tokens=int(row.get("chunk_tokens", "0")),
        )

    @property
    def identity(self) -> tuple[str, str, str, str, str]:
        """What makes it the same document as another."""
        return self.document_id, self.sha256, self.filename, self.title, self.metadata


class RowMaker:
    """
    Make the rows of documents to parse.

    Args:
        pipeline: A word for everything that decides how bytes become chunks; with the bytes'
            own hash it is the fingerprint by which an unchanged document is known.
    """

    def __init__(self, pipeline: str) -> None:
        self.pipeline = pipeline
        self._made_by = made_by(pipeline)

    def row(self, job_id: str, source: RowSource, *, priority: str, of_all: str) -> Row:
        """
        Return the row of a document: the same document and bytes give the same id.

        What the job's metadata says *of_all* is kept with the job alone.
        """
        told = f"{source.sha256}\0{source.filename}\0{source.title}\0{source.metadata}"
        if source.chunk_tokens:
            told += f"\0{source.chunk_tokens}"
        fingerprint = hashlib.sha256(f"{self.pipeline}\0{told}".encode()).hexdigest()[:32]
        bare = bare_row(job_id, stage="parse", document=source.document_id, priority=priority)
        return (
            bare
            | {
                "id": _row_id(job_id, source.document_id, fingerprint),
                "sha256": source.sha256,
                "size": source.size,
                "filename": source.filename,
                "title": source.title,
                "own_metadata": own_part(source.metadata, of_all),
                "fingerprint": fingerprint,
                "made_by": self._made_by,
            }
            | ({"chunk_tokens": source.chunk_tokens} if source.chunk_tokens else {})
        )


def made_by(pipeline: str) -> str:
    """Return a short word for a pipeline: chunks made by another would come out otherwise."""
    return hashlib.sha256(pipeline.encode()).hexdigest()[:16]


def bare_row(
    job_id: str, *, stage: Literal["parse", "remove"], document: str, priority: str = "interactive"
) -> Row:
    """Return what every document row has."""
    kind = "ingest" if stage == "parse" else "delete"
    return {
        "id": _row_id(job_id, document, ""),
        "kind": "document",
        "document": document,
        "stage": stage,
        "role": ROLE_OF[stage],
        "owner": "interactive" if priority == "interactive" else f"{kind}:{job_id}",
        "priority": PRIORITY_OF[priority],
    }


def _row_id(job_id: str, document_id: str, fingerprint: str) -> str:
    """Name a row so that the same document sent twice to one job is one row."""
    told = hashlib.sha256(f"{document_id}\0{fingerprint}".encode()).hexdigest()[:20]
    return f"{job_id}:{told}"
