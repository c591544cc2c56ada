"""The API's description (OpenAPI 3.1): what a client may rely on, held to the routes by a test."""

from intake.fields import Json
from intake.requests import list_fields
from runtime.settings import Settings
from web.openapi.answers import answers
from web.openapi.bodies import bodies
from web.openapi.collection_paths import collection_paths
from web.openapi.job_paths import job_paths
from web.openapi.operation_paths import operation_paths
from web.openapi.question_paths import question_paths
from web.openapi.webhook_paths import webhook_paths


def openapi_document(*, version: str, settings: Settings, root: str = "") -> Json:
    """
    Return the document; bounds are those of *settings*.

    *root* is the path that a proxy serves the API below, as `/quern`; empty where there is none.
    """
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
        "paths": job_paths()
        | question_paths(list_fields(settings).properties)
        | collection_paths()
        | webhook_paths()
        | operation_paths(),
        "components": {"schemas": bodies(settings) | answers()},
    }
