"""Strangers: callers who are not told how the installation is."""

import ipaddress
from typing import Final

from flask import request

from access.grants import current
from runtime.version import version
from web.front_end import front_end
from web.http.problems import Problem

#: Who sends one of these passes a request on for somebody whose address nobody can vouch for.
_PASSED_ON: Final = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")

#: What strangers are told in the place of the version.
NOT_SHOWN: Final = "not shown"


def may_see_detail() -> bool:
    """Return True if the caller may see more than a status, as `health_detail` says."""
    settings = front_end().settings
    allowed = settings.health_detail
    if settings.keys_required and allowed == "private":
        return current().is_operator
    if allowed != "private":
        return allowed == "everyone"
    if any(name in request.headers for name in _PASSED_ON):
        return False
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_private
    except ValueError:
        return False


def shown_version() -> str:
    """Return which version runs, as the caller is told it."""
    return version() if may_see_detail() else NOT_SHOWN


def refuse_strangers() -> None:
    """Raise a Problem (403) unless the caller may see more than a status."""
    if not may_see_detail():
        raise Problem(
            403,
            "This is shown to callers of this host or a private network who come through no "
            "proxy; QUERN_HEALTH_DETAIL says to whom else.",
        )
