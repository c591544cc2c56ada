"""Signatures of webhooks, as Standard Webhooks 1.0 has them (https://www.standardwebhooks.com)."""

import base64
import hashlib
import hmac
import os
from typing import Final

from runtime.webhook_secrets import PREFIX, key_of

#: Bytes of a secret: the specification asks for 24 to 64.
_SECRET_BYTES: Final = 32


def new_secret() -> str:
    """Make a secret, as it is shown to whoever verifies signatures with it."""
    return PREFIX + base64.b64encode(os.urandom(_SECRET_BYTES)).decode()


def headers(secret: str, message_id: str, payload: bytes, *, now_s: int) -> dict[str, str]:
    """Return the three headers that say which message it is, when it was sent, and by whom."""
    signed = f"{message_id}.{now_s}.".encode() + payload
    digest = hmac.new(key_of(secret), signed, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(now_s),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
