"""What may be said of documents: their ids, texts, titles and metadata, and lists of them."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from intake.fields import Field, Fields, Json, Kind, nullable
from rag.documents import Value
from rag.errors import InvalidRequest
from rag.metadata.scalars import MAX_TEXT, check_scalar, encoded

#: Control characters, surrogates, line and paragraph separators; and what turns the order of text.
_UNSEEN: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
_BIDI: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
#: The part of the same that a regular expression of JSON Schema can say.
_CONTROLS: Final = r"\u0000-\u001f\u007f\ud800-\udfff"
_HASH: Final = re.compile("[0-9a-f]{64}")

MAX_DOCUMENT_ID: Final = 512
#: Documents that one request deletes: one script accepts them all.
MAX_DELETES: Final = 200
MAX_TITLE: Final = 300
MAX_METADATA: Final = 32
#: Values of one name.
MAX_METADATA_VALUES: Final = 100
#: As JSON in UTF-8, of one document together with what its request says of all.
MAX_METADATA_BYTES: Final = 4_096
#: Every JSON parser reads whole numbers up to here as they are; Quern keeps all of 64 bits.
_SAFE: Final = 2**53


def _document_id(value: object, where: str) -> str:
    """
    Check a document's id.

    It is part of the document's address, so it may look like a path, but never like a way out of
    one: no empty, `.` or `..` segments.
    """
    if not isinstance(value, str) or not value.strip():
        raise InvalidRequest(where, "must be a non-empty string")
    if len(value) > MAX_DOCUMENT_ID:
        raise InvalidRequest(where, f"must have at most {MAX_DOCUMENT_ID} characters")
    if any(unicodedata.category(c) in _UNSEEN or c in _BIDI for c in value):
        raise InvalidRequest(where, "must not hold control characters")
    if not any(unicodedata.category(c)[0] in "LMNPS" for c in value):
        raise InvalidRequest(where, "must hold a visible character")
    if any(segment in ("", ".", "..") for segment in value.split("/")):
        raise InvalidRequest(
            where, "must not begin or end with a slash, or hold empty, . or .. segments"
        )
    return value


def _document_ids(value: object, where: str) -> list[str]:
    """Check a list of documents; one that is named twice counts once."""
    if not isinstance(value, list) or len(value) > MAX_DELETES:
        raise InvalidRequest(where, f"must be a list of at most {MAX_DELETES} ids of documents")
    return list(dict.fromkeys(_document_id(one, f"{where}[{n}]") for n, one in enumerate(value)))


def _content(value: object, where: str) -> bytes:
    """Check a document's text, which is kept as UTF-8."""
    if not isinstance(value, str):
        raise InvalidRequest(where, "must be a string")
    return encoded(value, where)


def _title(value: object, where: str) -> str:
    """Check a document's title."""
    if not isinstance(value, str) or len(value) > MAX_TITLE:
        raise InvalidRequest(where, f"must be a string of at most {MAX_TITLE} characters")
    return value


def _sha256(value: object, where: str) -> str:
    """Check the hash of a document's bytes."""
    if not isinstance(value, str) or not _HASH.fullmatch(value):
        raise InvalidRequest(where, "must be 64 lower-case hexadecimal digits")
    return value


def _metadata(value: object, where: str) -> dict[str, Value]:
    """Check metadata: an object of strings, numbers, booleans and lists of these."""
    if not isinstance(value, dict):
        raise InvalidRequest(where, "must be an object")
    if len(value) > MAX_METADATA:
        raise InvalidRequest(where, f"must have at most {MAX_METADATA} entries")
    for name, entry in value.items():
        encoded(name, where)
        _check_entry(entry, f"{where}.{name}")
    if (size := len(orjson.dumps(value))) > MAX_METADATA_BYTES:
        raise InvalidRequest(
            where, f"has {size} bytes as JSON; a document's may have {MAX_METADATA_BYTES}"
        )
    return dict(value)


