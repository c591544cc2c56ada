"""Job ids: UUIDv7 (RFC 9562, section 5.7); an id holds the time of its creation."""

import os
import re
import time
import uuid

_SHAPE = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def new_id(*, now_ms: int | None = None) -> str:
    """Return a new UUIDv7; *now_ms* is the clock's by default."""
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    noise = int.from_bytes(os.urandom(10), "big")
    value = (now_ms & (1 << 48) - 1) << 80
    value |= 0x7 << 76
    value |= (noise >> 62 & 0xFFF) << 64
    value |= 0b10 << 62
    value |= noise & (1 << 62) - 1
    return str(uuid.UUID(int=value))


def made_at_ms(job_id: str) -> int | None:
    """Return when an id was made, milliseconds since 1970; None if it is not one of ours."""
    if not _SHAPE.fullmatch(job_id):
        return None
    return int(job_id.replace("-", "")[:12], 16)
