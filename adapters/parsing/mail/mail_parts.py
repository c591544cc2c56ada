"""The parts of MIME messages: their headers, names and texts, decoded without trust."""

import codecs
from collections.abc import Iterator
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.policy import compat32
from email.utils import collapse_rfc2231_value

from adapters.parsing.detection import readable
from adapters.parsing.encodings.charsets import named

_MOST_HEADER = 20_000  # characters


def opened(data: bytes) -> Message:
    """Parse a message; the newer policies of the library fail on some broken headers."""
    return _trimmed(message_from_bytes(bare(data), policy=compat32))


def bare(data: bytes) -> bytes:
    """Return a message without what stands before its first header."""
    return data.removeprefix(codecs.BOM_UTF8).lstrip()


def parts(part: Message) -> list[Message]:
    """Return the parts of a part."""
    payload = part.get_payload()
    return [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []


def leaves(message: Message) -> Iterator[Message]:
    """Yield all parts that hold no others."""
    return (part for part in message.walk() if not part.is_multipart())


def part_bytes(part: Message) -> bytes:
    """Return a part's decoded bytes."""
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def part_text(part: Message) -> str:
    """Return a part's text by the character set it names, or else by the bytes themselves."""
    return _decoded(part_bytes(part), parameter(part, "charset"))


def parameter(part: Message, name: str) -> str:
    """Return a parameter of a part's content type; empty where there is none."""
    value = part.get_param(name)
    return collapse_rfc2231_value(value) if isinstance(value, (str, tuple)) else ""


def file_name(part: Message) -> str:
    """Return the name of the file that a part holds; empty where it has none."""
    name = part.get_filename()
    return _words(name).replace("\\", "/").rpartition("/")[2] if name else ""


def header(part: Message, name: str) -> str:
    """Return a header, its encoded words decoded; empty where there is none."""
    # As it lies in the file: the library replaces bytes beyond ASCII when asked by name.
    wanted = name.lower()
    return _words(next((str(v) for n, v in part.raw_items() if n.lower() == wanted), ""))


def _trimmed(message: Message) -> Message:
    """Return a message without headers of no bearable length, which take long to take apart."""
    for part in message.walk():
        for name in {name for name, value in part.raw_items() if len(value) > _MOST_HEADER}:
            del part[name]
    return message


def _words(value: str) -> str:
    """Decode the encoded words of a header (RFC 2047), and bytes that should not be there."""
    try:
        value.encode("ascii")
    except UnicodeEncodeError:
        data = value.encode("utf-8", "surrogateescape")
        value = readable(data) or value
    try:
        pieces = decode_header(value)
    except (HeaderParseError, ValueError):
        return value
    parts = []
    for piece, charset in pieces:
        if isinstance(piece, str):
            parts.append(piece)
        else:
            parts.append(_decoded(piece, charset or "latin-1"))
    return "".join(parts)


def _decoded(data: bytes, charset: str) -> str:
    """Decode bytes by the set that they are said to be in, and else by themselves."""
    read = named(data, charset) if charset else None
    return read[0] if read else readable(data)
