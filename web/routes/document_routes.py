"""
`/api/collections/{name}/documents/{id}`: a document, its text, its chunks, its original bytes.

A document's id may hold slashes, so the last part of the path decides what is meant: a document
called `a/text` is `…/documents/a/text` for DELETE, and for GET only where there is no `a`.
"""

import io

from flask import Blueprint, Response, jsonify, send_file

from rag.errors import InvalidRequest
from runtime.turns import aside
from web.front_end import front_end
from web.guards.authorization import needs
from web.http import cursors
from web.http.behind_proxy import with_links
from web.http.request_parts import OFFSET, idempotency, page, parameters, whole
from web.http.waiting import submitted

bp = Blueprint("documents", __name__, url_prefix="/api/collections/<name>/documents")


@bp.get("/<document:document_id>")
@needs()
def show(name: str, document_id: str) -> Response:
    """Return what is current of a document, and what its parser had to say."""
    parameters()
    documents = front_end().intake.documents
    return jsonify(with_links(documents.with_remarks(documents.find(name, document_id))))


@bp.delete("/<document:document_id>")
@needs("ingest")
def delete(name: str, document_id: str) -> Response:
    """Return the job that deletes a document; once it has ended no search finds it."""
    parameters()
    key = idempotency("delete", [name, document_id])
    maintenance = front_end().intake.maintenance
    job_id = maintenance.delete_document(name, document_id, idempotency=key)
    return submitted(job_id, wait_s=0, applied="")


@bp.post("/<document:document_id>/reingest")
@needs("ingest")
def reingest(name: str, document_id: str) -> Response:
    """Return the job that reads a document again, from the bytes that were kept of it."""
    parameters()
    key = idempotency("reingest", [name, document_id])
    with aside():  # the disk is waited for
        job_id = front_end().intake.reingests.submit(name, document_id, idempotency=key)
    return submitted(job_id, wait_s=0, applied="")


@bp.get("/<document:document_id>/text")
@needs()
def text(name: str, document_id: str) -> Response:
    """Return the parsed text, or the part of it from `start` to `end`, in code points."""
    if (other := _other(name, document_id, "text")) is not None:
        return other
    given = parameters("generation", "start", "end")
    documents = front_end().intake.documents
    generation = whole(given, "generation", OFFSET)
    document = documents.find(name, document_id, generation=generation)
    start, end = whole(given, "start", OFFSET) or 0, whole(given, "end", OFFSET)
    if end is not None and end < start:
        raise InvalidRequest("end", "must not be less than start")
    return jsonify(documents.text(document, start=start, end=end))


@bp.get("/<document:document_id>/file")
@needs()
def file(name: str, document_id: str) -> Response:
    """Return the original bytes, never in a form that a browser would show."""
    if (other := _other(name, document_id, "file")) is not None:
        return other
    parameters()
    documents = front_end().intake.documents
    called, data = documents.original(documents.find(name, document_id))
    return send_file(
        io.BytesIO(data),
        mimetype="application/octet-stream",
        as_attachment=True,
        download_name=called,
        etag=False,
    )


@bp.get("/<document:document_id>/chunks")
@needs()
def chunks(name: str, document_id: str) -> Response:
    """List the chunks in order, with their texts."""
    if (other := _other(name, document_id, "chunks")) is not None:
        return other
    given = parameters("generation", "cursor", "limit")
    part = page(given)
    documents = front_end().intake.documents
    generation = whole(given, "generation", OFFSET)
    document = documents.find(name, document_id, generation=generation)
    start = cursors.decode_number(part.cursor) if part.cursor else 0
    told, following = documents.chunks(document, start=start, limit=part.limit)
    cursor = None if following is None else cursors.encode(str(following))
    return jsonify(told | {"next_cursor": cursor})


def _other(name: str, document_id: str, suffix: str) -> Response | None:
    """Return the document whose own id ends like a sub-resource, unless the shorter id exists."""
    document = front_end().intake.documents.find_longer(name, document_id, suffix)
    return None if document is None else jsonify(with_links(document.shown()))
