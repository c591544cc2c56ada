"""The compression of RTF in Outlook's messages ([MS-OXRTFCP])."""

import struct

_HEAD = struct.Struct("<IIII")  # packed size, unpacked size, kind, checksum
_PACKED, _BARE = 0x75465A4C, 0x414C454D
_WINDOW = 4096
_FIRST_WORDS = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript "
    rb"\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
_MOST_BYTES = 64 * 2**20


def unpacked(data: bytes) -> bytes:
    """
    Return the RTF that *data* holds.

    Raises:
        ValueError: It is not of this kind.
    """
    if len(data) < _HEAD.size:
        raise ValueError("the compressed RTF is cut off")
    _, size, kind, _ = _HEAD.unpack_from(data)
    if kind == _BARE:
        return data[_HEAD.size : _HEAD.size + size]
    if kind != _PACKED:
        raise ValueError("the compressed RTF is of an unknown kind")
    window = bytearray(_FIRST_WORDS.ljust(_WINDOW, b"\0"))
    to = len(_FIRST_WORDS)
    out = bytearray()
    at = _HEAD.size
    most = min(size, _MOST_BYTES)
    while at < len(data) and len(out) < most:
        control = data[at]
        at += 1
        for bit in range(8):
            if not control >> bit & 1:
                piece = data[at : at + 1]
                at += 1
            else:
                pair = int.from_bytes(data[at : at + 2], "big")
                at += 2
                start, length = pair >> 4, (pair & 15) + 2
                if start == to:  # points at its own end
                    return bytes(out)
                piece = b""
                for n in range(length):  # it may reach into what it writes itself
                    byte = window[(start + n) % _WINDOW]
                    window[(to + n) % _WINDOW] = byte
                    piece += bytes((byte,))
                to = (to + length) % _WINDOW
                out += piece
                continue
            if not piece:
                return bytes(out)
            window[to] = piece[0]
            to = (to + 1) % _WINDOW
            out += piece
    return bytes(out)
