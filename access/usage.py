"""What keys may spend and have spent, as it is shown: never what would let anybody use one."""

from dataclasses import asdict
from typing import Any

from redis import Redis

from access.grants import Grant
from access.keys import ApiKeys, KeyRow
from access.spending import spent
from protocol.timestamps import rfc3339


def usage(redis: Redis, grant: Grant) -> list[dict[str, Any]]:
    """Return the key of *grant*'s holder, or all keys to the operator, with what each spent."""
    rows = [row for row in ApiKeys(redis).all() if grant.is_operator or row.key_id == grant.key_id]
    counts = spent(redis, [row.key_id for row in rows])
    return [_shown(row) | counts[row.key_id] for row in rows]


def _shown(row: KeyRow) -> dict[str, Any]:
    """Show a key."""
    grant = row.grant
    return {
        "id": row.key_id,
        "name": row.name,
        "tenant": grant.tenant,
        "scopes": grant.scopes_in_order,
        "collections": None if grant.collections is None else sorted(grant.collections),
        "limits": asdict(grant.limits),
        "created_at": rfc3339(row.created_us),
        "expires_at": None if row.expires_us is None else rfc3339(row.expires_us),
        "used_at": None if row.used_us is None else rfc3339(row.used_us),
    }
