"""Ingesting documents: parse and chunk them, then embed and publish them."""

from celery import shared_task

from tasks.base import QuernTask
from tasks.resources import require


@shared_task(name="ingest.parse", bind=True, base=QuernTask)
def parse(self: QuernTask, unit_id: str) -> None:
    """Turn files' bytes into text and chunks, and publish them at once; safe to run twice."""
    require(self.resources.ingestion).parse(unit_id)


@shared_task(name="ingest.publish", bind=True, base=QuernTask)
def publish(self: QuernTask, unit_id: str) -> None:
    """Embed documents' chunks and make them visible; safe to run twice."""
    require(self.resources.ingestion).publish(unit_id)
