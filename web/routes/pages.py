"""The views for people: templates, filled with what the browser has to know of the settings."""

from http import HTTPStatus

from flask import Blueprint, abort, request

from web.guards.authorization import open_to_all, page
from web.guards.strangers import NOT_SHOWN
from web.http.views import view
from web.openapi.for_caller import description_for_caller
from web.openapi.page.calls import all_refused, call, groups

bp = Blueprint("pages", __name__)


@bp.get("/")
@page
def ask() -> str:
    """Show the view that asks and answers."""
    return view("Ask")


@bp.get("/questions")
@page
def questions() -> str:
    """Show the view that asks a list of questions."""
    return view("Ask", template="questions")


@bp.get("/documents")
@page
def documents() -> str:
    """Show the view of what is in a collection."""
    return view("Documents")


@bp.get("/jobs")
@page
def jobs() -> str:
    """Show the view of all jobs."""
    return view("Jobs")


@bp.get("/jobs/<job_id>")
@page
def job(job_id: str) -> str:
    """Show the view of one job."""
    return view("Jobs", template="job", job=job_id)


@bp.get("/status")
@page
def status() -> str:
    """Show the view of health; `/health` is the same for programs."""
    return view("Status")


@bp.get("/api/docs")
@open_to_all
def api() -> str:
    """Show the view of the API: all of its calls, and why one may be refused."""
    described = description_for_caller()
    version = described["info"]["version"]
    return view(
        "API",
        template="api",
        base=_base(),
        version="" if version == NOT_SHOWN else version,
        description=described["info"]["description"],
        groups=groups(described),
        refusals=all_refused(),
    )


@bp.get("/api/docs/<name>")
@open_to_all
def api_call(name: str) -> str:
    """Show one call of the API, and let people make it."""
    described = description_for_caller()
    shown = call(described, name, base=_base())
    if shown is None:
        abort(HTTPStatus.NOT_FOUND)
    return view(
        "API",
        template="api_call",
        base=_base(),
        groups=groups(described),
        call=shown,
    )


def _base() -> str:
    """Return the address that Quern is called by, without a final slash."""
    return request.root_url.rstrip("/")
