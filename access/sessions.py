"""
Sessions of browsers: a key is shown once, at the login; a cookie stands for it from then on.

Kept is the SHA-256 of the cookie, as of a key's secret. A session ends with its key.
"""

import hashlib
import secrets
from typing import Final

from redis import Redis

from protocol.keys import key

#: So long a browser that is not used stays logged in, seconds.
IDLE_S: Final = 7 * 86_400
_BYTES: Final = 32


class Sessions:
    """Begin, find and end sessions."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def begin(self, key_id: str) -> str:
        """Begin a session for a key; returns what the browser's cookie is to hold."""
        cookie = secrets.token_urlsafe(_BYTES)
        self._redis.set(_key(cookie), key_id, ex=IDLE_S)
        return cookie

    def key_id(self, cookie: str) -> str | None:
        """Return the key that a session stands for, None where there is none; prolongs it."""
        found: str | None = self._redis.getex(_key(cookie), ex=IDLE_S)
        return found

    def end(self, cookie: str) -> None:
        """End a session; harmless when repeated."""
        self._redis.delete(_key(cookie))


def _key(cookie: str) -> str:
    """Return where a session is kept."""
    return key("session", hashlib.sha256(cookie.encode()).hexdigest())
