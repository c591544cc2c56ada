"""Operations: liveness, readiness, health, and the API's own page."""

import ipaddress
from importlib import metadata
from typing import Any, Final

from flask import Blueprint, Response, jsonify, request

from web.front_end import front_end
from web.openapi.docs_page import DOCS_STYLE, docs_page
from web.openapi.document import openapi_document

bp = Blueprint("operations", __name__)

#: Who sends one of these passes a request on for somebody whose address nobody can vouch for.
_PASSED_ON: Final = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")


def version() -> str:
    """Return the version that runs."""
    try:
        return metadata.version("quern")
    except metadata.PackageNotFoundError:
        return "unknown"  # run from a checkout that was not installed


@bp.get("/livez")
def livez() -> Response:
    """Respond 200 while the process lives; check nothing."""
    return _no_store(jsonify({"status": "pass"}))


@bp.get("/readyz")
def readyz() -> Response:
    """Respond 200 if jobs can be accepted, else 503; with details where they may be shown."""
    ready, refusals = front_end().health.readiness()
    if ready:
        return _no_store(jsonify({"status": "pass"}))
    answer = jsonify(
        {"status": "fail"} | ({"output": "; ".join(refusals)} if _may_see_detail() else {})
    )
    answer.status_code = 503
    answer.headers["Retry-After"] = "2"
    return _no_store(answer)


@bp.get("/health")
def health() -> Response:
    """
    Return the last look at everything as health+json: 200 for pass and warn, 503 for fail.

    Strangers get the status alone.
    """
    report = front_end().health.report(version=version(), detailed=_may_see_detail())
    answer = jsonify(report)
    answer.mimetype = "application/health+json"
    answer.status_code = 503 if report["status"] == "fail" else 200
    return _no_store(answer)


@bp.get("/api/openapi.json")
def openapi() -> Response:
    """Return the API's description."""
    return jsonify(_described())


@bp.get("/api/docs")
def docs() -> Response:
    """Return the API's description as a page."""
    return Response(docs_page(_described()), mimetype="text/html")


@bp.get("/api/docs.css")
def docs_style() -> Response:
    """Return the page's style sheet."""
    return Response(DOCS_STYLE, mimetype="text/css")


def _described() -> dict[str, Any]:
    """Describe the API below the path that the caller knows it by."""
    return openapi_document(
        version=version(), settings=front_end().settings, root=request.script_root
    )


def _may_see_detail() -> bool:
    """Return True if the caller may see more than the status, as `health_detail` says."""
    allowed = front_end().settings.health_detail
    if allowed != "private":
        return allowed == "everyone"
    if any(name in request.headers for name in _PASSED_ON):
        return False
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_private
    except ValueError:
        return False


def _no_store(answer: Response) -> Response:
    """Forbid caches to keep an answer about this very moment."""
    answer.headers["Cache-Control"] = "no-store"
    return answer
