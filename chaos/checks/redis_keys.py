"""
Whether every key of the queue Redis is of a known kind and has an end.

Once all work has ended, a key either expires, or tells of something that lives: a collection, the
installation itself. Whatever else stays, stays for ever, one more for each job or each restart.
"""

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache
from typing import Final

from redis import Redis

from protocol.keys import CELERY_PREFIX, PREFIX, TEMPLATES, key
from protocol.messages import ROLES


class Owner(Enum):
    """What a key belongs to: how long it may be there."""

    INSTALLATION = "the installation"
    ROLE = "a role"
    COLLECTION = "a collection"
    ENDPOINT = "an endpoint of webhooks"
    API_KEY = "a caller's key"
    WORK = "open work"  # once all has ended there is none
    NOBODY = "nobody"  # it must expire


#: The owner of each kind of key that need not expire.
OWNERS: Final[Mapping[str, Owner]] = (
    dict.fromkeys(
        ("jobs", "jobs_by", "jobs_by_from", "tenants", "api_keys", "file", "files",
         "collections", "graves", "retired", "news", "replicas", "workers", "watch",
         "tallies", "history", "check_at", "long_window", "room", "webhooks", "deliveries", "ended",
         "purged"),
        Owner.INSTALLATION,
    )
    | dict.fromkeys(("turns", "window", "batch_window", "pace"), Owner.ROLE)
    | dict.fromkeys(
        ("collection", "current", "newest", "documents", "names", "by_hash", "contents",
         "barren", "log", "log_state", "garbage", "building", "behind", "followers", "cursors",
         "set_aside", "deleted", "store", "attached", "attached_in", "attached_bytes",
         "attached_errors"),
        Owner.COLLECTION,
    )
    | dict.fromkeys(("webhook", "delivery", "delivery_log"), Owner.ENDPOINT)
    | dict.fromkeys(("api_key", "spent"), Owner.API_KEY)
    | dict.fromkeys(
        ("open", "lane", "owners", "later", "filling", "asking", "stopping", "unmade", "inflight",
         "company",
         "long", "deadlines", "claim", "opened", "add_logged"),
        Owner.WORK,
    )
    | dict.fromkeys(
        ("unit", "job", "rows", "alone", "idempotency", "quiet", "fallen", "events", "audit",
         "answers", "held", "worker", "failure", "lock", "retried", "archived", "readers",
         "joined", "rate", "session"),
        Owner.NOBODY,
    )
)  # fmt: skip

#: Celery's own: one set for each queue and one for its remote control; its queues are empty.
CELERY: Final = re.compile(
    re.escape(CELERY_PREFIX)
    + r"_kombu\.(binding(_permanent)?\.("
    + "|".join(("celery.pidbox", "celeryev", "reply.celery.pidbox", *ROLES))
    + r")|binding_deadlines)"
)


def stray_keys(redis: Redis) -> list[str]:
    """
    Return the keys that nothing ends, each with the reason.

    Args:
        redis: The queue's, which decodes. Every job must have ended, and every worker have had
            some seconds to forget.
    """
    living = {
        *redis.hvals(key("collections")),
        *redis.zrange(key("graves"), 0, -1),
        *redis.zrange(key("webhooks"), 0, -1),
        *redis.zrange(key("api_keys"), 0, -1),
    }
    return sorted(
        f"{name}: {why}"
        for name in redis.scan_iter(count=1_000)
        if (why := _why_stray(redis, name, living))
    )


def _why_stray(redis: Redis, name: str, living: set[str]) -> str:
    """Return what is wrong with a key, or nothing."""
    if name.startswith(CELERY_PREFIX):
        return "" if CELERY.fullmatch(name) or redis.ttl(name) != -1 else "Celery left it"
    kinds = dict(kinds_of(name))
    if not kinds:
        return "of no known kind"
    if any(OWNERS[kind] is Owner.WORK for kind in kinds):
        return "belongs to work, and all has ended" if redis.exists(name) else ""
    # One that expires needs no owner; a scan also shows what has gone meanwhile.
    lives = redis.ttl(name) != -1 or any(
        _has_owner(OWNERS[kind], parts, living) for kind, parts in kinds.items()
    )
    return "" if lives else "never ends, and what it belongs to is not there"


def _has_owner(owner: Owner, parts: tuple[str, ...], living: set[str]) -> bool:
    """Return True if what a key belongs to is there; a delivery is named endpoint/message."""
    match owner:
        case Owner.INSTALLATION:
            return True
        case Owner.ROLE:
            return parts[0] in ROLES
        case Owner.COLLECTION | Owner.ENDPOINT | Owner.API_KEY:
            return parts[0].partition("/")[0] in living
    return False


def kinds_of(name: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield which keys of `protocol.keys` *name* may be, with their parts."""
    for kind, pattern in _patterns().items():
        if found := pattern.fullmatch(name):
            yield kind, found.groups()


@cache
def _patterns() -> Mapping[str, re.Pattern[str]]:
    return {
        kind: re.compile(re.escape(PREFIX + template).replace("%s", "(.+?)"))
        for kind, template in TEMPLATES.items()
    }
