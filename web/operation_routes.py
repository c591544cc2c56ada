"""Operations: does the process live, can it accept jobs, how is all; and the API's own page."""

from importlib import metadata

from flask import Blueprint, Response, jsonify

from web.docs_page import DOCS_STYLE, docs_page
from web.front_end import front_end
from web.openapi import openapi_document

bp = Blueprint("operations", __name__)


def version() -> str:
    """Return the version that runs."""
    try:
        return metadata.version("quern")
    except metadata.PackageNotFoundError:
        return "unknown"  # run from a checkout that was not installed


@bp.get("/livez")
def livez() -> Response:
    """Say that the process answers; looks at nothing."""
    return _no_store(jsonify({"status": "pass"}))


@bp.get("/readyz")
def readyz() -> Response:
    """Say whether jobs can be accepted: 503 if not, and why."""
    ready, refusals = front_end().health.readiness()
    if ready:
        return _no_store(jsonify({"status": "pass"}))
    answer = jsonify({"status": "fail", "output": "; ".join(refusals)})
    answer.status_code = 503
    answer.headers["Retry-After"] = "2"
    return _no_store(answer)


@bp.get("/health")
def health() -> Response:
    """Return the last look at everything as health+json: 200 for pass and warn, 503 for fail."""
    report = front_end().health.report(version=version())
    answer = jsonify(report)
    answer.mimetype = "application/health+json"
    answer.status_code = 503 if report["status"] == "fail" else 200
    return _no_store(answer)


@bp.get("/api/openapi.json")
def openapi() -> Response:
    """Return the API's description."""
    return jsonify(openapi_document(version=version(), settings=front_end().settings))


@bp.get("/api/docs")
def docs() -> Response:
    """Return the API's description as a page."""
    page = docs_page(openapi_document(version=version(), settings=front_end().settings))
    return Response(page, mimetype="text/html")


@bp.get("/api/docs.css")
def docs_style() -> Response:
    """Return the page's style sheet."""
    return Response(DOCS_STYLE, mimetype="text/css")


def _no_store(answer: Response) -> Response:
    """Forbid caches to keep an answer about this very moment."""
    answer.headers["Cache-Control"] = "no-store"
    return answer
