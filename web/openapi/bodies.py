"""The schemas of what is sent: what `intake` reads, described by the fields that it declares."""

from typing import Final

from intake.documents import DELETES, DOCUMENT, LISTED, ORDERED, SCALARS
from intake.fields import Json, sent
from intake.requests import (
    CHECK,
    NEW_COLLECTION,
    NEW_WEBHOOK,
    PURGE,
    REINDEX,
    ingest_fields,
    list_fields,
    listed_fields,
    query_fields,
    search_fields,
)
from rag.metadata import filters
from runtime.settings import Settings
from web.openapi.pieces import ref

_FILE: Final = {"type": "string", "format": "binary"}
_FILES: Final = {"type": "array", "items": _FILE}
#: Of a form, whose fields are text.
_OBJECT_AS_TEXT: Final = {"type": "string", "description": "A JSON object."}


def bodies(settings: Settings) -> Json:
    """Return the schemas of what is sent by name; bounds are those of *settings*."""
    ingest = ingest_fields(settings).properties
    documents = {"type": "array", "maxItems": settings.max_files, "items": DOCUMENT.schema}
    of_all = list_fields(settings).properties
    questions = {
        "type": "array", "minItems": 1, "maxItems": settings.max_questions,
        "items": ref("ListedQuestion"),
    }  # fmt: skip
    files = {"files": _FILES, "file_metadata": _OBJECT_AS_TEXT}
    return {
        "Query": query_fields(settings).schema,
        "Questions": sent(of_all | {"questions": questions}, required=["questions"]),
        "QuestionsForm": sent(
            of_all | {"filters": _OBJECT_AS_TEXT, "file": _FILE}, required=["file"]
        ),
        "ListedQuestion": listed_fields(settings).schema,
        "Search": search_fields(settings).schema,
        "Filter": _filter(),
        "Reindex": REINDEX.schema,
        "Check": CHECK.schema,
        "Purge": PURGE.schema,
        "Ingest": sent(ingest | {"documents": documents}),
        "IngestForm": sent(ingest | {"metadata": _OBJECT_AS_TEXT} | files),
        "MoreDocuments": sent({"documents": documents}, required=["documents"]),
        "MoreDocumentsForm": sent(files, required=["files"]),
        "NewCollection": NEW_COLLECTION.schema,
        "NewWebhook": NEW_WEBHOOK.schema,
        "Deletes": DELETES.schema,
        "Listing": {"type": "array", "items": LISTED.schema},
    }


def _filter() -> Json:
    """Describe a filter: fields with what is asked of them, and how they combine."""
    value: Json = {"anyOf": SCALARS}
    ordered: Json = {"anyOf": ORDERED}
    several: Json = {"type": "array", "maxItems": filters.MAX_VALUES, "items": value}
    condition = sent(
        {
            "eq": value, "ne": value, "in": several, "not_in": several, "gt": ordered,
            "gte": ordered, "lt": ordered, "lte": ordered, "exists": {"type": "boolean"},
        }
    )  # fmt: skip
    parts: Json = {"type": "array", "minItems": 1, "items": ref("Filter")}
    return {
        "type": "object",
        "description": (
            "Fields that must all hold: `document_id`, `title`, `language`, names of metadata "
            "(`metadata.NAME` for one that is called like a word of this language). At most "
            f"{filters.MAX_DEPTH} deep and {filters.MAX_CONDITIONS} conditions."
        ),
        "properties": {"and": parts, "or": parts, "not": ref("Filter")},
        "propertyNames": {"pattern": r"^[^$\ud800-\udfff]"},
        "additionalProperties": {"anyOf": [value, condition]},
        "example": {"author": "Knuth", "year": {"gte": 1968, "lt": 1974}},
    }
