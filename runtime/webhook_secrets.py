"""What a secret of webhooks is, as Standard Webhooks 1.0 has it (https://www.standardwebhooks.com)."""

import base64
import binascii
from typing import Final

PREFIX: Final = "whsec_"
#: Bytes of a secret: the specification asks for 24 to 64.
_LEAST, _MOST = 24, 64


def key_of(secret: str) -> bytes:
    """
    Return the key that a secret stands for.

    Raises:
        ValueError: It is not `whsec_` and the base64 of 24 to 64 bytes.
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("a secret is `whsec_` and base64") from error
    if not secret.startswith(PREFIX) or not _LEAST <= len(key) <= _MOST:
        raise ValueError("a secret is `whsec_` and the base64 of 24 to 64 bytes")
    return key
