"""`/v1/batches`: a file of requests that may take a day, answered with files."""

from typing import Final

from flask import Blueprint, Response, jsonify

from intake.v1.batches.batch import Batch
from runtime.turns import aside
from web.front_end import front_end
from web.guards.authorization import needs
from web.http.request_parts import idempotency
from web.v1 import reading
from web.v1.batch_requests import read_batch, read_line
from web.v1.errors import V1Error, answer_refusals
from web.v1.shapes.batch_lines import output_line
from web.v1.shapes.batches import batch_object
from web.v1.shapes.lists import list_object

bp = Blueprint("v1_batches", __name__, url_prefix="/v1/batches")
answer_refusals(bp)

_USUAL, _MOST = 20, 100
#: How long somebody who looks at a batch waits for its files: those of a small one are there then.
_FILES_S: Final = 2.0


@bp.post("")
@needs("ask")
def create() -> Response:
    """Check a file of requests, and record the batch that it is."""
    sent = reading.body()
    asked = read_batch(sent)
    key = idempotency("batch", asked.as_json())
    with aside():  # the disk is waited for
        batch = front_end().intake.batches.create(asked, read_line, idempotency=key)
    return jsonify(batch_object(batch))


@bp.get("")
@needs()
def index() -> Response:
    """List batches, newest first."""
    limit = reading.limit(_USUAL, _MOST)
    found = front_end().intake.batches.all(after=reading.argument("after"))
    return jsonify(list_object(found, lambda batch: batch_object(_settled(batch, 0)), limit=limit))


@bp.get("/<batch_id>")
@needs()
def show(batch_id: str) -> Response:
    """Show a batch; of one that has ended its files are made, if they are not there yet."""
    return jsonify(batch_object(_settled(front_end().intake.batches.find(batch_id), _FILES_S)))


@bp.post("/<batch_id>/cancel")
@needs("ask")
def cancel(batch_id: str) -> Response:
    """Ask a batch to stop; what was answered by then is in its files."""
    batch = front_end().intake.batches.cancel(batch_id)
    if batch is None:
        now = front_end().intake.batches.find(batch_id).status
        raise V1Error(409, f"Cannot cancel a batch that is {now}.", param="batch_id")
    return jsonify(batch_object(batch))


def _settled(batch: Batch, wait_s: float) -> Batch:
    """Have the files of a batch made where all of it has ended; returns it as it is then."""
    if not batch.needs_files:
        return batch
    intake = front_end().intake
    with aside():  # another thread makes them
        intake.batch_outputs.settle(batch, output_line, wait_s=wait_s)
    return intake.batches.find(batch.id)
