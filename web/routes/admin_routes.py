"""`/api/admin`: jobs for those who run Quern."""

from flask import Blueprint, Response, jsonify

from intake.requests import read_check, read_purge, read_reindex
from web.front_end import front_end
from web.guards.authorization import needs
from web.http import cursors
from web.http.request_parts import idempotency, json_body, parameters, preference
from web.http.waiting import submitted

bp = Blueprint("admin", __name__, url_prefix="/api/admin")


@bp.post("/reindex")
@needs("admin")
def reindex() -> Response:
    """Return the job that makes a collection's vectors anew; 409 while another one does."""
    parameters()
    collection = read_reindex(json_body())
    key = idempotency("reindex", collection)
    job_id = front_end().intake.maintenance.reindex(collection, idempotency=key)
    return submitted(job_id, wait_s=0, applied="")


@bp.post("/check")
@needs("admin")
def check() -> Response:
    """Compare catalogue, Chroma and sparse indexes, and repair where that is asked: a job."""
    parameters()
    asked = read_check(json_body())
    preferred = preference()
    job_id = front_end().intake.maintenance.check(
        asked, idempotency=idempotency("check", asked.as_json())
    )
    return submitted(job_id, wait_s=preferred.wait_s, applied=preferred.applied)


@bp.post("/purge")
@needs("admin")
def purge() -> Response:
    """Forget jobs that ended long ago, a few seconds' worth; goes on where a cursor says."""
    parameters()
    asked, cursor = read_purge(json_body())
    after = cursors.decode_time(cursor) if cursor else ("0", "")
    told, following = front_end().intake.purge.page(asked, after=after)
    return jsonify(told | {"next_cursor": following and cursors.encode(*following)})
