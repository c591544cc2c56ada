"""The views for people: templates, filled with what the browser has to know of the settings."""

from flask import Blueprint, render_template, request

from intake.leftovers import FILES, FOLDERS
from web.front_end import front_end

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


def _view(name: str, *, template: str = "", job: str = "") -> str:
    """Show a view, marked as *name* among all; its template has the same name by default."""
    settings = front_end().settings
    up = "../" * (request.path.count("/") - 1)
    return render_template(
        f"{template or name.lower()}.html",
        view=name,
        job=job,
        flower_url=settings.flower_url,
        max_file_bytes=settings.max_file_bytes,
        max_files=settings.max_files,
        leftovers={"files": FILES, "folders": FOLDERS},
        # Relative where no proxy tells its path: then too the views work below any.
        root=f"{request.script_root}/" if request.script_root else up or "./",
    )
