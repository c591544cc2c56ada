"""Requests take turns to compute: threads that wait may be hundreds, those that compute are few."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from flask import Flask

from runtime.turns import Turns, aside
from web.http.bodies import is_awaited
from web.slots import PROBES

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: Requests of a process that compute or wait for Redis; more only take the interpreter's lock from
#: each other.
AT_ONCE: Final = 4
#: Where no turn comes free for so long, as while Redis does not answer, none is waited for.
PATIENCE_S: Final = 1.0


def register(app: Flask) -> None:
    """Let few requests of *app* compute at once; who waits for a job or for bytes stands aside."""
    app.wsgi_app = _InTurn(app.wsgi_app)  # type: ignore[method-assign]  # as Flask's own documentation does


class _InTurn:
    """Give each request a turn until its answer begins."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app
        self._turns = Turns(AT_ONCE, patience_s=PATIENCE_S)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request."""
        if environ.get("PATH_INFO") in PROBES:
            return self._app(environ, start_response)
        if is_awaited(environ):
            environ["wsgi.input"] = _Aside(environ["wsgi.input"])
        with self._turns.turn():
            return self._app(environ, start_response)


class _Aside:
    """A body that may be on its way for long: others compute while it is waited for."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def read(self, size: int = -1) -> bytes:
        """Read as the body itself does."""
        with aside():
            data: bytes = self._body.read(size)
        return data
