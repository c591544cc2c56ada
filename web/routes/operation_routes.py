"""Operations: liveness, readiness, health, and the description of the API."""

from flask import Blueprint, Response, jsonify

from runtime.version import version
from web.front_end import front_end
from web.guards.authorization import open_to_all
from web.guards.strangers import may_see_detail, refuse_strangers
from web.health.series import shown
from web.openapi.for_caller import description_for_caller

bp = Blueprint("operations", __name__)


@bp.get("/livez")
@open_to_all
def livez() -> Response:
    """Respond 200 while the process lives; check nothing."""
    return _no_store(jsonify({"status": "pass"}))


@bp.get("/readyz")
@open_to_all
def readyz() -> Response:
    """Respond 200 if jobs can be accepted, else 503; with details where they may be shown."""
    ready, refusals = front_end().health.readiness()
    if ready:
        return _no_store(jsonify({"status": "pass"}))
    answer = jsonify(
        {"status": "fail"} | ({"output": "; ".join(refusals)} if may_see_detail() else {})
    )
    answer.status_code = 503
    answer.headers["Retry-After"] = "2"
    return _no_store(answer)


@bp.get("/health")
@open_to_all
def health() -> Response:
    """
    Return the last look at everything as health+json: 200 for pass and warn, 503 for fail.

    Strangers get the status alone.
    """
    report = front_end().health.report(version=version(), detailed=may_see_detail())
    answer = jsonify(report)
    answer.mimetype = "application/health+json"
    answer.status_code = 503 if report["status"] == "fail" else 200
    return _no_store(answer)


@bp.get("/health/history")
@open_to_all
def history() -> Response:
    """Return what the last hour was like, by half minutes; not to strangers."""
    refuse_strangers()
    return _no_store(jsonify(shown(*front_end().history.read())))


@bp.get("/api/openapi.json")
@open_to_all
def openapi() -> Response:
    """Return the API's description."""
    return jsonify(description_for_caller())


def _no_store(answer: Response) -> Response:
    """Forbid caches to keep an answer about this very moment."""
    answer.headers["Cache-Control"] = "no-store"
    return answer
