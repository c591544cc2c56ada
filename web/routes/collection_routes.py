"""`/api/collections`: which there are, what is in them, what a folder has that they lack."""

import re

from flask import Blueprint, Response, jsonify

from intake.requests import check_document_id, collection_name
from rag.errors import InvalidRequest
from web.front_end import front_end
from web.http import cursors
from web.http.behind_proxy import link, with_links
from web.http.request_parts import json_body, page, parameters
from web.http.waiting import submitted

bp = Blueprint("collections", __name__, url_prefix="/api/collections")

_SHA256 = re.compile(r"[0-9a-f]{64}")


@bp.get("")
def index() -> Response:
    """List the collections by name."""
    parameters()
    found = front_end().intake.collections.all()
    return jsonify({"collections": [with_links(collection) for collection in found]})


@bp.post("")
def create() -> Response:
    """Make a collection: 201, or 200 where it exists."""
    parameters()
    body = json_body()
    if not isinstance(body, dict):
        raise InvalidRequest("body", "must be a JSON object")
    for name in body:
        if name != "name":
            raise InvalidRequest(name, "is not a known field")
    try:
        name = collection_name(body.get("name"))
    except InvalidRequest as error:
        raise InvalidRequest("name", error.message) from error
    shown, fresh = front_end().intake.collections.create(name)
    answer = jsonify(with_links(shown))
    answer.status_code = 201 if fresh else 200
    answer.headers["Location"] = link(f"/api/collections/{name}")
    return answer


@bp.get("/<name>")
def show(name: str) -> Response:
    """Return one collection."""
    parameters()
    return jsonify(with_links(front_end().intake.collections.find(name)))


@bp.delete("/<name>")
def delete(name: str) -> Response:
    """Free the name at once, and return the job that removes the rest."""
    parameters()
    job_id = front_end().intake.maintenance.delete_collection(name)
    return submitted(job_id, wait_s=0, applied="")


@bp.get("/<name>/documents")
def documents(name: str) -> Response:
    """List the current documents in the order of their ids, or those whose id has a prefix."""
    given = parameters("cursor", "limit", "prefix")
    part, prefix = page(given), given.get("prefix", "")
    after = cursors.decode(part.cursor, 1)[0] if part.cursor else ""
    found, last = front_end().intake.documents.page(
        name, after=after, limit=part.limit, prefix=prefix
    )
    cursor = None if last is None else cursors.encode(last)
    return jsonify({"documents": [with_links(one) for one in found], "next_cursor": cursor})


@bp.post("/<name>/diff")
def diff(name: str) -> Response:
    """Tell which of the documents listed are new or changed, and which of ours are not listed."""
    parameters()
    collection_name(name)
    return jsonify(front_end().intake.collections.diff(name, _listed(json_body())))


def _listed(body: object) -> dict[str, str]:
    """Check the list that a diff is asked for."""
    if not isinstance(body, list):
        raise InvalidRequest("body", "must be a list of {id, sha256}")
    listed: dict[str, str] = {}
    for n, entry in enumerate(body):
        if not isinstance(entry, dict):
            raise InvalidRequest(f"[{n}]", "must be an object with id and sha256")
        for field in entry:
            if field not in ("id", "sha256"):
                raise InvalidRequest(f"[{n}].{field}", "is not a known field")
        sha256 = entry.get("sha256")
        if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
            raise InvalidRequest(f"[{n}].sha256", "must be 64 lower-case hexadecimal digits")
        document_id = check_document_id(entry.get("id"), f"[{n}].id")
        if document_id in listed:
            raise InvalidRequest(f"[{n}].id", "is listed twice")
        listed[document_id] = sha256
    return listed
