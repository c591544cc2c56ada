"""Ingesting a document: parse and chunk it, then embed and publish it."""

import contextlib
import time
from collections.abc import Mapping

from celery import shared_task

from corpus.blobs import Together
from corpus.publishing import manifest_of, note_of
from corpus.publishing_together import publish_together
from jobs.companies import Company, company
from jobs.leases import Lease
from rag.chunking.chunker import fit_title
from rag.documents import ParsedDocument
from rag.errors import NoText, StoreUnavailable
from runtime.metrics.meters import timed
from runtime.tracing import traces
from tasks import measuring
from tasks.base import QuernTask
from tasks.resources import Resources, owned

#: A title may take this share of a chunk at most.
TITLE_SHARE = 4


#: A company whose parsing takes longer gives back what it has not begun: others may have time.
PATIENCE_S = 2.0


@shared_task(name="ingest.parse", bind=True, base=QuernTask)
def parse(self: QuernTask, unit_id: str) -> None:
    """Turn files' bytes into text and chunks, and publish them at once; safe to run twice."""
    resources = self.resources
    with company(resources.leases, unit_id, "parse") as together:
        if together is not None:
            _parse_together(together, resources)
            _publish_together(together, resources)


@shared_task(name="ingest.publish", bind=True, base=QuernTask)
def publish(self: QuernTask, unit_id: str) -> None:
    """Embed documents' chunks and make them visible; safe to run twice."""
    with company(self.resources.leases, unit_id, "publish") as together:
        if together is not None:
            _publish_together(together, self.resources)


def _publish_together(together: Company, resources: Resources) -> None:
    """Publish a company's documents; each trace that has one among them is told of it."""
    told = dict.fromkeys(lease.unit.fields.get("traceparent", "") for lease in together.members)
    with contextlib.ExitStack() as stack:
        for n, traceparent in enumerate(told):
            stack.enter_context(traces.shared_step("publish", traceparent, around=n == 0))
        publish_together(owned(resources.publisher), together)


def _parse_together(together: Company, resources: Resources) -> None:
    """Parse a company's files one by one, and write their outputs together."""
    until = time.monotonic() + PATIENCE_S
    leader = together.members[0]

    def step(lease: Lease) -> dict[str, str | int] | None:
        if lease is not leader and time.monotonic() > until:
            together.give_back(lease)
            return None
        with traces.shared_step("document", lease.unit.fields.get("traceparent", "")):
            return _parse(lease, resources, blobs)

    with resources.durable.blobs.together() as blobs:
        outputs = [(lease, fields) for lease, fields in together.each(step) if fields is not None]
    # Only now: what is handed on is on disk.
    together.hand_on(outputs, stage="publish")


def _parse(lease: Lease, resources: Resources, blobs: Together) -> dict[str, str | int]:
    """Parse in a limited sub-process and chunk; returns what the publish stage needs."""
    row = lease.unit.fields
    data = resources.durable.blobs.get(row["sha256"])
    if data is None:
        raise StoreUnavailable("the file's bytes are missing from the blob store")
    with timed("parse"):
        document = owned(resources.parser).parse(
            data, filename=row["filename"], abort=lambda: lease.stopped
        )
    measuring.parsed(document.kind, len(data))
    lease.check()
    note = note_of(document.notes)
    if not document.text.strip():
        raise NoText("the file holds no text" + (f": {note}" if note else ""))
    tokens, chunker = owned(resources.tokens), owned(resources.chunker)
    title = fit_title(_title(document, row), tokens, chunker.max_tokens // TITLE_SHARE)
    with timed("chunk"):
        chunks = chunker.chunk(document, title=title, counter=tokens)
    lease.check()
    text_blob = blobs.put(document.text.encode())
    language = owned(resources.languages).language_of(document.text)
    manifest = blobs.put_json(manifest_of(document, title, chunks, text_blob, language=language))
    fields: dict[str, str | int] = {
        "manifest_blob": manifest, "text_blob": text_blob, "chunks": len(chunks)
    }  # fmt: skip
    return fields | ({"note": note} if note else {})


def _title(document: ParsedDocument, row: Mapping[str, str]) -> str:
    """Choose a title: the owner's, the document's own, else the file's name."""
    given = row["title"] or document.title or ""
    if given.strip():
        return " ".join(given.split())
    name = row["filename"].rsplit("/", 1)[-1]
    return name.rsplit(".", 1)[0].replace("_", " ").replace("-", " ").strip()
