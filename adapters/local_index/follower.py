"""The follower: keeps this replica's sparse indexes in step with the vector store."""

import logging
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from redis import Redis
from redis.exceptions import RedisError

from adapters.local_index.chunk_source import ChunkSource
from adapters.local_index.errors import IndexUnusable
from adapters.local_index.follower_lag import lag
from adapters.local_index.index_audit import Answer, Auditor
from adapters.local_index.local_index import LocalIndex
from adapters.local_index.log_applier import LogApplier
from adapters.local_index.open_indexes import OpenIndexes, Standing
from adapters.local_index.rebuilding import Rebuilder
from adapters.local_index.replica_reader import ReplicaReader
from adapters.local_index.setbacks import Setbacks
from adapters.local_index.slot import Slot
from corpus.catalogue.catalogue import Catalogue
from corpus.change_log import ChangeLog, not_before
from protocol import timings
from protocol.keys import key
from rag.ports import VectorStore
from rag.reading_ports import ReplicaIndex
from runtime.background import BackgroundThread

log = logging.getLogger(__name__)

#: Entries that follow the first so closely are applied with it, and commits keep this distance.
GATHER_S = 0.01
COMMIT_S = 0.1
#: Logs of closed indexes are looked at so often: what is appended to them is heard of at once.
LOOK_S = 30.0


