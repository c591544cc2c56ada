"""`/v1/files`: bytes that are kept, until a vector store or a batch names them."""

from collections.abc import Iterator
from typing import BinaryIO, Final, cast

from flask import Blueprint, Response, jsonify, request

from intake.documents import DOCUMENT_ID
from intake.fields import whole
from rag.errors import InvalidRequest
from runtime.turns import aside
from web.front_end import front_end
from web.guards.authorization import needs
from web.http import request_parts
from web.http.problems import Problem
from web.http.spool import SpooledFile
from web.v1 import reading
from web.v1.shapes.files import file_object
from web.v1.shapes.lists import list_object

bp = Blueprint("v1_files", __name__, url_prefix="/v1/files")

#: What callers may name: `fine-tune` is for what is not done here, and OpenAI's client cannot read
#: a file for `evals` back.
PURPOSES: Final = ("assistants", "user_data", "batch", "vision")
_LISTED: Final = (*PURPOSES, "batch_output")
_MOST: Final = 10_000
#: How long a file may be asked to be kept, seconds.
_EXPIRES: Final = (3_600, 2_592_000)
#: Lines of a batch are as large together as OpenAI lets them be.
_BATCH_BYTES: Final = 200_000_000
#: Bytes that are sent together.
_PIECE: Final = 1 << 16


@bp.post("")
@needs("ingest", "ask")
def create() -> Response:
    """Keep a file."""
    parts = front_end()
    settings = parts.settings
    request.max_content_length = max(settings.max_request_bytes, _BATCH_BYTES)
    request.max_form_memory_size = settings.max_json_bytes
    sent = request.files.get("file")
    if sent is None:
        raise InvalidRequest("file", "is missing; send the file as a part of a form")
    purpose = request.form.get("purpose", "")
    if purpose not in PURPOSES:
        raise InvalidRequest("purpose", f"must be one of: {', '.join(PURPOSES)}")
    name = (sent.filename or "").replace("\\", "/").rsplit("/", 1)[-1]
    filename = DOCUMENT_ID.read(name or "file", "file")
    spooled = cast("SpooledFile", sent.stream)
    most = _BATCH_BYTES if purpose == "batch" else settings.max_file_bytes
    if spooled.size > most:
        raise Problem(413, f"The file has {spooled.size} bytes; it may have {most}.")
    expires_s = _expires_s()
    with parts.places.upload_room.held(spooled.size), aside():  # the disk is waited for
        record = parts.intake.files.add(
            filename, spooled.read(), purpose=purpose, expires_in_s=expires_s
        )
    return jsonify(file_object(record))


@bp.get("")
@needs()
def index() -> Response:
    """List files, newest first unless asked otherwise."""
    most = reading.limit(_MOST, _MOST)
    purpose = reading.argument("purpose")
    if purpose is not None and purpose not in _LISTED:
        raise InvalidRequest("purpose", f"must be one of: {', '.join(_LISTED)}")
    after, _ = reading.cursors()
    found = front_end().intake.files.all(
        after=after, newest_first=reading.newest_first(), purpose=purpose
    )
    return jsonify(list_object(found, file_object, limit=most))


@bp.get("/<file_id>")
@needs()
def show(file_id: str) -> Response:
    """Show a file."""
    return jsonify(file_object(front_end().intake.files.find(file_id)))


@bp.delete("/<file_id>")
@needs("ingest", "ask")
def delete(file_id: str) -> Response:
    """Forget a file, one's own or with `ingest` any; what a vector store has of it stays."""
    front_end().intake.files.forget(file_id)
    return jsonify({"id": file_id, "object": "file", "deleted": True})


@bp.get("/<file_id>/content")
@needs()
def content(file_id: str) -> Response:
    """Return the bytes of a file, never in a form that a browser would show."""
    files = front_end().intake.files
    record = files.find(file_id)
    with aside():  # the disk is waited for
        file = files.open(record)
    answer = Response(_pieces(file), mimetype="application/octet-stream")
    answer.headers.set("Content-Disposition", "attachment", filename=record.filename)
    answer.content_length = record.size
    return answer


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    """Yield the bytes of a file, and close it; few of them are in memory."""
    with file:
        while piece := file.read(_PIECE):
            yield piece


def _expires_s() -> int | None:
    """Read for how long a file is to be kept; None for good. Raises InvalidRequest."""
    anchor = request.form.get("expires_after[anchor]")
    if anchor is None and "expires_after[seconds]" not in request.form:
        return None
    if anchor != "created_at":
        raise InvalidRequest("expires_after[anchor]", "must be created_at")
    name = "expires_after[seconds]"
    kept_s = request_parts.whole(request.form.to_dict(), name, whole(*_EXPIRES))
    if kept_s is None:
        raise InvalidRequest(name, "is missing")
    return kept_s
