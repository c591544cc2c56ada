"""Views for people: templates, filled with what the browser has to know of the settings."""

from flask import render_template, request

from intake.leftovers import FILES, FOLDERS
from web.front_end import front_end


def view(name: str, *, template: str = "", **more: object) -> str:
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
        with_keys=settings.keys_required,
        # Relative where no proxy tells its path: then too the views work below any.
        root=f"{request.script_root}/" if request.script_root else up or "./",
        **more,
    )
