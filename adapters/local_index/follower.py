"""The follower: keeps this replica's sparse indexes in step with the vector store."""

import logging
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from redis import Redis
from redis.exceptions import RedisError

from adapters.local_index.chunk_source import ChunkSource
from adapters.local_index.errors import IndexUnusable
from adapters.local_index.follower_lag import lag
from adapters.local_index.index_audit import Auditor
from adapters.local_index.local_index import LocalIndex
from adapters.local_index.log_applier import LogApplier
from adapters.local_index.open_indexes import OpenIndexes
from adapters.local_index.rebuilding import Rebuilder
from adapters.local_index.replica_reader import ReplicaReader
from adapters.local_index.slot import Slot
from corpus.catalogue.catalogue import Catalogue
from corpus.change_log import ChangeLog
from protocol import timings
from protocol.keys import key
from rag.errors import StoreUnavailable
from rag.ports import VectorStore
from rag.reading_ports import ReplicaIndex
from runtime.background import BackgroundThread

log = logging.getLogger(__name__)

#: Entries that follow the first so closely are applied with it, and commits keep this distance.
GATHER_S = 0.01
COMMIT_S = 0.1


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
        self._news = "0-0"  # the last announcement of a collection that was heeded
        self._sign_at = 0.0  # by the monotonic clock
        self._thread = BackgroundThread("follower", self._turn, join_s=10)
        self._indexes = OpenIndexes()
        self.reader = ReplicaReader(self._indexes, change_log)
        self._source = ChunkSource(vectors, catalogue)
        self._rebuilder = Rebuilder(
            slot, self._indexes, open_index=open_index, source=self._source, catalogue=catalogue,
            change_log=change_log, given_up=lambda: self._thread.closing,
        )  # fmt: skip
        self._applier = LogApplier(
            slot.name, self._indexes, source=self._source, change_log=change_log,
            rebuilder=self._rebuilder,
        )  # fmt: skip

    def __enter__(self) -> Self:
        """Start following."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop following and let the indexes go."""
        self._thread.stop()
        try:
            self._change_log.leave(self._slot.name)
            for collection_id in self._indexes.all():
                self._change_log.unfollow(collection_id, self._slot.name)
        except RedisError as away:
            log.debug("not signed off", extra={"reason": str(away)})
        self._indexes.close()
        self._slot.close()

    def report(self) -> dict[str, Any]:
        """Return how far this replica is behind, for the heartbeat; see `follower_lag`."""
        return lag(
            self._redis,
            collections=self._catalogue.collections.collection_ids(),
            cursors=self._cursors(),
            rebuilding=self._rebuilder.rebuilding,
        )

    def _turn(self) -> float:
        """Apply what the logs say; returns how long to rest: what is away is waited for."""
        try:
            if time.monotonic() >= self._sign_at:
                self._open_and_sign()
                self._sign_at = time.monotonic() + timings.RENEW_S
            self._apply_waiting()
        except (RedisError, StoreUnavailable) as error:
            log.warning("following interrupted", extra={"reason": str(error)})
            return 1.0
        except Exception:
            # A fault in one collection must not keep the others waiting; it is tried again.
            log.exception("following failed")
            return 5.0
        return 0.0

    def _open_and_sign(self) -> None:
        """Open the indexes of new collections, drop those of old ones, say how far all are."""
        self._news = self._change_log.newest_news()
        self._change_log.attend(self._slot.name)
        wanted = set(self._catalogue.collections.collection_ids().values())
        for gone in self._indexes.all().keys() - wanted:
            self._indexes.drop(gone)
            shutil.rmtree(self._slot.folder / gone, ignore_errors=True)
        for folder in self._slot.folder.iterdir():
            if folder.is_dir() and folder.name.removesuffix(".new") not in wanted:
                shutil.rmtree(folder, ignore_errors=True)
        for collection_id in wanted:
            self._sign(collection_id)

    def _sign(self, collection_id: str) -> None:
        """Report this replica's sign of life and cursors; rebuild an index that cannot catch up."""
        index = self._indexes.get(collection_id)
        if index is None:
            try:
                index = self._open_index(self._slot.folder / collection_id)
            except IndexUnusable as error:
                log.warning(
                    "index unusable", extra={"collection_id": collection_id, "reason": str(error)}
                )
                self._rebuilder.rebuild(collection_id)
                return
        usable = None
        try:
            usable = self._applier.usable(collection_id, index)
        finally:
            # Opened here and not taken: its files must not stay open.
            if not usable and self._indexes.get(collection_id) is not index:
                index.close()
        if usable and index.intact():
            self._indexes.put(collection_id, index)
        elif usable is not None:
            self._rebuilder.rebuild(collection_id)
        self._audit(collection_id)

    def _audit(self, collection_id: str) -> None:
        """Compare an index with the catalogue for each check that asks for it."""
        asked = self._change_log.audits(collection_id)
        done = self._audited.setdefault(collection_id, set())
        done.intersection_update(asked)
        for ticket, repair in asked.items():
            index = self._indexes.get(collection_id)
            if ticket in done or index is None:
                continue
            self._applier.apply(collection_id, index)
            index = self._indexes.get(collection_id) or index  # applying may have built it anew
            auditor = Auditor(
                self._slot.name, catalogue=self._catalogue, change_log=self._change_log,
                fetch=partial(self._source.generation, collection_id),
            )  # fmt: skip
            answer = auditor.audit(collection_id, index, repair=repair)
            if answer.rebuild:
                self._rebuilder.rebuild(collection_id)
            self._change_log.answer_audit(ticket, self._slot.name, answer.as_json())
            done.add(ticket)

    def _apply_waiting(self) -> None:
        """Wait a moment for entries of any log, and apply them in one commit per collection."""
        cursors = {key("log", name): cursor for name, cursor in self._cursors().items()}
        streams = self._redis.xread(cursors | {key("news"): self._news}, count=1, block=500)
        if streams:
            # Entries of one publish follow each other closely, and a commit costs as much for one.
            self._thread.pause(
                max(GATHER_S, self._applier.committed_at + COMMIT_S - time.monotonic())
            )
        for stream, _ in streams or []:
            if stream == key("news"):
                self._open_and_sign()
                continue
            collection_id = stream.rsplit(":", 1)[-1]
            index = self._indexes.get(collection_id)
            if index is not None:
                self._applier.apply(collection_id, index)

    def _cursors(self) -> dict[str, str]:
        """Return the last applied entry of each open index, by collection id."""
        return {name: index.cursor or "0-0" for name, index in self._indexes.all().items()}
