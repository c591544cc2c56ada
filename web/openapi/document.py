"""The API's description (OpenAPI 3.1): what a client may rely on, held to the routes by a test."""

from typing import Final

from intake.fields import Json
from intake.requests import list_fields
from runtime.settings import Settings
from web.openapi.answers import answers
from web.openapi.bodies import bodies
from web.openapi.collection_paths import collection_paths
from web.openapi.examples.all_examples import EXAMPLES
from web.openapi.examples.example import with_examples
from web.openapi.job_paths import job_paths
from web.openapi.operation_paths import operation_paths
from web.openapi.question_paths import question_paths
from web.openapi.refusals import shared_refusals
from web.openapi.webhook_paths import webhook_paths

_TAGS: Final = {
    "Questions": "Ask, and get an answer that quotes; or search for passages alone.",
    "Documents": "Hand over files and texts. An ingest is a job; each document has a row in it.",
    "Jobs": "Whatever is slow is a job: look at it, wait for it, stream it, cancel it.",
    "Collections": "What has been taken in: collections, their documents, texts and chunks.",
    "Webhooks": "Be told when a job ends, signed as Standard Webhooks has it.",
    "Operations": "For those who run Quern: health, metrics, checks and repairs.",
}


def openapi_document(*, version: str, settings: Settings, root: str = "") -> Json:
    """
    Return the document; bounds are those of *settings*.

    *root* is the path that a proxy serves the API below, as `/quern`; empty where there is none.
    """
    paths = (
        job_paths() | question_paths(list_fields(settings).properties) | collection_paths()
        | webhook_paths() | operation_paths()
    )  # fmt: skip
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Quern",
            "version": version,
            "description": (
                "Ask questions about documents, asynchronously: everything slow is a job. "
                "Errors are problem details (RFC 9457); unknown fields are refused."
            ),
        },
        "servers": [{"url": root or "/"}],
        "tags": [{"name": name, "description": told} for name, told in _TAGS.items()],
        "paths": with_examples(paths, EXAMPLES),
        "security": [{}, {"key": []}],
        "components": {
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A key of `quern keys create`, where the server asks for one.",
                }
            },
            "schemas": bodies(settings) | answers(),
            "responses": shared_refusals(),
        },
    }