class Follower:
    """
    Follow the change log of every collection; *reader* answers searches from what is applied.

    The index is derived and local: lost, corrupt, of another version, or behind the log's
    beginning, it is built anew beside the old one and swapped.

    Args:
        slot: Where the indexes lie.

        redis: For reading the logs; its connection blocks.

        catalogue: Which collections there are, and what is current.

        change_log: What to apply.

        vectors: Where the chunks come from.
    """

    def __init__(
        self,
        slot: Slot,
        *,
        redis: Redis,
        catalogue: Catalogue,
        change_log: ChangeLog,
        vectors: VectorStore,
        open_index: Callable[[Path], ReplicaIndex] = LocalIndex.open,
    ) -> None:
        self._slot = slot
        self._redis = redis
        self._catalogue = catalogue
        self._change_log = change_log
        self._open_index = open_index
        self._audited: dict[str, set[str]] = {}  # tickets of checks that were answered
        self._news = ""  # the last announcement of a collection that was heeded
        self._wanted: set[str] = set()  # collections whose folders may stay
        self._sign_at = self._look_at = 0.0  # by the monotonic clock
        self._thread = BackgroundThread("follower", self._turn, join_s=10)
        self._indexes = OpenIndexes(slot.folder, open_index)
        self._setbacks = Setbacks(
            lambda name: change_log.follow(name, slot.name, "", rebuilding=True)
        )
        self.reader = ReplicaReader(self._indexes, change_log)
        self._source = ChunkSource(vectors, catalogue)
        self._rebuilder = Rebuilder(
            slot, self._indexes, open_index=open_index, source=self._source, catalogue=catalogue,
            change_log=change_log, setbacks=self._setbacks,
        )  # fmt: skip
        self._applier = LogApplier(
            slot.name, self._indexes, source=self._source, change_log=change_log,
            rebuilder=self._rebuilder,
        )  # fmt: skip

    def __enter__(self) -> Self:
        """Start following."""
        self._rebuilder.thread.start()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop following and let the indexes go."""
        self._thread.close()
        self._rebuilder.thread.stop()
        self._thread.stop()
        try:
            self._change_log.leave(self._slot.name)
            self._change_log.unfollow(self._indexes.cursors(), self._slot.name)
        except RedisError as away:
            log.debug("not signed off", extra={"reason": str(away)})
        self._indexes.close()
        self._slot.close()

    def report(self) -> dict[str, Any]:
        """Return how far this replica is behind, for the heartbeat; see `follower_lag`."""
        return lag(
            self._redis,
            collections=self._catalogue.collections.collection_ids(),
            cursors=self._indexes.cursors(),
            rebuilding=self._rebuilder.rebuilding,
        )

    def _turn(self) -> float:
        """Apply what the logs say; returns how long to rest: what is away is waited for."""
        try:
            if time.monotonic() >= self._sign_at:
                self._open_and_sign()
                self._sign_at = time.monotonic() + timings.RENEW_S
            self._apply_waiting()
        except RedisError as error:
            log.warning("following interrupted", extra={"reason": str(error)})
            return 1.0
        return 0.0

    def _open_and_sign(self) -> None:
        """Take note of new collections, drop old ones, and say how far the open indexes are."""
        if not self._news:
            self._news = self._change_log.newest_news()
        self._change_log.attend(self._slot.name)
        wanted = set(self._catalogue.collections.collection_ids().values())
        known = self._indexes.cursors().keys()
        for gone in known - wanted:
            self._indexes.drop(gone)
            self._audited.pop(gone, None)
        if wanted != self._wanted:
            self._clear_away(wanted)
        for collection_id in self._indexes.all():
            self._attempt(collection_id, self._sign)
        is_due = time.monotonic() >= self._look_at
        self._look(wanted - (self._indexes.all().keys() if is_due else known))
        if is_due:
            self._look_at = time.monotonic() + LOOK_S
        self._indexes.close_idle()

    def _clear_away(self, wanted: set[str]) -> None:
        """Remove the folders of collections that are gone."""
        for folder in self._slot.folder.iterdir():
            if folder.is_dir() and folder.name.removesuffix(".new") not in wanted:
                shutil.rmtree(folder, ignore_errors=True)
        self._setbacks.keep(wanted)
        self._wanted = wanted

    def _look(self, collection_ids: Iterable[str]) -> None:
        """Look at logs whose indexes are not open, and open those that cannot stay closed."""
        for collection_id, state in self._change_log.states(collection_ids).items():
            standing = self._indexes.standing(collection_id)
            if state.unused:
                self._indexes.put_closed(collection_id, Standing("", state.log_epoch, 0))
            elif (
                standing is None
                or standing.log_epoch != state.log_epoch
                or state.lost
                or not not_before(standing.cursor, state.trimmed_to)
            ):
                self._attempt(collection_id, self._sign)
                self._indexes.close_idle()
            if state.audited:
                self._attempt(collection_id, self._audit)

    def _sign(self, collection_id: str) -> None:
        """Report this replica's sign of life and cursors; rebuild an index that cannot catch up."""
        index = self._indexes.peek(collection_id)
        if index is None:
            try:
                index = self._opened(collection_id)
            except IndexUnusable as error:
                log.warning(
                    "index unusable", extra={"collection_id": collection_id, "reason": str(error)}
                )
                self._rebuilder.ask(collection_id)
                return
        usable = None
        try:
            usable = self._applier.usable(collection_id, index)
        finally:
            # Opened here and not taken: its files must not stay open.
            if not usable and self._indexes.peek(collection_id) is not index:
                index.close()
        if usable and index.intact():
            self._indexes.put(collection_id, index)
        elif usable is not None:
            self._rebuilder.ask(collection_id)
        self._audit(collection_id)

    def _opened(self, collection_id: str) -> ReplicaIndex:
        """Open a collection's index, or make one."""
        index = self._indexes.get(collection_id)
        if index is not None:
            return index
        index = self._open_index(self._slot.folder / collection_id)
        unused = self._indexes.standing(collection_id)
        if unused is not None and unused.log_epoch and not index.cursor:
            # The log had no entry when it was looked at: nothing but its entries is missing.
            index.commit(cursor="0-0", log_epoch=unused.log_epoch)
        return index

    def _audit(self, collection_id: str) -> None:
        """Compare an index with the catalogue for each check that asks for it."""
        asked = self._change_log.audits(collection_id)
        done = self._audited.pop(collection_id, set()).intersection(asked)
        for ticket, repair in asked.items():
            if ticket in done:
                continue
            answer = self._audit_answer(collection_id, repair=repair)
            if answer is None:
                continue
            done.add(ticket)
            say = partial(self._change_log.answer_audit, ticket, self._slot.name, answer.as_json())
            if answer.rebuild:
                self._rebuilder.ask(collection_id, then=say)
            else:
                say()
        if done:
            self._audited[collection_id] = done

    def _audit_answer(self, collection_id: str, *, repair: bool) -> Answer | None:
        """Compare an index with the catalogue; None where there is none, or it is built anew."""
        index = self._indexes.get(collection_id)
        if index is not None:
            self._applier.apply(collection_id, index)
        if self._rebuilder.has(collection_id):
            return None
        if index is None:
            # Into this collection nothing was ever published.
            unused = self._indexes.standing(collection_id) is not None
            return Answer(self._slot.name, repair) if unused else None
        auditor = Auditor(
            self._slot.name, catalogue=self._catalogue, change_log=self._change_log,
            fetch=partial(self._source.generation, collection_id),
        )  # fmt: skip
        answer = auditor.audit(collection_id, index, repair=repair)
        if repair and not answer.rebuild:
            self._indexes.announce(collection_id)
        return answer

    def _apply_waiting(self) -> None:
        """Wait a moment for entries of any log, and apply them in one commit per collection."""
        cursors = {
            key("log", name): cursor
            for name, cursor in self._indexes.cursors().items()
            if not self._left_aside(name)
        }
        streams = self._redis.xread(cursors | {key("news"): self._news}, count=1, block=500)
        if streams:
            # Entries of one publish follow each other closely, and a commit costs as much for one.
            self._thread.pause(
                max(GATHER_S, self._applier.committed_at + COMMIT_S - time.monotonic())
            )
        for stream, entries in streams or []:
            if stream == key("news"):
                self._heed(*entries[0])
                continue
            self._attempt(stream.rsplit(":", 1)[-1], self._catch_up)
            self._indexes.close_idle()

    def _attempt(self, collection_id: str, step: Callable[[str], object]) -> None:
        """Do something for a collection that is not left aside; a fault of it is its alone."""
        if not self._left_aside(collection_id):
            with self._setbacks.scope(collection_id):
                step(collection_id)

    def _left_aside(self, collection_id: str) -> bool:
        """Return True if a collection is not to be followed now: it is built anew, or failed."""
        return self._rebuilder.has(collection_id) or self._setbacks.waits(collection_id)

    def _catch_up(self, collection_id: str) -> None:
        """Apply what the log of one collection says, opening its index if need be."""
        if self._indexes.peek(collection_id) is None:
            self._sign(collection_id)
        index = self._indexes.peek(collection_id)
        if index is not None:
            self._applier.apply(collection_id, index)

    def _heed(self, entry_id: str, announced: Mapping[str, str]) -> None:
        """Look at the one collection that was made, whose log began anew, or that is audited."""
        self._news = entry_id
        if "audit" in announced:
            self._attempt(announced["audit"], self._audit)
        else:
            self._look([announced["made"]])
