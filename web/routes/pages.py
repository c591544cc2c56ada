"""The views for people: templates, filled with what the browser has to know of the settings."""

from http import HTTPStatus

from flask import Blueprint, abort, render_template, request

from intake.leftovers import FILES, FOLDERS
from web.front_end import front_end
from web.openapi.for_caller import NOT_SHOWN, description_for_caller
from web.openapi.page.calls import all_refused, call, groups

bp = Blueprint("pages", __name__)


@bp.get("/")
def ask() -> str:
    """Show the view that asks and answers."""
    return _view("Ask")


@bp.get("/questions")
def questions() -> str:
    """Show the view that asks a list of questions."""
    return _view("Ask", template="questions")


@bp.get("/documents")
def documents() -> str:
    """Show the view of what is in a collection."""
    return _view("Documents")


@bp.get("/jobs")
def jobs() -> str:
    """Show the view of all jobs."""
    return _view("Jobs")


@bp.get("/jobs/<job_id>")
def job(job_id: str) -> str:
    """Show the view of one job."""
    return _view("Jobs", template="job", job=job_id)


@bp.get("/status")
def status() -> str:
    """Show the view of health; `/health` is the same for programs."""
    return _view("Status")


@bp.get("/api/docs")
def api() -> str:
    """Show the view of the API: all of its calls, and why one may be refused."""
    described = description_for_caller()
    version = described["info"]["version"]
    return _view(
        "API",
        template="api",
        base=_base(),
        version="" if version == NOT_SHOWN else version,
        description=described["info"]["description"],
        groups=groups(described),
        refusals=all_refused(),
    )


@bp.get("/api/docs/<name>")
def api_call(name: str) -> str:
    """Show one call of the API, and let people make it."""
    described = description_for_caller()
    shown = call(described, name, base=_base())
    if shown is None:
        abort(HTTPStatus.NOT_FOUND)
    return _view(
        "API",
        template="api_call",
        base=_base(),
        groups=groups(described),
        call=shown,
    )


def _base() -> str:
    """Return the address that Quern is called by, without a final slash."""
    return request.root_url.rstrip("/")


def _view(name: str, *, template: str = "", **more: object) -> str:
    """
    Show a view, marked as *name* among all; its template has the same name by default.

    The template is told *more*.
    """
    settings = front_end().settings
    up = "../" * (request.path.count("/") - 1)
    return render_template(
        f"{template or name.lower()}.html",
        view=name,
        flower_url=settings.flower_url,
        max_file_bytes=settings.max_file_bytes,
        max_files=settings.max_files,
        leftovers={"files": FILES, "folders": FOLDERS},
        # Relative where no proxy tells its path: then too the views work below any.
        root=f"{request.script_root}/" if request.script_root else up or "./",
        **more,
    )
