"""The API's description for who asks: below the path, and with the version, that they may know."""

from flask import request

from intake.fields import Json
from runtime.version import version
from web.front_end import front_end
from web.guards.strangers import may_see_detail
from web.openapi.document import openapi_document

#: What strangers are told in the place of the version.
NOT_SHOWN = "not shown"


def description_for_caller() -> Json:
    """
    Describe the API below the path that the caller knows it by.

    Everybody may read what everybody may call; strangers are not told which version runs.
    """
    shown = version() if may_see_detail() else NOT_SHOWN
    return openapi_document(version=shown, settings=front_end().settings, root=request.script_root)
