"""The views for people: templates, filled with what the browser has to know of the settings."""

from flask import Blueprint, render_template, request

from intake.leftovers import FILES, FOLDERS
from web.front_end import front_end

bp = Blueprint("pages", __name__)


@bp.get("/")
def ask() -> str:
    """Show the view that asks and answers."""
    return _view("Ask")


@bp.get("/documents")
def documents() -> str:
    """Show the view of what is in a collection."""
    return _view("Documents")


@bp.get("/jobs")
def jobs() -> str:
    """Show the view of all jobs."""
    return _view("Jobs")


@bp.get("/status")
def status() -> str:
    """Show the view of health; `/health` is the same for programs."""
    return _view("Status")


def _view(name: str) -> str:
    """Show the view *name*, whose template has the same name."""
    settings = front_end().settings
    return render_template(
        f"{name.lower()}.html",
        view=name,
        flower_url=settings.flower_url,
        max_file_bytes=settings.max_file_bytes,
        max_files=settings.max_files,
        leftovers={"files": FILES, "folders": FOLDERS},
        # Relative where no proxy tells its path: then too the views work below any.
        root=f"{request.script_root}/" if request.script_root else "./",
    )
