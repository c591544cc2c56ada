"""`/api/collections`: which there are, what is in them, what a folder has that they lack."""

import re
from typing import Any

from flask import Blueprint, Response, jsonify

from corpus.catalogue import Catalogue, Collection
from intake.front_desk import NotFound
from intake.requests import check_document_id, collection_name
from protocol.timestamps import rfc3339
from rag.errors import InvalidRequest
from web.front_end import front_end
from web.http import cursors
from web.http.behind_proxy import link
from web.http.request_parts import json_body, page, parameters
from web.http.waiting import submitted
from web.routes.document_routes import document_shown

bp = Blueprint("collections", __name__, url_prefix="/api/collections")

_SHA256 = re.compile(r"[0-9a-f]{64}")


@bp.get("")
def index() -> Response:
    """List the collections by name."""
    parameters()
    found = front_end().durable.catalogue.collections()
    return jsonify({"collections": [_shown(collection) for collection in found]})


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
    catalogue = front_end().durable.catalogue
    _, fresh = catalogue.create(name)
    answer = jsonify(_shown(_find(catalogue, name)))
    answer.status_code = 201 if fresh else 200
    answer.headers["Location"] = link(f"/api/collections/{name}")
    return answer


@bp.get("/<name>")
def show(name: str) -> Response:
    """Return one collection."""
    parameters()
    return jsonify(_shown(_find(front_end().durable.catalogue, name)))


@bp.delete("/<name>")
def delete(name: str) -> Response:
    """Free the name at once, and return the job that removes the rest."""
    parameters()
    return submitted(front_end().desk.delete_collection(name), wait_s=0, applied="")


@bp.get("/<name>/documents")
def documents(name: str) -> Response:
    """List the current documents in the order of their ids, or those whose id has a prefix."""
    given = parameters("cursor", "limit", "prefix")
    part, prefix = page(given), given.get("prefix", "")
    catalogue = front_end().durable.catalogue
    after = cursors.decode(part.cursor, 1)[0] if part.cursor else ""
    incarnation = _incarnation(catalogue, name)
    found, last = catalogue.documents(incarnation, after=after, limit=part.limit, prefix=prefix)
    cursor = None if last is None else cursors.encode(last)
    shown = [document_shown(name, record) for record in found]
    return jsonify({"documents": shown, "next_cursor": cursor})


@bp.post("/<name>/diff")
def diff(name: str) -> Response:
    """Tell which of the documents listed are new or changed, and which of ours are not listed."""
    parameters()
    collection_name(name)
    listed = _listed(json_body())
    catalogue = front_end().durable.catalogue
    incarnation = catalogue.incarnation(name)
    made_by = front_end().desk.made_by
    known = dict(catalogue.hashes(incarnation, made_by=made_by)) if incarnation else {}
    barren = dict(catalogue.barren(incarnation, made_by=made_by)) if incarnation else {}
    failed = [document for document, sha256 in listed.items() if barren.get(document) == sha256]
    other = [document for document, sha256 in listed.items() if known.get(document) != sha256]
    left = set(failed)
    send = [document for document in other if document not in left]
    return jsonify(
        {
            "send": send,
            "new": [document for document in send if document not in known],
            "changed": [document for document in send if document in known],
            "failed": failed,
            "gone": sorted(document for document in known if document not in listed),
            "unchanged": len(listed) - len(send) - len(failed),
        }
    )


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


def _incarnation(catalogue: Catalogue, name: str) -> str:
    """Return what a name points at; `default` is made when first asked for."""
    incarnation = catalogue.incarnation(name)
    if incarnation is None and name == "default":
        incarnation, _ = catalogue.create(name)
    if incarnation is None:
        raise NotFound(f"there is no collection {name!r}")
    return incarnation


def _find(catalogue: Catalogue, name: str) -> Collection:
    """Return a collection by name; raises NotFound."""
    for collection in catalogue.collections():
        if collection.name == name:
            return collection
    raise NotFound(f"there is no collection {name!r}")


def _shown(collection: Collection) -> dict[str, Any]:
    """Show a collection."""
    return {
        "name": collection.name,
        "documents": collection.documents,
        "created_at": rfc3339(collection.created_us),
        "embedder": collection.embedder,
        "hnsw": collection.hnsw,
        "links": {
            "self": link(f"/api/collections/{collection.name}"),
            "documents": link(f"/api/collections/{collection.name}/documents"),
        },
    }
