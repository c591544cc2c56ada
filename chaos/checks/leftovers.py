"""What a run leaves behind: keys of Redis that nothing ends, work that nobody has, processes."""

from pathlib import Path
from typing import Final

import psutil
from redis import Redis

from protocol.keys import CELERY_PREFIX, PREFIX

#: Kinds of keys without an end of their own: they live as long as what they tell of.
OWNED: Final = frozenset(
    {
        "jobs", "collections", "collection", "current", "newest", "documents", "names", "contents",
        "barren", "log", "log_state", "garbage", "graves", "retired", "news", "replicas",
        "followers", "cursors", "workers", "watch", "tallies", "turns", "pace", "window",
        "batch_window", "long_window", "building", "behind", "lock",
    }
)  # fmt: skip
#: Kinds that hold open work: there is none once every job has ended.
WORK: Final = frozenset(
    {"open", "lane", "owners", "later", "inflight", "company", "long", "opened", "claim"}
)


def stray_keys(redis: Redis) -> list[str]:
    """Return the keys that have no time to live and no owner, and those of work that is open."""
    stray = []
    for name in redis.scan_iter(match=f"{PREFIX}*", count=1_000):
        if name.startswith(CELERY_PREFIX):
            continue
        kind = name.removeprefix(PREFIX).split(":", 1)[0]
        if kind in WORK or (kind not in OWNED and redis.ttl(name) == -1):
            stray.append(name)
    return sorted(stray)


def processes_of(folder: Path) -> list[str]:
    """Return the processes that were started for a data folder and still run."""
    left = []
    for process in psutil.process_iter(["pid", "cmdline", "environ"]):
        environment = process.info["environ"] or {}
        if environment.get("QUERN_DATA_DIR") == str(folder):
            left.append(f"{process.info['pid']} {' '.join(process.info['cmdline'] or ())[:80]}")
    return left
