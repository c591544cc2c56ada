"""Ingesting a document: parse and chunk it, then embed and publish it."""

from collections.abc import Mapping

from celery import shared_task

from jobs.leases import Lease
from jobs.publishing import manifest_of
from rag.chunking import fit_title
from rag.documents import ParsedDocument
from rag.errors import EmbedderMismatch, NoText, StoreUnavailable, Unreadable
from tasks.base import QuernTask
from tasks.resources import Resources, owned

#: A title may take this share of a chunk at most.
TITLE_SHARE = 4


@shared_task(name="ingest.parse", bind=True, base=QuernTask)
def parse(self: QuernTask, unit_id: str) -> None:
    """Turn a file's bytes into text and chunks; safe to run twice."""
    with self.resources.leases.claim(unit_id, "parse") as lease:
        if lease is not None:
            _parse(lease, self.resources)


@shared_task(name="ingest.publish", bind=True, base=QuernTask)
def publish(self: QuernTask, unit_id: str) -> None:
    """Embed a document's chunks and make it visible; safe to run twice."""
    with self.resources.leases.claim(unit_id, "publish") as lease:
        if lease is not None:
            try:
                owned(self.resources.publisher).publish(lease)
            except EmbedderMismatch as error:
                raise Unreadable("embedder_mismatch", str(error)) from error


def _parse(lease: Lease, resources: Resources) -> None:
    """Parse in a limited sub-process, chunk, and hand the manifest over."""
    row = lease.unit.fields
    blobs = resources.durable.blobs
    data = blobs.get(row["sha256"])
    if data is None:
        raise StoreUnavailable("the file's bytes are missing from the blob store")
    document = owned(resources.parser).parse(
        data, filename=row["filename"], abort=lambda: lease.stopped
    )
    lease.check()
    if not document.text.strip():
        raise NoText("the file holds no text")
    tokens, chunker = owned(resources.tokens), owned(resources.chunker)
    title = fit_title(_title(document, row), tokens, chunker.max_tokens // TITLE_SHARE)
    chunks = chunker.chunk(document, title=title, counter=tokens)
    lease.check()
    text_blob = blobs.put(document.text.encode())
    manifest = blobs.put_json(manifest_of(document, title, chunks, text_blob))
    lease.hand_over(
        stage="publish",
        fields={"manifest_blob": manifest, "text_blob": text_blob, "chunks": len(chunks)},
    )


def _title(document: ParsedDocument, row: Mapping[str, str]) -> str:
    """Choose a title: the owner's, the document's own, else the file's name."""
    given = row["title"] or document.title or ""
    if given.strip():
        return " ".join(given.split())
    name = row["filename"].rsplit("/", 1)[-1]
    return name.rsplit(".", 1)[0].replace("_", " ").replace("-", " ").strip()
