"""
`/api/collections/{name}/documents/{id}`: a document, its text, its chunks, its original bytes.

A document's id may hold slashes, so the last part of the path decides what is meant: a document
called `a/text` is `…/documents/a/text` for DELETE, and for GET only where there is no `a`.
"""

import io
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, jsonify, send_file

from corpus.catalogue import Catalogue
from intake.front_desk import Gone, NotFound
from rag.documents import chunk_id
from rag.errors import InvalidRequest, StoreUnavailable
from web.front_end import front_end
from web.http import cursors
from web.http.behind_proxy import link
from web.http.request_parts import page, parameters, whole
from web.http.waiting import submitted

bp = Blueprint("documents", __name__, url_prefix="/api/collections/<name>/documents")

#: Code points and generations stay below this.
_MOST = 2**53

#: What a record keeps for the machine only.
_OURS = ("source_blob", "text_blob", "manifest_blob", "made_by")


@bp.get("/<document:document_id>")
def show(name: str, document_id: str) -> Response:
    """Return what is current of a document, and what its parser had to say."""
    parameters()
    record = _record(name, document_id)
    manifest = front_end().durable.blobs.get_json(record["manifest_blob"])
    told = manifest if isinstance(manifest, dict) else {}
    remarks = {"notes": told.get("notes", []), "encoding": told.get("encoding", "")}
    return jsonify(document_shown(name, record) | remarks)


@bp.delete("/<document:document_id>")
def delete(name: str, document_id: str) -> Response:
    """Return the job that deletes a document; once it has ended no search finds it."""
    parameters()
    return submitted(front_end().desk.delete_document(name, document_id), wait_s=0, applied="")


@bp.get("/<document:document_id>/text")
def text(name: str, document_id: str) -> Response:
    """Return the parsed text, or the part of it from `start` to `end`, in code points."""
    if (other := _other(name, document_id, "text")) is not None:
        return other
    given = parameters("generation", "start", "end")
    record = _record(name, document_id, whole(given, "generation", 0, _MOST))
    start, end = whole(given, "start", 0, _MOST) or 0, whole(given, "end", 0, _MOST)
    if end is not None and end < start:
        raise InvalidRequest("end", "must not be less than start")
    whole_text = _blob(record["text_blob"]).decode()
    end = len(whole_text) if end is None else min(end, len(whole_text))
    start = min(start, end)
    return jsonify(
        {
            "document_id": document_id,
            "generation": record["generation"],
            "start": start,
            "end": end,
            "chars": len(whole_text),
            "text": whole_text[start:end],
        }
    )


@bp.get("/<document:document_id>/file")
def file(name: str, document_id: str) -> Response:
    """Return the original bytes, never in a form that a browser would show."""
    if (other := _other(name, document_id, "file")) is not None:
        return other
    parameters()
    record = _record(name, document_id)
    if not record["sha256"]:
        raise Gone("the original was lost with the catalogue; ingest the document again to have it")
    called = (record.get("file") or document_id).rsplit("/", 1)[-1] or "document"
    return send_file(
        io.BytesIO(_blob(record["sha256"])),
        mimetype="application/octet-stream",
        as_attachment=True,
        download_name=called,
        etag=False,
    )


@bp.get("/<document:document_id>/chunks")
def chunks(name: str, document_id: str) -> Response:
    """List the chunks in order, with their texts."""
    if (other := _other(name, document_id, "chunks")) is not None:
        return other
    given = parameters("generation", "cursor", "limit")
    part = page(given)
    record = _record(name, document_id, whole(given, "generation", 0, _MOST))
    at = cursors.decode_number(part.cursor) if part.cursor else 0
    manifest = front_end().durable.blobs.get_json(record["manifest_blob"])
    if not isinstance(manifest, dict):
        raise StoreUnavailable("the document's chunks are missing from the blob store")
    whole_text = _blob(record["text_blob"]).decode()
    spans = manifest["chunks"]
    generation = record["generation"]
    shown = [
        {
            "chunk_id": chunk_id(document_id, generation, span["n"]),
            "text": whole_text[span["start"] : span["end"]],
            **{name: span[name] for name in ("n", "start", "end", "page")},
            "context": span.get("context", ""),
            **{name: span.get(name) for name in ("page_label", "page_kind")},
        }
        for span in spans[at : at + part.limit]
    ]
    cursor = cursors.encode(str(at + part.limit)) if at + part.limit < len(spans) else None
    return jsonify(
        {
            "document_id": document_id,
            "generation": generation,
            "total": len(spans),
            "chunks": shown,
            "next_cursor": cursor,
        }
    )


def document_shown(collection: str, record: dict[str, Any]) -> dict[str, Any]:
    """Show a document's record."""
    path = link(f"/api/collections/{collection}/documents/{quote(record['document_id'])}")
    shown = {name: value for name, value in record.items() if name not in _OURS}
    shown["links"] = {
        "self": path,
        "text": f"{path}/text",
        "file": f"{path}/file",
        "chunks": f"{path}/chunks",
    }
    return shown


def _record(name: str, document_id: str, generation: int | None = None) -> dict[str, Any]:
    """
    Return a document's record.

    Raises:
        NotFound: There is no such collection or document, or not yet that generation.

        Gone: *generation* was replaced or deleted.
    """
    catalogue: Catalogue = front_end().durable.catalogue
    incarnation = catalogue.incarnation(name)
    if incarnation is None:
        raise NotFound(f"there is no collection {name!r}")
    record = catalogue.document(incarnation, document_id)
    if generation is not None and (record is None or record["generation"] != generation):
        current = catalogue.current(incarnation, [document_id]).get(document_id)
        if current is not None and generation < current.generation:
            raise Gone(f"generation {generation} of {document_id!r} was replaced or deleted")
        raise NotFound(f"there is no generation {generation} of {document_id!r}")
    if record is None:
        raise NotFound(f"there is no document {document_id!r} in {name!r}")
    return record


def _other(name: str, document_id: str, suffix: str) -> Response | None:
    """Return the document whose own id ends like a sub-resource, unless the shorter id exists."""
    catalogue = front_end().durable.catalogue
    incarnation = catalogue.incarnation(name)
    if incarnation is None or document_id in catalogue.current(incarnation, [document_id]):
        return None
    record = catalogue.document(incarnation, f"{document_id}/{suffix}")
    return None if record is None else jsonify(document_shown(name, record))


def _blob(name: str) -> bytes:
    """Return a blob that a current document names."""
    data = front_end().durable.blobs.get(name)
    if data is None:
        raise StoreUnavailable("the document's bytes are missing from the blob store")
    return data
