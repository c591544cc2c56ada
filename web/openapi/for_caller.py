"""The API's description for who asks: below the path, and with the version, that they may know."""

from flask import request

from intake.fields import Json
from web.front_end import front_end
from web.guards.strangers import shown_version
from web.openapi.document import openapi_document


def description_for_caller() -> Json:
    """
    Describe the API below the path that the caller knows it by.

    Everybody may read what everybody may call; strangers are not told which version runs.
    """
    return openapi_document(
        version=shown_version(), settings=front_end().settings, root=request.script_root
    )
