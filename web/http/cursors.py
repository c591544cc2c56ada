"""Opaque cursors: encoded positions at which a list goes on."""

import base64
import binascii

from rag.errors import InvalidRequest


def encode(*parts: str) -> str:
    """Write a position as a URL-safe word."""
    return base64.urlsafe_b64encode("\0".join(parts).encode()).decode().rstrip("=")


def decode(word: str, parts: int) -> list[str]:
    """
    Read a position of so many parts.

    Raises:
        InvalidRequest: The word is not a cursor of this list.
    """
    try:
        padded = word.encode("ascii") + b"=" * (-len(word) % 4)
        found = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (UnicodeError, binascii.Error) as error:
        raise InvalidRequest("cursor", "is not a cursor of this list") from error
    split = found.split("\0")
    if len(split) != parts:
        raise InvalidRequest("cursor", "is not a cursor of this list")
    return split


def decode_number(word: str) -> int:
    """Read a position that is one whole number; raises InvalidRequest."""
    (text,) = decode(word, 1)
    return int(_number(text))


def decode_time(word: str) -> tuple[str, str]:
    """Read a position that is a time, a whole number, and a name; raises InvalidRequest."""
    time, name = decode(word, 2)
    return _number(time), name


def _number(text: str) -> str:
    """Check that a part of a position is a whole number of at most 64 bits."""
    if not (text.isascii() and text.isdigit() and len(text) < 19):  # noqa: PLR2004  # 64 bits
        raise InvalidRequest("cursor", "is not a cursor of this list")
    return text
