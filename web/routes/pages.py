"""The page for people: one template, filled with what the browser has to know of the settings."""

from flask import Blueprint, render_template, request

from intake.leftovers import FILES, FOLDERS
from web.front_end import front_end

bp = Blueprint("pages", __name__)


@bp.get("/")
def page() -> str:
    """Show the page."""
    settings = front_end().settings
    return render_template(
        "page.html",
        flower_url=settings.flower_url,
        max_file_bytes=settings.max_file_bytes,
        max_files=settings.max_files,
        leftovers={"files": FILES, "folders": FOLDERS},
        # Relative where no proxy tells its path: then too the page works below any.
        root=f"{request.script_root}/" if request.script_root else "./",
    )
