"""`/api/ingests`: a pile of documents becomes a job."""

from flask import Blueprint, Response

from intake.requests import read_ingest
from rag.errors import InvalidRequest
from runtime.turns import aside
from web.front_end import front_end
from web.guards.authorization import needs
from web.http.request_parts import idempotency, parameters, preference
from web.http.uploads import EMPTY, read_upload
from web.http.waiting import submitted

bp = Blueprint("ingests", __name__, url_prefix="/api/ingests")


@bp.post("")
@needs("ingest")
def submit() -> Response:
    """Keep the documents and return the job that will index them."""
    parameters()
    parts = front_end()
    upload = read_upload()
    asked = read_ingest(upload.fields, parts.settings)
    if not upload.count and not asked.keep_open:
        raise InvalidRequest("documents", EMPTY)
    preferred = preference()
    key = idempotency("ingest", upload.fields)
    with aside():  # the disk is waited for
        job_id = parts.intake.ingests.submit_ingest(asked, upload.documents, idempotency=key)
    return submitted(job_id, wait_s=preferred.wait_s, applied=preferred.applied)
