"""Health checks of what follows a job's end: its record goes to the archive, webhooks are sent."""

import time
from typing import Final

from redis import Redis

from protocol.keys import key
from protocol.timings import ARCHIVE_WAIT_S, WEBHOOK_MOST_DUE
from web.health.check import Check, Status

#: Records wait for ARCHIVE_WAIT_S in order, at most; those that wait longer for a minute on end,
#: as after a start, are not being moved.
ARCHIVE_LATE_S: Final = 3 * ARCHIVE_WAIT_S
PATIENCE_S: Final = 60.0
#: Of the messages that may wait, so many are many.
MANY_WAIT: Final = 0.8
#: So long it is told that messages were not recorded.
DROPPED_S: Final = 3_600.0


class Backlogs:
    """Look at what waits for the archive and for receivers; remembers since when it is late."""

    def __init__(self) -> None:
        self._late_since: float | None = None

    def probe(self, redis: Redis) -> list[Check]:
        """Return the checks, after one trip to the queue Redis."""
        pipe = redis.pipeline(transaction=False)
        pipe.time()
        pipe.zcard(key("ended"))
        pipe.zrange(key("ended"), 0, 0, withscores=True)
        pipe.zcard(key("deliveries"))
        pipe.hget(key("tallies"), "webhooks_dropped_at")
        (seconds, _), ended, oldest, deliveries, dropped_ms = pipe.execute()
        since = min([seconds, *(ended_ms / 1000 for _, ended_ms in oldest)])
        dropped_s = seconds - int(dropped_ms or 0) / 1000
        return [
            self.archive(ended, oldest_s=seconds - since, now_s=time.monotonic()),
            webhooks(deliveries, dropped_s=dropped_s),
        ]

    def archive(self, rows: int, *, oldest_s: float, now_s: float) -> Check:
        """Judge how long the records of ended jobs wait; *now_s* is by the monotonic clock."""
        if oldest_s < ARCHIVE_LATE_S:
            self._late_since = None
        elif self._late_since is None:
            self._late_since = now_s
        late = self._late_since is not None and now_s - self._late_since >= PATIENCE_S
        output = (
            f"records of ended jobs have waited for the archive for {oldest_s / 60:.0f} min and "
            "take memory of the queue Redis: look whether the data disk is full, and for "
            "`archiver` in the logs of the workers"
        )
        return Check(
            "archive:waiting", "warn" if late else "pass", "system", value=rows, unit="rows",
            output=output if late else None, details={"oldest_s": round(oldest_s, 1)},
        )  # fmt: skip


def webhooks(waiting: int, *, dropped_s: float) -> Check:
    """Judge how many webhook messages wait, and that *dropped_s* ago one was not recorded."""
    status: Status = "pass"
    output = None
    if dropped_s < DROPPED_S:
        status = "warn"
        output = (
            f"within the last hour jobs ended whose webhooks are never sent, because "
            f"{WEBHOOK_MOST_DUE:,} waited already: look at `quern webhooks`"
        )
    elif waiting >= MANY_WAIT * WEBHOOK_MOST_DUE:
        status = "warn"
        output = (
            f"{waiting:,} messages wait to be sent, and beyond {WEBHOOK_MOST_DUE:,} none is "
            "recorded: look at `quern webhooks`"
        )
    return Check("webhooks:waiting", status, "system", value=waiting, unit="waiting", output=output)
