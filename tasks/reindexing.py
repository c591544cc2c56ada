"""Reindexing a collection: one long body, taken up where it was when its worker dies."""

from celery import shared_task

from tasks.base import QuernTask
from tasks.resources import require


@shared_task(name="collections.reindex", bind=True, base=QuernTask)
def reindex(self: QuernTask, unit_id: str) -> None:
    """Make a collection's vectors anew beside the ones people search, and change over."""
    with self.resources.leases.claim(unit_id, "reindex") as lease:
        if lease is not None:
            require(self.resources.reindexer).reindex(lease)
