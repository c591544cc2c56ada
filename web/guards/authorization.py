"""Who calls: a key or the session of a browser, and what its holder may do here."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from flask import Flask, Response, g, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from access import grants
from access.errors import KeyRefused, ScopeMissing
from access.grants import OPEN, SCOPES, Grant, Scope, collection_named
from access.spending import Allowance
from intake.errors import QueueError
from runtime.settings import Settings
from web.front_end import front_end
from web.http.behind_proxy import link

COOKIE: Final = "quern_session"
#: Who shows no key may do nothing, and sees nothing that is anybody's.
NOBODY: Final = Grant(tenant="", scopes=frozenset(), collections=frozenset())
NEEDED: Final = (
    "Send a key: `Authorization: Bearer qk_…`, or QUERN_KEY=qk_… for the `quern` command; "
    "`quern keys create` makes one."
)

View = TypeVar("View", bound=Callable[..., Any])

_SCOPES_OF: Final = "scopes_of_caller"
_PAGE: Final = "is_page"


def needs(*scopes: Scope) -> Callable[[View], View]:
    """Let a view be asked by holders of a key with one of *scopes* alone; of any, without."""

    def marked(view: View) -> View:
        setattr(view, _SCOPES_OF, frozenset(scopes or SCOPES))
        return view

    return marked


def open_to_all(view: View) -> View:
    """Let a view be asked by anybody, also where keys are needed; it says itself what it shows."""
    setattr(view, _SCOPES_OF, None)
    return view


def page(view: View) -> View:
    """Let a view of the page be seen with any key; a browser without one is led to the login."""
    setattr(view, _PAGE, True)
    return needs()(view)


def scopes_of(view: Callable[..., Any]) -> frozenset[Scope] | None:
    """
    Return the scopes of which a view's caller needs one, None where it needs no key.

    Raises:
        AttributeError: The view does not say.
    """
    scopes: frozenset[Scope] | None = getattr(view, _SCOPES_OF)
    return scopes


def register(app: Flask, settings: Settings) -> None:
    """Check the caller of every route of *app*, before anything of the request is read."""
    app.before_request(partial(_authorize, app, settings))
    app.before_request(_name_collection)
    app.after_request(_tell_allowance)


def _authorize(app: Flask, settings: Settings) -> AnyResponse | None:
    """
    Find out who calls, and turn away who may not do what is asked.

    Raises:
        KeyRefused, ScopeMissing, Overspent: As their names say.
    """
    grants.begin(NOBODY if settings.keys_required else OPEN)
    view = app.view_functions.get(request.endpoint or "")
    if view is None or not settings.keys_required or request.endpoint == "static":
        return None
    scopes = scopes_of(view)
    try:
        grant = _caller()
        allowance = front_end().spending.admit(grant)
    except (KeyRefused, QueueError) as error:
        if scopes is None:  # whoever this is; also while nobody can be asked
            return None
        if isinstance(error, KeyRefused) and getattr(view, _PAGE, False):
            return redirect(link("/login?" + urlencode({"next": request.full_path.rstrip("?")})))
        raise
    grants.begin(grant)
    g.allowance = allowance
    if scopes is not None and not scopes & grant.scopes:
        raise ScopeMissing(" or ".join(scope for scope in SCOPES if scope in scopes))
    return None


def _caller() -> Grant:
    """Return what the caller may do, by the key or the session that was sent; raises KeyRefused."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    parts = front_end()
    if token:
        if kind.lower() != "bearer":
            raise KeyRefused(NEEDED)
        return parts.api_keys.grant_of(token.strip())
    cookie = request.cookies.get(COOKIE)
    key_id = parts.sessions.key_id(cookie) if cookie else None
    if key_id is None:
        raise KeyRefused(NEEDED)
    return parts.api_keys.grant_of_id(key_id)


def _name_collection() -> None:
    """
    Put in the place of a collection's name in the path how it is written down.

    Raises:
        NoSuchCollection: The caller may not use it.
    """
    rule, given = request.url_rule, request.view_args
    if rule is not None and given and rule.rule.startswith("/api/collections/<name>"):
        given["name"] = collection_named(given["name"])


def _tell_allowance(answer: Response) -> Response:
    """Tell how many more requests the key may send, as OpenAI's clients read it."""
    allowance: Allowance | None = g.get("allowance")
    if allowance is not None:
        answer.headers["x-ratelimit-limit-requests"] = str(allowance.limit)
        answer.headers["x-ratelimit-remaining-requests"] = str(allowance.remaining)
        answer.headers["x-ratelimit-reset-requests"] = f"{allowance.reset_s:.3f}s"
    return answer
