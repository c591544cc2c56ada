"""`/v1/vector_stores`: collections as OpenAI's clients see them, and searches of them."""

import time
from typing import Any, Final

import orjson
from flask import Blueprint, Response, jsonify

from intake.lookup.views import has_ended
from intake.queries import SEARCH_DEADLINE_S
from intake.vector_stores.stores import id_of
from web.front_end import front_end
from web.guards.authorization import needs
from web.http.behind_proxy import client
from web.http.problems import Problem
from web.http.waiting import awaited, polled
from web.v1 import reading
from web.v1.routes.vector_store_files import ATTACH_WAIT_S
from web.v1.shapes.lists import page_object
from web.v1.shapes.vector_stores import search_page, store_object
from web.v1.store_requests import read_search, read_store, read_store_change

bp = Blueprint("v1_vector_stores", __name__, url_prefix="/v1/vector_stores")

#: More files than these are not documents within a moment.
_FEW: Final = 20
_USUAL: Final = 20
_MOST: Final = 100


@bp.post("")
@needs("ingest")
def create() -> Response:
    """Make a store; a few files, if there are any, are waited for for a moment."""
    new = read_store(reading.body())
    service = front_end().intake.vector_stores
    record, job_id = service.make(new)
    if job_id is not None and len(new.files) <= _FEW:
        polled(job_id, ATTACH_WAIT_S)
    return jsonify(store_object(service.stores.find(id_of(record))))


@bp.get("")
@needs()
def index() -> Response:
    """List stores, newest first unless asked otherwise."""
    after, before = reading.cursors()
    found, more = front_end().intake.vector_stores.stores.page(
        after=after, before=before, newest_first=reading.newest_first(),
        limit=reading.limit(_USUAL, _MOST),
    )  # fmt: skip
    return jsonify(page_object([store_object(store) for store in found], has_more=more))


@bp.get("/<store_id>")
@needs()
def show(store_id: str) -> Response:
    """Show a store."""
    return jsonify(store_object(front_end().intake.vector_stores.stores.find(store_id)))


@bp.post("/<store_id>")
@needs("ingest")
def update(store_id: str) -> Response:
    """Change a store's name, metadata or expiry."""
    change = read_store_change(reading.body())
    return jsonify(store_object(front_end().intake.vector_stores.stores.update(store_id, change)))


@bp.delete("/<store_id>")
@needs("ingest", "admin")
def delete(store_id: str) -> Response:
    """Delete a store; its files stay."""
    gone = front_end().intake.vector_stores.stores.delete(store_id)
    return jsonify({"id": gone, "object": "vector_store.deleted", "deleted": True})


@bp.post("/<store_id>/search")
@needs("ask")
def search(store_id: str) -> Response:
    """Search a store and return the passages, best first."""
    parts = front_end()
    service = parts.intake.vector_stores
    asked = read_search(reading.body(), most_bytes=parts.settings.max_question_bytes)
    record = service.stores.usable(store_id)
    with parts.places.searches.held(client()):
        until = time.monotonic() + SEARCH_DEADLINE_S
        jobs = service.searching.submit(record, asked)
        rows = [_found(job_id, until) for job_id in jobs]
    hits = service.searching.hits(record, rows, asked.most)
    return jsonify(search_page(asked.queries, hits))


def _found(job_id: str, until: float) -> dict[str, Any]:
    """Return the row of a search that has succeeded; raises Problem for any other."""
    row = dict(awaited(job_id, max(0.0, until - time.monotonic())).row)
    if row["state"] == "succeeded" and "result" in row:
        return row
    if row["state"] == "failed":
        error = orjson.loads(row.get("error", "{}"))
        is_ours = error.get("type") in (None, "internal")
        raise Problem(500 if is_ours else 400, error.get("detail", "The search failed."))
    if not has_ended(row):
        front_end().intake.control.cancel(job_id)
    raise Problem(
        503,
        f"The search was not answered within {SEARCH_DEADLINE_S} seconds; try again.",
        headers={"Retry-After": "5"},
    )
