"""Judging the stores: how fast they answer, and how full they are."""

from typing import Any, Final

from web.health.check import Check, Status

SLOW_MS: Final = 50.0


def speed(name: str, took_ms: float, *, slow_ms: float = SLOW_MS) -> Check:
    """Judge an answer's time."""
    slow = took_ms >= slow_ms
    return Check(
        f"{name}:responseTime", "warn" if slow else "pass", "datastore",
        value=round(took_ms, 2), unit="ms", output="slow" if slow else None,
    )  # fmt: skip


def redis_memory(name: str, told: dict[str, Any], *, share: float | None) -> Check:
    """Judge a Redis' memory; *share* is where it takes no more, None where it evicts."""
    bound, used = int(told.get("maxmemory", 0)), int(told.get("used_memory", 0))
    if not bound:
        return Check(f"{name}:memory", "pass", "datastore", value=used, unit="bytes")
    taken = round(used / bound, 3)
    status: Status = "pass"
    if share is not None and taken > share:
        status = "fail"
    elif share is not None and taken > 0.75 * share:
        status = "warn"
    return Check(
        f"{name}:memory", status, "datastore", value=taken, unit="ratio_used",
        output="no new jobs are accepted" if status == "fail" else None,
    )  # fmt: skip
