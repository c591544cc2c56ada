"""Reading the documents of an ingest, from a form or from JSON, one file after the other."""

import posixpath
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import orjson
from flask import request
from werkzeug.datastructures import FileStorage

from intake.documents import DOCUMENT_ID, METADATA, DocumentUpload, read_document
from rag.documents import Value
from rag.errors import InvalidRequest
from runtime.settings import Settings
from web.front_end import front_end
from web.http.problems import Problem
from web.http.request_parts import json_body
from web.http.spool import SpooledFile

FILES = "files"
FILE_METADATA = "file_metadata"

#: How a field of a form, which is text, becomes what the same field is in JSON.
_AS_JSON = ("metadata", "open", "deadline_s")

#: The form parser says nothing of a part that it cannot read: neither case is told from the other.
EMPTY: Final = (
    "must not be empty; send `files` or `documents`. If you did, the form is malformed: "
    "a part's name, or its end, cannot be read"
)


@dataclass(frozen=True, slots=True)
class Upload:
    """An ingest's fields, and its documents, checked but for their bytes."""

    fields: dict[str, Any]
    documents: Iterable[DocumentUpload]
    count: int


def read_upload() -> Upload:
    """
    Read the documents of this request.

    Raises:
        InvalidRequest: Names the field or file.

        Problem: 413 where there is too much, 415 where it is neither a form nor JSON.
    """
    settings = front_end().settings
    if request.mimetype == "multipart/form-data":
        return _from_form(settings)
    if request.is_json:
        return _from_json(json_body(), settings)
    raise Problem(415, "Send `multipart/form-data` with `files`, or JSON with `documents`.")


def _from_json(body: object, settings: Settings) -> Upload:
    """Read JSON: fields, and `documents` of text."""
    if not isinstance(body, dict):
        raise InvalidRequest("body", "must be a JSON object")
    fields = dict(body)
    given = fields.pop("documents", [])
    if not isinstance(given, list):
        raise InvalidRequest("documents", "must be a list of {id, text, title, metadata}")
    _check_count(len(given), settings)
    documents = [read_document(entry, f"documents[{n}]") for n, entry in enumerate(given)]
    for n, document in enumerate(documents):
        _check_size(len(document.data), f"documents[{n}]", document.document_id, settings)
    _check_names([document.document_id for document in documents], "documents[%d].id")
    return Upload(fields, documents, len(documents))


def _from_form(settings: Settings) -> Upload:
    """Read a form: fields as text, and `files`."""
    request.max_content_length = settings.max_request_bytes
    request.max_form_parts = settings.max_files + 100
    request.max_form_memory_size = settings.max_json_bytes
    for name in request.files:
        if name != FILES:
            raise InvalidRequest(name, f"is not a known field; send files as `{FILES}`")
    files = request.files.getlist(FILES)
    _check_count(len(files), settings)
    fields: dict[str, Any] = {}
    for name, values in request.form.lists():
        if len(values) > 1:
            raise InvalidRequest(name, "is given more than once")
        fields[name] = _field(name, values[0])
    each = fields.pop(FILE_METADATA, {})
    if not isinstance(each, dict):
        raise InvalidRequest(FILE_METADATA, "must be a JSON object: file name to metadata")
    names = [_document_id(file, n, settings) for n, file in enumerate(files)]
    _check_names(names, f"{FILES}[%d]")
    own = {name: METADATA.read(given, f"{FILE_METADATA}.{name}") for name, given in each.items()}
    for name in own:
        if name not in names:
            raise InvalidRequest(f"{FILE_METADATA}.{name}", "is not the name of a file sent here")
    return Upload(fields, _documents(files, names, own), len(files))


def _field(name: str, text: str) -> object:
    """Read a form's field; those that are not text hold JSON."""
    if name not in (*_AS_JSON, FILE_METADATA):
        return text
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(name, f"must hold JSON: {error}") from error


def _document_id(file: FileStorage, n: int, settings: Settings) -> str:
    """
    Return the document id of a file: its name as sent, as a relative path.

    Raises:
        InvalidRequest: It has no name.

        Problem: 413, it is too large.
    """
    where = f"{FILES}[{n}]"
    sent = unicodedata.normalize("NFC", file.filename or "").replace("\\", "/")
    # Rooted first, so that `..` cannot climb; a document id is a name and never opens a file.
    name = posixpath.normpath("/" + sent).lstrip("/")
    if not name.strip():
        raise InvalidRequest(where, "has no file name")
    _check_size(_spooled(file).size, where, name, settings)
    return DOCUMENT_ID.read(name, where)


def _documents(
    files: Sequence[FileStorage], names: Sequence[str], own: Mapping[str, Mapping[str, Value]]
) -> Iterator[DocumentUpload]:
    """
    Yield the files one by one, each in memory until the next is asked for.

    Raises:
        NoSlot: Other requests' files have filled the room for too long.
    """
    room = front_end().places.upload_room
    for file, name in zip(files, names, strict=True):
        spooled = _spooled(file)
        with room.held(spooled.size):
            yield DocumentUpload(
                document_id=name,
                data=spooled.read(),
                filename=name,
                metadata=own.get(name, {}),
            )


def _spooled(file: FileStorage) -> SpooledFile:
    """Return where a file of the form lies."""
    return cast("SpooledFile", file.stream)


def _check_count(count: int, settings: Settings) -> None:
    """Refuse more documents than a request may have."""
    if count > settings.max_files:
        raise Problem(
            413,
            f"{count} documents are too many for one request; it may have {settings.max_files}.",
            more={"limit": settings.max_files, "depth": count},
        )


def _check_names(names: Sequence[str], where: str) -> None:
    """
    Refuse a request in which two documents have one id: the second would replace the first.

    *where* is what the field of document number `%d` is called.
    """
    first: dict[str, int] = {}
    for n, name in enumerate(names):
        if first.setdefault(name, n) != n:
            raise InvalidRequest(
                where % n,
                f"{name!r} is the document of {where % first[name]} too; of two with one name the "
                "second would replace the first. Send them under their paths, as a/NAME and b/NAME",
            )


def _check_size(size: int, where: str, name: str, settings: Settings) -> None:
    """Refuse a document that is too large, by name."""
    if size > settings.max_file_bytes:
        message = f"{name!r} has {size} bytes; a file may have {settings.max_file_bytes}"
        raise Problem(413, f"{where}: {message}.", errors=[(where, message)])
