"""Path prefix and host name as a trusted proxy in front forwards them."""

import re
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Any, Final

from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: Segments of RFC 3986, section 3.3, none of them empty: `//elsewhere` would be another host.
_PREFIX: Final = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~!$&'()*+,;=:@%-]+)+")


def trust_proxies(app: Flask, how_many: int) -> None:
    """
    Take the path, the name and the protocol that *how_many* proxies in front of *app* pass on.

    Those are `X-Forwarded-For`, `-Prefix`, `-Host` and `-Proto`; of each the entry counts that the
    outermost of them wrote. With 0 they are ignored: anybody may send them.
    """
    if not how_many:
        return
    checked = _PlainPrefix(app.wsgi_app)
    app.wsgi_app = ProxyFix(  # type: ignore[method-assign]  # as Flask's own documentation does
        checked, x_for=how_many, x_proto=how_many, x_host=how_many, x_prefix=how_many
    )


def own_host() -> str | None:
    """Return the `Host` that came with the request, whatever a proxy says it was called by."""
    before: dict[str, str | None] | None = request.environ.get("werkzeug.proxy_fix.orig")
    return request.headers.get("Host") if before is None else before["HTTP_HOST"]


def client() -> str:
    """
    Return whom the request comes from: an address, or the network of one home or machine.

    Behind proxies that are not trusted everybody has the address of the nearest.
    """
    told = request.remote_addr or ""
    try:
        address = ip_address(told.partition("%")[0])
    except ValueError:
        return told
    if isinstance(address, IPv6Address):
        # Whoever has an IPv6 address has the 2^64 others of its network (RFC 6177).
        return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))
    return str(address)


def link(path: str) -> str:
    """Return the address of *path* as the caller sees it, the proxy's path before it."""
    return request.script_root + path


def with_links(shown: dict[str, Any]) -> dict[str, Any]:
    """Return a job as shown, its links as the caller sees them."""
    return shown | {"links": {name: link(path) for name, path in shown["links"].items()}}


class _PlainPrefix:
    """Ignore a prefix that is no path below this host."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Any:
        """Pass the request on, without a final slash in the prefix."""
        prefix = environ.get("SCRIPT_NAME", "").rstrip("/")
        environ["SCRIPT_NAME"] = prefix if _PREFIX.fullmatch(prefix) else ""
        return self._app(environ, start_response)