def _check_entry(entry: object, where: str) -> None:
    """Check what metadata says under one name."""
    if not isinstance(entry, list):
        kinds = "must be a string, a number, a boolean or a list of these"
        check_scalar(entry, where, kinds=kinds)
        return
    if len(entry) > MAX_METADATA_VALUES:
        raise InvalidRequest(where, f"must have at most {MAX_METADATA_VALUES} values")
    for n, one in enumerate(entry):
        check_scalar(one, f"{where}[{n}]", kinds="must be a string, a number or a boolean")


#: Values of metadata that have an order, and all of them: those that a filter compares with.
ORDERED: Final[list[Json]] = [
    {"type": "string", "maxLength": MAX_TEXT},
    {"type": "number", "minimum": -_SAFE, "maximum": _SAFE},
]
SCALARS: Final[list[Json]] = [*ORDERED, {"type": "boolean"}]

DOCUMENT_ID: Final = Kind(
    _document_id,
    {
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_DOCUMENT_ID,
        "pattern": rf"^[^{_CONTROLS}]*[^\s{_CONTROLS}][^{_CONTROLS}]*$",
    },
)
METADATA: Final = Kind(
    _metadata,
    {
        "type": "object",
        "maxProperties": MAX_METADATA,
        "additionalProperties": {
            "anyOf": [
                *SCALARS,
                {"type": "array", "maxItems": MAX_METADATA_VALUES, "items": {"anyOf": SCALARS}},
            ]
        },
        "description": (
            f"At most {MAX_METADATA_BYTES} bytes as JSON in UTF-8, a document's own together with "
            "what the request says of all."
        ),
    },
)
_TITLE: Final = Kind(_title, {"type": "string", "maxLength": MAX_TITLE})

#: One of `documents`.
DOCUMENT: Final = Fields(
    {
        "text": Field(Kind(_content, {"type": "string"}), required=True),
        "title": Field(nullable(_TITLE)),
        "id": Field(DOCUMENT_ID, required=True),
        "metadata": Field(METADATA, default={}),
    },
    demand="must be an object with id and text",
)
#: One of a list that a collection is compared with.
LISTED: Final = Fields(
    {
        "sha256": Field(
            Kind(_sha256, {"type": "string", "pattern": f"^{_HASH.pattern}$"}), required=True
        ),
        "id": Field(DOCUMENT_ID, required=True),
    },
    demand="must be an object with id and sha256",
)
#: Documents of one delete.
DELETES: Final = Fields(
    {
        "ids": Field(
            Kind(
                _document_ids,
                {"type": "array", "maxItems": MAX_DELETES, "items": DOCUMENT_ID.schema},
            ),
            required=True,
        )
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentUpload:
    """One document of an ingest: its bytes, what it is called, what is known of it."""

    document_id: str
    data: bytes
    filename: str
    title: str | None = None
    metadata: Mapping[str, Value]


def read_document(body: object, where: str) -> DocumentUpload:
    """Read one entry of `documents`; raises InvalidRequest naming *where*."""
    known = DOCUMENT.read(body, where)
    return DocumentUpload(
        document_id=known["id"],
        data=known["text"],
        filename="",
        title=known["title"],
        metadata=known["metadata"],
    )


def read_listing(body: object) -> dict[str, str]:
    """Read a list of documents with their hashes; raises InvalidRequest."""
    if not isinstance(body, list):
        raise InvalidRequest("body", "must be a list of {id, sha256}")
    listed: dict[str, str] = {}
    for n, entry in enumerate(body):
        known = LISTED.read(entry, f"[{n}]")
        if known["id"] in listed:
            raise InvalidRequest(f"[{n}].id", "is listed twice")
        listed[known["id"]] = known["sha256"]
    return listed


def read_deletes(body: object) -> list[str]:
    """Read which documents are to be deleted, each once; raises InvalidRequest."""
    return list(DELETES.read(body)["ids"])
