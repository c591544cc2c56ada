"""The change log of a collection: what followers of the vector store have to apply."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson
from redis import Redis

from corpus.catalogue.garbage import split_member
from protocol import timings
from protocol.clock import now_ms
from protocol.ids import new_id
from protocol.keys import key
from protocol.scripts import Scripts

#: Between two looks at the followers, at first and at last.
FIRST_POLL_S = 0.02
LAST_POLL_S = 0.1
#: Logs that are looked at in one trip.
LOOKED_AT = 250
#: Logs that are trimmed in one trip.
TRIMMED = 50


@dataclass(frozen=True, slots=True)
class Entry:
    """One change: `add` a generation's chunks, or `drop` them."""

    id: str
    op: Literal["add", "drop"]
    document: str
    generation: int
    chunks: int


@dataclass(frozen=True, slots=True)
class LogState:
    """
    How a log stands.

    It is *unused* where it never had an entry and nothing is current, *lost* where its entries or
    its state vanished, and *audited* where replicas are asked to check their own index.
    """

    log_epoch: str
    trimmed_to: str
    unused: bool
    lost: bool
    audited: bool


@dataclass(frozen=True, slots=True)
class RebuildStart:
    """From where a rebuilt index goes on, and what was on its way when the rebuild began."""

    log_epoch: str
    cursor: str
    pending: list[tuple[str, int, int]]


