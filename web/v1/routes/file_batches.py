"""`/v1/vector_stores/ID/file_batches`: files that are attached together."""

from flask import Blueprint, Response, jsonify

from intake.vector_stores.files import Batch
from intake.vector_stores.reading import batch_id_of
from intake.vector_stores.stores import id_of
from web.front_end import front_end
from web.guards.authorization import needs
from web.http.waiting import polled
from web.v1 import reading
from web.v1.routes.vector_store_files import ATTACH_WAIT_S, POLL_AFTER, listing, shown_files
from web.v1.shapes.vector_stores import batch_object
from web.v1.store_requests import read_batch

bp = Blueprint("v1_file_batches", __name__, url_prefix="/v1/vector_stores/<store_id>/file_batches")


@bp.post("")
@needs("ingest")
def create(store_id: str) -> Response:
    """Attach up to 2,000 files; all of them count as in progress when this answers."""
    service = front_end().intake.vector_stores
    wanted = read_batch(reading.body())
    record = service.stores.usable(store_id)
    documents = service.attaching.read_several(wanted)
    job_id = service.attaching.attach(record, documents, priority="batch")
    return _shown(id_of(record), service.reading.batch(record, batch_id_of(job_id)))


@bp.get("/<batch_id>")
@needs()
def show(store_id: str, batch_id: str) -> Response:
    """Show a batch."""
    service = front_end().intake.vector_stores
    record = service.stores.record(store_id)
    return _shown(id_of(record), service.reading.batch(record, batch_id))


@bp.post("/<batch_id>/cancel")
@needs("ingest")
def cancel(store_id: str, batch_id: str) -> Response:
    """Stop a batch, and wait for a moment for those who are at its files."""
    service = front_end().intake.vector_stores
    record = service.stores.record(store_id)
    batch = service.reading.cancel_batch(record, batch_id)
    if batch.counts.in_progress:
        polled(batch.job_id, ATTACH_WAIT_S)
        batch = service.reading.batch(record, batch_id)
    return _shown(id_of(record), batch)


@bp.get("/<batch_id>/files")
@needs()
def files(store_id: str, batch_id: str) -> Response:
    """List the files of a batch."""
    service = front_end().intake.vector_stores
    record = service.stores.record(store_id)
    batch = service.reading.batch(record, batch_id)
    found, more = service.reading.batch_files(batch, **listing())
    return jsonify(shown_files(id_of(record), found, has_more=more))


def _shown(store_id: str, batch: Batch) -> Response:
    """Answer with a batch; one that is under way says when to ask again."""
    parts = front_end()
    answer = jsonify(batch_object(store_id, batch))
    if left := batch.counts.in_progress:
        pause_ms = parts.intake.vector_stores.polling.of_batch(
            batch.job_id, left, parts.health.workers
        )
        answer.headers[POLL_AFTER] = str(pause_ms)
    return answer
