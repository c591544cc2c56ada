"""
API keys: each belongs to a tenant, and says what its holder may do.

A key is `qk_ID_SECRET`. Who made it sees it once: kept is the SHA-256 of the secret, which has 192
random bits, so that guessing it from the digest is as hopeless as guessing it (NIST SP 800-63B,
section 5.1.2.2, asks for salts and slow hashes only of secrets below 112 bits).
"""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Final

from redis import Redis

from access.errors import KeyRefused
from access.grants import SCOPES, Grant, Limits
from protocol import timings
from protocol.keys import key
from protocol.names import DEFAULT_TENANT

#: What a tenant may be called: it stands before a slash in names that are written down.
TENANT: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
PREFIX: Final = "qk_"
_ID_BYTES: Final = 6
_SECRET_BYTES: Final = 24
_TOKEN: Final = re.compile(
    rf"{PREFIX}([0-9a-f]{{{2 * _ID_BYTES}}})_([0-9a-f]{{{2 * _SECRET_BYTES}}})"
)
REFUSED: Final = "This key is unknown here, has expired, or was revoked."
_NONE: Final = "0" * 64
_NEVER: Final = 2**63


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """
    What is kept of a key; never its secret.

    Attributes:
        name: What people call it.

        created_us, expires_us, used_us: Microseconds since 1970; None where it never expires, was
            not used yet.
    """

    key_id: str
    name: str
    grant: Grant
    created_us: int
    expires_us: int | None
    used_us: int | None


class ApiKeys:
    """Make, find and revoke keys."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def create(
        self, grant: Grant, *, name: str, expires_in_s: float | None = None
    ) -> tuple[str, str]:
        """Make a key for what *grant* says; returns its id and, this once, the key itself."""
        key_id, secret = secrets.token_hex(_ID_BYTES), secrets.token_hex(_SECRET_BYTES)
        now = _now_us()
        row = {
            "digest": _digest(secret),
            "name": name,
            "tenant": grant.tenant,
            "scopes": " ".join(grant.scopes_in_order),
            "created": str(now),
        }
        if grant.collections is not None:
            row["collections"] = " ".join(sorted(grant.collections))
        if expires_in_s is not None:
            row["expires"] = str(now + int(expires_in_s * 1e6))
        row |= {what: str(most) for what, most in asdict(grant.limits).items() if most is not None}
        pipe = self._redis.pipeline()  # both or none
        pipe.hset(key("api_key", key_id), mapping=row)
        pipe.zadd(key("api_keys"), {key_id: now})
        pipe.execute()
        return key_id, f"{PREFIX}{key_id}_{secret}"

    def all(self) -> list[KeyRow]:
        """Return every key, oldest first."""
        ids = self._redis.zrange(key("api_keys"), 0, -1)
        pipe = self._redis.pipeline(transaction=False)
        for key_id in ids:
            pipe.hgetall(key("api_key", key_id))
        found = zip(ids, pipe.execute() if ids else (), strict=True)
        return [_row(key_id, told) for key_id, told in found if told]

    def revoke(self, key_id: str) -> bool:
        """Make a key worthless from now on; returns False where there is none."""
        pipe = self._redis.pipeline()
        pipe.zrem(key("api_keys"), key_id)
        pipe.delete(key("api_key", key_id), key("rate", key_id))
        pipe.expire(key("spent", key_id, "all"), timings.SPENT_S)
        return bool(pipe.execute()[1])

    def grant_of(self, token: str) -> Grant:
        """
        Return what the holder of a key may do.

        Raises:
            KeyRefused: It is no key, or none that is good today: which of them is not told.
        """
        found = _TOKEN.fullmatch(token)
        key_id, secret = found.groups() if found else ("", "")
        told = self._redis.hgetall(key("api_key", key_id)) if found else {}
        # Compared also where there is no such key: so that takes as long.
        is_right = hmac.compare_digest(_digest(secret), told.get("digest", _NONE))
        if not (is_right and _is_good(told)):
            raise KeyRefused(REFUSED)
        return _grant(key_id, told)

    def grant_of_id(self, key_id: str) -> Grant:
        """Return what the holder of a key may do who has shown it before; raises KeyRefused."""
        told = self._redis.hgetall(key("api_key", key_id))
        if not _is_good(told):
            raise KeyRefused(REFUSED)
        return _grant(key_id, told)


def _digest(secret: str) -> str:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _is_good(told: Mapping[str, str]) -> bool:
    """Return True if there is a key, and it has not expired."""
    return bool(told) and int(told.get("expires", _NEVER)) > _now_us()


def _now_us() -> int:
    """Return the time, microseconds since 1970."""
    return time.time_ns() // 1_000


def _grant(key_id: str, told: Mapping[str, str]) -> Grant:
    """Return what a key's row says that its holder may do."""
    limits = {f.name: int(told[f.name]) for f in fields(Limits) if f.name in told}
    return Grant(
        key_id=key_id,
        tenant=told.get("tenant", DEFAULT_TENANT),
        scopes=frozenset(scope for scope in SCOPES if scope in told["scopes"].split()),
        collections=frozenset(told["collections"].split()) if "collections" in told else None,
        limits=Limits(**limits),
    )


def _row(key_id: str, told: Mapping[str, str]) -> KeyRow:
    """Return what is shown of a key."""
    return KeyRow(
        key_id=key_id,
        name=told["name"],
        grant=_grant(key_id, told),
        created_us=int(told["created"]),
        expires_us=int(told["expires"]) if "expires" in told else None,
        used_us=int(told["used"]) if "used" in told else None,
    )