class ChangeLog:
    """Read the log, say how far a follower is, and wait until all live ones have an entry."""

    def __init__(self, redis: Redis, scripts: Scripts) -> None:
        self._redis = redis
        self._run = scripts

    def follow(
        self, collection_id: str, follower: str, cursor: str, *, rebuilding: bool = False
    ) -> tuple[str, str] | None:
        """
        Record a live follower's cursor; return (log epoch, trimmed to), None if gone.

        For one that is *rebuilding*, or cannot follow at present, no publish waits.
        """
        epoch, trimmed_to = self._run("follow", collection_id, follower, cursor, int(rebuilding))
        return (epoch, trimmed_to) if epoch else None

    def unfollow(self, collection_ids: Iterable[str], follower: str) -> None:
        """Record that a follower has stopped, so that no publish waits for it."""
        pipe = self._redis.pipeline(transaction=False)
        for collection_id in collection_ids:
            pipe.zrem(key("followers", collection_id), follower)
        pipe.execute()

    def states(self, collection_ids: Iterable[str]) -> dict[str, LogState]:
        """Look at many logs, in one trip for some hundreds of them."""
        wanted, found = list(collection_ids), {}
        for first in range(0, len(wanted), LOOKED_AT):
            some = wanted[first : first + LOOKED_AT]
            pipe = self._redis.pipeline(transaction=False)
            for collection_id in some:
                state = key("log_state", collection_id)
                pipe.hmget(state, ["epoch", "trimmed_to", "tail", "last_add"])
                pipe.exists(key("log", collection_id))
                pipe.hlen(key("current", collection_id))
                pipe.exists(key("audit", collection_id))
            answers = pipe.execute()
            for at, collection_id in enumerate(some):
                (epoch, trimmed_to, *entries), there, current, audited = answers[
                    4 * at : 4 * at + 4
                ]
                used = any(entries)
                found[collection_id] = LogState(
                    epoch or "", trimmed_to or "0-0", audited=bool(audited),
                    unused=bool(epoch) and not used and not current,
                    lost=not epoch or (used and not there),
                )  # fmt: skip
        return found

    def read(self, collection_id: str, cursor: str, *, most: int = 500) -> list[Entry]:
        """Return entries after *cursor*."""
        rows = self._redis.xrange(key("log", collection_id), f"({cursor}", "+", count=most)
        return [_entry(entry_id, fields) for entry_id, fields in rows]

    def rebuild_start(self, collection_id: str, follower: str) -> RebuildStart | None:
        """Fix where a rebuild goes on from; None where the collection is gone."""
        answer = self._run("rebuild_start", collection_id, follower)
        if not answer[0]:
            return None
        return RebuildStart(answer[0], answer[1], [split_member(m) for m in answer[2:]])

    def last_add(self, collection_id: str) -> str:
        """Return the log entry of the newest activation: an index behind it lacks current text."""
        return self._redis.hget(key("log_state", collection_id), "last_add") or "0-0"

    def newest(self, collection_id: str) -> tuple[str, str]:
        """Return the log entry of the newest activation, and the log's epoch."""
        entry, epoch = self._redis.hmget(key("log_state", collection_id), ["last_add", "epoch"])
        return entry or "0-0", epoch or ""

    def wait_for_followers(
        self, collection_id: str, entry: str, *, give_up: Callable[[], None]
    ) -> bool:
        """
        Wait until every live follower has committed *entry*, at most two seconds.

        Tells whether at least one live follower has it: otherwise sparse search lacks it yet.
        *give_up* is called between looks and may raise.
        """
        until = time.monotonic() + timings.PUBLISH_WAIT_S
        pause = FIRST_POLL_S
        while True:
            live = self.live(collection_id)
            have = [name for name, cursor in live.items() if not_before(cursor, entry)]
            if not live or len(have) == len(live) or time.monotonic() > until:
                return bool(have)
            give_up()
            time.sleep(pause)
            pause = min(pause * 1.5, LAST_POLL_S)

    def repair(self, collection_id: str, *, dry_run: bool = False) -> bool:
        """Begin a vanished log anew, for followers to rebuild; returns True if it had vanished."""
        return bool(self._run("mend_log", collection_id, int(dry_run))[0])

    def add_again(
        self, collection_id: str, document: str, generation: int, chunks: int, *, vector_index: str
    ) -> bool:
        """
        Append `add` again: chunks of a current generation are back in *vector_index*.

        Of one that is not current any more, they are garbage. False where another vector index is
        in use now, so that nobody reads them.
        """
        answer = self._run("add_again", collection_id, document, generation, chunks, vector_index)
        return bool(answer[0])

    def trim(self, collection_ids: Sequence[str]) -> None:
        """Forget what every live follower has, and what is too old or too much."""
        for first in range(0, len(collection_ids), TRIMMED):
            calls = [[one] for one in collection_ids[first : first + TRIMMED]]
            for answer in self._run.many("trim", calls):
                if isinstance(answer, Exception):
                    raise answer

    def attend(self, follower: str) -> None:
        """Record that a follower process is alive; it follows every collection, new ones too."""
        self._redis.zadd(key("replicas"), {follower: now_ms(self._redis)})

    def leave(self, follower: str) -> None:
        """Record that a follower process has stopped, so that no publish waits for it."""
        self._redis.zrem(key("replicas"), follower)

    def newest_news(self) -> str:
        """Return the id of the last announcement of a collection."""
        last = self._redis.xrevrange(key("news"), count=1)
        return str(last[0][0]) if last else "0-0"

    # Audits ----------------------------------------------------------------------------------

    def ask_audit(self, collection_id: str, *, repair: bool) -> tuple[str, list[str]]:
        """Ask every live replica to check its own index; returns a ticket and who shall answer."""
        ticket = new_id()
        pipe = self._redis.pipeline(transaction=False)
        pipe.hset(key("audit", collection_id), ticket, int(repair))
        pipe.pexpire(key("audit", collection_id), timings.AUDIT_MS)
        # Followers listen to the news; they look for tickets when they hear any.
        pipe.xadd(key("news"), {"audit": collection_id}, maxlen=1000)
        pipe.execute()
        return ticket, sorted(self.live(collection_id))

    def audits(self, collection_id: str) -> dict[str, bool]:
        """Return the tickets of audits that are asked for, and whether to repair."""
        asked = self._redis.hgetall(key("audit", collection_id))
        return {ticket: repair == "1" for ticket, repair in asked.items()}

    def answer_audit(self, ticket: str, follower: str, answer: Mapping[str, Any]) -> None:
        """Record what a replica found."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.hset(key("answers", ticket), follower, orjson.dumps(answer).decode())
        pipe.pexpire(key("answers", ticket), timings.AUDIT_MS)
        pipe.execute()

    def audit_answers(self, ticket: str) -> dict[str, dict[str, Any]]:
        """Return what replicas have answered so far."""
        said = self._redis.hgetall(key("answers", ticket))
        return {follower: orjson.loads(text) for follower, text in said.items()}

    def end_audit(self, collection_id: str, ticket: str) -> None:
        """Stop asking."""
        self._redis.hdel(key("audit", collection_id), ticket)
        self._redis.unlink(key("answers", ticket))

    def live(self, collection_id: str) -> dict[str, str]:
        """Return the cursor of every live follower; one that has not begun yet is at the start."""
        flat = self._run("standing", collection_id)
        return dict(zip(flat[::2], flat[1::2], strict=True))


def not_before(a: str, b: str) -> bool:
    """Return True if stream entry *a* is *b* or later."""
    return _order(a) >= _order(b)


def _order(entry: str) -> tuple[int, int]:
    """Turn `milliseconds-n` into numbers that compare."""
    millis, _, n = entry.partition("-")
    return int(millis or 0), int(n or 0)


def _entry(entry_id: str, fields: dict[str, str]) -> Entry:
    """Read a log entry."""
    return Entry(
        id=entry_id,
        op="add" if fields["op"] == "add" else "drop",
        document=fields["document"],
        generation=int(fields["generation"]),
        chunks=int(fields["chunks"]),
    )
