"""`/api/collections`: which there are, what is in them, what a folder has that they lack."""

from flask import Blueprint, Response, jsonify

from intake.documents import read_deletes, read_listing
from intake.requests import read_new_collection
from rag.errors import InvalidRequest
from web.front_end import front_end
from web.guards.authorization import needs
from web.http import cursors
from web.http.behind_proxy import link, with_links
from web.http.request_parts import HASHES, idempotency, json_body, one_of, page, parameters
from web.http.waiting import submitted

bp = Blueprint("collections", __name__, url_prefix="/api/collections")


@bp.get("")
@needs()
def index() -> Response:
    """List the collections by name."""
    parameters()
    found = front_end().intake.collections.all()
    return jsonify({"collections": [with_links(collection) for collection in found]})


@bp.post("")
@needs("ingest")
def create() -> Response:
    """Make a collection: 201, or 200 where it exists."""
    parameters()
    name = read_new_collection(json_body())
    shown, fresh = front_end().intake.collections.create(name)
    answer = jsonify(with_links(shown))
    answer.status_code = 201 if fresh else 200
    answer.headers["Location"] = link(f"/api/collections/{shown['name']}")
    return answer


@bp.get("/<name>")
@needs()
def show(name: str) -> Response:
    """Return one collection."""
    parameters()
    return jsonify(with_links(front_end().intake.collections.find(name)))


@bp.delete("/<name>")
@needs("admin")
def delete(name: str) -> Response:
    """Free the name at once, and return the job that removes the rest."""
    parameters()
    job_id = front_end().intake.maintenance.delete_collection(name)
    return submitted(job_id, wait_s=0, applied="")


@bp.get("/<name>/documents")
@needs()
def documents(name: str) -> Response:
    """List the current documents in the order of their ids, or those with a prefix or a part."""
    given = parameters("cursor", "limit", "prefix", "contains")
    part, prefix, contains = page(given), given.get("prefix", ""), given.get("contains", "")
    if prefix and contains:
        raise InvalidRequest("contains", "cannot be sent together with prefix")
    after = cursors.decode(part.cursor, 1)[0] if part.cursor else ""
    documents = front_end().intake.documents
    more: dict[str, int] = {}
    if contains:
        found, seen = documents.page_with(name, contains, after=after, limit=part.limit)
        last, more = seen.last, {"searched": seen.searched, "total": seen.total}
    else:
        found, last = documents.page(name, after=after, limit=part.limit, prefix=prefix)
    cursor = None if last is None else cursors.encode(last)
    return jsonify({"documents": [with_links(one) for one in found], "next_cursor": cursor} | more)


@bp.post("/<name>/documents/delete")
@needs("ingest")
def delete_documents(name: str) -> Response:
    """Return the job that deletes documents; once it has ended no search finds them."""
    parameters()
    document_ids = read_deletes(json_body())
    key = idempotency("delete_documents", [name, document_ids])
    maintenance = front_end().intake.maintenance
    job_id = maintenance.delete_documents(name, document_ids, idempotency=key)
    return submitted(job_id, wait_s=0, applied="")


@bp.post("/<name>/diff")
@needs("ingest")
def diff(name: str) -> Response:
    """Return which listed documents are new or changed, and which stored ones are not listed."""
    given = parameters("gone")
    gone = one_of(given, "gone", ("true", "false")) != "false"
    listed = read_listing(json_body())
    return jsonify(front_end().intake.collections.diff(name, listed, gone=gone))


@bp.get("/<name>/hashes")
@needs()
def hashes(name: str) -> Response:
    """List the current documents with the hashes of their bytes, in the order of their ids."""
    part = page(parameters("cursor", "limit"), HASHES)
    after = cursors.decode(part.cursor, 1)[0] if part.cursor else ""
    found, last = front_end().intake.collections.hashes(name, after=after, limit=part.limit)
    cursor = None if last is None else cursors.encode(last)
    return jsonify({"documents": found, "next_cursor": cursor})
