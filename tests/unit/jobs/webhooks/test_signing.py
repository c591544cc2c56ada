"""Signatures are those of the specification."""

import base64
import hashlib
import hmac

from jobs.webhooks.signing import headers, new_secret
from runtime.webhook_secrets import key_of


def test_a_message_is_signed_with_its_id_its_time_and_its_bytes() -> None:
    secret = new_secret()

    told = headers(secret, "msg_1", b'{"a": 1}', now_s=1_700_000_000)

    key = base64.b64decode(secret.partition("_")[2])
    made = hmac.digest(key, b'msg_1.1700000000.{"a": 1}', hashlib.sha256)
    assert told == {
        "webhook-id": "msg_1",
        "webhook-timestamp": "1700000000",
        "webhook-signature": "v1," + base64.b64encode(made).decode(),
    }


def test_secrets_are_long_enough_and_differ() -> None:
    first, second = new_secret(), new_secret()

    assert first != second
    assert first.startswith("whsec_")
    assert len(key_of(first)) == 32
