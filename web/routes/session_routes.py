"""The login of people: a key is typed once, and a cookie stands for it from then on."""

from urllib.parse import urlsplit

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from access.errors import KeyRefused
from access.sessions import IDLE_S
from web.front_end import front_end
from web.guards.authorization import COOKIE, open_to_all
from web.http.behind_proxy import link
from web.http.views import view

bp = Blueprint("sessions", __name__)

#: A key has some sixty characters; what is much longer is none.
_MOST = 300


@bp.get("/login")
@open_to_all
def form() -> str:
    """Show where the key is typed."""
    return view("Login", next=_local(request.args.get("next", "")), problem="")


@bp.post("/login")
@open_to_all
def login() -> Response | tuple[str, int]:
    """Begin a session, and go on to where the browser was about to go."""
    parts, going = front_end(), _local(request.form.get("next", ""))
    try:
        grant = parts.api_keys.grant_of(request.form.get("key", "")[:_MOST].strip())
    except KeyRefused as error:
        return view("Login", next=going, problem=str(error)), 403
    answer = redirect(link(going), code=303)
    answer.set_cookie(
        COOKIE,
        parts.sessions.begin(grant.key_id),
        max_age=IDLE_S,
        path=request.script_root or "/",
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


@bp.post("/logout")
@open_to_all
def logout() -> Response:
    """End the session of this browser."""
    if cookie := request.cookies.get(COOKIE):
        front_end().sessions.end(cookie)
    answer = redirect(link("/login"), code=303)
    answer.delete_cookie(COOKIE, path=request.script_root or "/")
    return answer


def _local(going: str) -> str:
    """Return a path of this server to go on to; what leads elsewhere is the first view."""
    parts = urlsplit(going)
    is_local = going.startswith("/") and not going.startswith(("//", "/\\"))
    return going if is_local and not parts.scheme and not parts.netloc else "/"
