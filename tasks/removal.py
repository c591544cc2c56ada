"""Removing: a document, by a generation without chunks; a collection, with all that it had."""

from celery import shared_task

from tasks.base import QuernTask
from tasks.resources import require


@shared_task(name="documents.remove", bind=True, base=QuernTask)
def remove(self: QuernTask, unit_id: str) -> None:
    """Make a document invisible at once; its rows are garbage from then on."""
    require(self.resources.ingestion).remove(unit_id)


@shared_task(name="collections.drop", bind=True, base=QuernTask)
def drop(self: QuernTask, unit_id: str) -> None:
    """Remove what a deleted collection leaves behind; its name has been free since the call."""
    with self.resources.leases.claim(unit_id, "drop") as lease:
        if lease is not None:
            require(self.resources.vectors).drop(lease.unit.collection_id)
            self.resources.storage.catalogue.collections.forget(lease.unit.collection_id)
            lease.finish(state="succeeded", fields={})
