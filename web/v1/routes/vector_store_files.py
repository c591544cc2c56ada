"""`/v1/vector_stores/ID/files`: files that are documents of a store, or are to be."""

from typing import Any, Final

from flask import Blueprint, Response, jsonify

from intake.vector_stores.files import STATES, StoreFile
from intake.vector_stores.stores import id_of
from rag.errors import InvalidRequest
from web.front_end import front_end
from web.guards.authorization import needs
from web.http.waiting import polled
from web.v1 import reading
from web.v1.errors import V1Error
from web.v1.shapes.lists import page_object
from web.v1.shapes.vector_stores import content_page, file_object
from web.v1.store_requests import read_attributes, read_file

bp = Blueprint("v1_vector_store_files", __name__, url_prefix="/v1/vector_stores/<store_id>/files")

#: Clients read after how many milliseconds to ask again.
POLL_AFTER: Final = "openai-poll-after-ms"
#: Small files are documents before a client would ask for the first time.
ATTACH_WAIT_S: Final = 1.0
#: A client takes a change for done, and a file for gone, once it is told so.
CHANGE_WAIT_S: Final = 5.0
_USUAL: Final = 20
_MOST: Final = 100


@bp.post("")
@needs("ingest")
def create(store_id: str) -> Response:
    """Attach a file, and wait for a moment for what becomes of it."""
    service = front_end().intake.vector_stores
    wanted = read_file(reading.body())
    record = service.stores.usable(store_id)
    document = service.attaching.read(wanted)
    job_id = service.attaching.attach(record, [document], priority="interactive")
    polled(job_id, ATTACH_WAIT_S)
    return shown_file(store_id, wanted.file_id)


@bp.get("")
@needs()
def index(store_id: str) -> Response:
    """List the files of a store, the newest first unless asked otherwise."""
    service = front_end().intake.vector_stores
    record = service.stores.record(store_id)
    found, more = service.reading.page(record, **listing())
    return jsonify(shown_files(id_of(record), found, has_more=more))


@bp.get("/<file_id>")
@needs()
def show(store_id: str, file_id: str) -> Response:
    """Show a file of a store."""
    return shown_file(store_id, file_id)


@bp.post("/<file_id>")
@needs("ingest")
def update(store_id: str, file_id: str) -> Response:
    """Replace the attributes of a file; searches know them when this answers, or soon after."""
    service = front_end().intake.vector_stores
    sent = reading.body()
    if "attributes" not in sent:
        raise InvalidRequest("attributes", "is missing")
    attributes = read_attributes(sent["attributes"])
    record = service.stores.usable(store_id)
    changed = service.attaching.change_attributes(record, file_id, attributes)
    if changed.job_id is not None:
        seen = polled(changed.job_id, CHANGE_WAIT_S)
        if seen is not None and seen.row["state"] in ("failed", "expired"):
            raise V1Error(500, "The attributes could not be changed; those before hold.")
    return jsonify(_file(id_of(record), changed.file))


@bp.delete("/<file_id>")
@needs("ingest")
def delete(store_id: str, file_id: str) -> Response:
    """Detach a file, which stays; no search finds it when this answers, or soon after."""
    service = front_end().intake.vector_stores
    record = service.stores.record(store_id)
    polled(service.attaching.detach(record, file_id), CHANGE_WAIT_S)
    return jsonify({"id": file_id, "object": "vector_store.file.deleted", "deleted": True})


@bp.get("/<file_id>/content")
@needs()
def content(store_id: str, file_id: str) -> Response:
    """Return the text that was read from a file."""
    service = front_end().intake.vector_stores
    record = service.stores.record(store_id)
    return jsonify(content_page(service.reading.text(record, file_id)))


def listing() -> dict[str, Any]:
    """Read which part of a list of files is asked for; raises InvalidRequest."""
    after, before = reading.cursors()
    state = reading.argument("filter")
    if state is not None and state not in STATES:
        raise InvalidRequest("filter", f"must be one of: {', '.join(STATES)}")
    return {
        "state": state,
        "after": after,
        "before": before,
        "newest_first": reading.newest_first(),
        "limit": reading.limit(_USUAL, _MOST),
    }


def shown_files(store_id: str, files: list[StoreFile], *, has_more: bool) -> dict[str, Any]:
    """Show part of a list of files."""
    return page_object([_file(store_id, file) for file in files], has_more=has_more)


def shown_file(store_id: str, file_id: str) -> Response:
    """Answer with a file; one that is on its way says when to ask again."""
    parts = front_end()
    service = parts.intake.vector_stores
    record = service.stores.record(store_id)
    file = service.reading.file(record, file_id)
    answer = jsonify(_file(id_of(record), file))
    if file.state == "in_progress":
        unit = service.reading.unit_of(record, file_id)
        pause_ms = service.polling.of_file(unit or "", parts.health.workers)
        answer.headers[POLL_AFTER] = str(pause_ms)
    return answer


def _file(store_id: str, file: StoreFile) -> dict[str, Any]:
    """Show a file."""
    return file_object(store_id, file, chunk_tokens=front_end().settings.chunk_tokens)
