"""`/api/usage`: what keys may spend, and have spent."""

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, jsonify

from access.grants import SCOPES, current
from access.keys import KeyRow
from access.spending import spent
from protocol.timestamps import rfc3339
from web.front_end import front_end
from web.http.authorization import needs
from web.http.request_parts import parameters

bp = Blueprint("usage", __name__, url_prefix="/api/usage")


@bp.get("")
@needs()
def show() -> Response:
    """List the caller's key, or all keys to who runs the installation, with what each spent."""
    parameters()
    parts, grant = front_end(), current()
    rows = [row for row in parts.api_keys.all() if grant.is_operator or row.key_id == grant.key_id]
    counts = spent(parts.intake.redis, [row.key_id for row in rows])
    return jsonify({"keys": [_shown(row) | counts[row.key_id] for row in rows]})


def _shown(row: KeyRow) -> dict[str, Any]:
    """Show a key, without what would let anybody use it."""
    grant = row.grant
    return {
        "id": row.key_id,
        "name": row.name,
        "tenant": grant.tenant,
        "scopes": [scope for scope in SCOPES if scope in grant.scopes],
        "collections": None if grant.collections is None else sorted(grant.collections),
        "limits": asdict(grant.limits),
        "created_at": rfc3339(row.created_us),
        "expires_at": None if row.expires_us is None else rfc3339(row.expires_us),
        "used_at": None if row.used_us is None else rfc3339(row.used_us),
    }
