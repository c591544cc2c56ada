"""Maintenance by the worker with the lock: rescuer, garbage collector, background check."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Final, Self

from redis.exceptions import RedisError

from corpus.archiver import Archiver
from corpus.catalogue.catalogue import Catalogue
from corpus.check_and_repair.checker import Checker, Step, Walk
from corpus.check_and_repair.findings import Report
from corpus.storage import Storage
from jobs.heartbeats import batch_windows, live_workers, long_window, windows
from jobs.long_jobs import LongJobs
from protocol import timings
from protocol.ids import new_id
from protocol.keys import key
from protocol.messages import CLASSES, ROLES
from rag.documents import chunk_id
from rag.errors import StoreUnavailable
from rag.ports import VectorStore
from runtime.background import BackgroundThread
from workers.blob_sweeper import BlobSweeper
from workers.rounds import Rounds
from workers.shedder import Shedder

log = logging.getLogger(__name__)

#: The lock is taken, or kept, in one step: two holders would only do the work twice.
_KEEP: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) and 1 or 0
"""


class PeriodicService:
    """
    A thread that does something in turns, in one process of all at a time.

    Args:
        storage: Where the lock is.

        name: Of the lock and the thread.

        every_s: From the end of a turn to the next.

        turn: What is done while the lock is ours.

        reached: Told at each look at the lock that Redis answers, whoever holds it.
    """

    def __init__(
        self,
        storage: Storage,
        *,
        name: str,
        every_s: float,
        turn: Callable[[], None],
        reached: Callable[[], None] | None = None,
    ) -> None:
        self._name = name
        self._every_s = every_s
        self._turn = turn
        self._reached = reached
        self._me = new_id()
        self._keep = storage.redis.register_script(_KEEP)
        self._thread = BackgroundThread(name, self._take_turn, first_s=every_s)

    def __enter__(self) -> Self:
        """Start."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop after the present turn."""
        self._thread.stop()

    @property
    def closing(self) -> bool:
        """Whether a long turn should end."""
        return self._thread.closing

    def _take_turn(self) -> float:
        """Take a turn while the lock is ours; what is away is waited for."""
        try:
            lock = key("lock", self._name)
            mine = self._keep(keys=[lock], args=[self._me, timings.LOCK_MS])
            if self._reached is not None:
                self._reached()
            if mine:
                self._turn()
        except (RedisError, StoreUnavailable) as error:
            log.warning(
                "periodic service put off", extra={"service": self._name, "reason": str(error)}
            )
        except Exception:
            # A fault in one turn must not end the service for good.
            log.exception("periodic service failed", extra={"service": self._name})
        return self._every_s


class Rescuer:
    """Fills windows, sends lost messages again, ends what is late. One second a turn."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._reached_at: float | None = None
        self._returned_at = float("-inf")

    def reached(self) -> None:
        """Note that Redis answers; after a gap it, or this process, was away."""
        now = time.monotonic()
        gap_s = timings.SWEEP_GAP_MS / 1000
        if self._reached_at is not None and now - self._reached_at > gap_s:
            self._returned_at = now
        self._reached_at = now

    def turn(self) -> None:
        """Look at every role once."""
        self.reached()
        away = time.monotonic() - self._returned_at < timings.SWEEP_GAP_MS / 1000
        redis, ledger = self._storage.redis, self._storage.ledger
        run_id = str(redis.info("server")["run_id"])
        workers = live_workers(redis)
        sizes, batch_sizes = windows(workers), batch_windows(workers)
        long_size = long_window(workers)
        for role in ROLES:
            if role in sizes:
                ledger.maintenance.dispatch(
                    role, window=sizes[role], batch_window=batch_sizes.get(role),
                    long_window=long_size,
                )  # fmt: skip
            ledger.maintenance.rescue(role, consumed=role in sizes, run_id=run_id, away=away)
        for unit_class in CLASSES:
            ledger.maintenance.expire(unit_class)


class GarbageCollector:
    """
    Deletes what no search can read any more, and trims logs.

    Args:
        vectors: Asked by collection id; see `corpus.current_vectors.CurrentVectors`.
    """

    def __init__(self, storage: Storage, vectors: VectorStore) -> None:
        self._storage = storage
        self._vectors = vectors
        self._cleared_at = self._trimmed_at = float("-inf")
        self._dropped: set[str] = set()

    def turn(self) -> None:
        """Collect due garbage; each hour also clear deleted collections, and expired files."""
        catalogue = self._storage.catalogue
        # Of a thousand collections few have anything to do: all are looked at in a few trips.
        collection_ids = list(catalogue.collections.collection_ids().values())
        for collection_id in catalogue.garbage.waiting(collection_ids):
            self.collect(collection_id)
        for collection_id in catalogue.vector_indexes.unfinished(collection_ids):
            if catalogue.vector_indexes.abandon(collection_id):
                log.info("unfinished vector index dropped", extra={"collection_id": collection_id})
        self.drop_retired()
        now = time.monotonic()
        if now - self._trimmed_at > timings.TRIM_S:
            self._storage.change_log.trim(collection_ids)
            self._trimmed_at = now
        if now - self._cleared_at > timings.CHECK_S:
            self.drop_expired_stores()
            self._storage.files.forget_expired()
            self.clear_deleted_collections()
            self._dropped.clear()
            self._cleared_at = now

    def collect(self, collection_id: str) -> None:
        """Delete due generations by their ids, then append `drop`; repeats are harmless."""
        catalogue = self._storage.catalogue
        until = time.monotonic() + timings.COLLECT_GARBAGE_S
        while (due := catalogue.garbage.due(collection_id)) and time.monotonic() < until:
            self._vectors.delete(
                collection_id,
                [
                    chunk_id(document, generation, n)
                    for document, generation, chunks in due
                    for n in range(chunks)
                ],
            )
            for document, generation, chunks in due:
                catalogue.garbage.dropped(collection_id, document, generation, chunks)

    def clear_deleted_collections(self) -> None:
        """
        Remove what was written into deleted collections since, and what their job did not reach.

        A publish under way makes the collection anew in the vector store, and a row that ends
        late leaves garbage under the dropped collection.
        """
        catalogue = self._storage.catalogue
        for collection_id in catalogue.collections.deleted_collections():
            self._vectors.drop(collection_id)
            catalogue.collections.forget(collection_id)
        catalogue.collections.forget_deleted(older_than_s=timings.DELETED_COLLECTION_S)

    def drop_expired_stores(self) -> None:
        """Drop vector stores that nobody has used since they expired, a week ago."""
        records = self._storage.store_records
        names = self._storage.catalogue.collections.collection_ids()
        for record in records.several(list(names.values())):
            if record is None or record.expires_days is None:
                continue
            if collection_id := records.drop_expired(record.name):
                log.info("expired store dropped", extra={"collection_id": collection_id})

    def drop_retired(self) -> None:
        """
        Drop vector indexes that a reindex replaced, once no search can still read them.

        Each again at every check for as long as deleted collections are cleared: a publish under
            way then may
        have made one anew.
        """
        vector_indexes = self._storage.catalogue.vector_indexes
        for vector_index in vector_indexes.retired(older_than_s=timings.GARBAGE_MS / 1000):
            if vector_index not in self._dropped:
                self._vectors.drop(vector_index)
                self._dropped.add(vector_index)
        vector_indexes.forget_retired(older_than_s=timings.DELETED_COLLECTION_S)


class BackgroundCheck:
    """
    Checks and repairs in the background: at start, and then each hour, a little at a time.

    A turn is short and the pause after it long, so that Chroma and this worker have time for what
    people wait for; while people search it is shorter still. After each it is kept how far the walk
    is: the next holder of the lock, after a restart too, goes on there. Collections that no
    catalogue knows are left to people: another Quern may use the same Chroma.
    """

    def __init__(self, checker: Checker, catalogue: Catalogue) -> None:
        self._checker = checker
        self._catalogue = catalogue
        self._labelled: set[str] = set()
        self._walking: Walk | None = None
        self._rounds = Rounds(
            self._walk, every_s=timings.CHECK_S, turn_s=timings.CHECK_TURN_S, at_once=True
        )

    def turn(self) -> None:
        """Walk on for half a second; begin anew an hour after the last end."""
        collection_ids = list(self._catalogue.collections.collection_ids().values())
        # Others have no vectors to write a label beside.
        written = self._catalogue.vector_indexes.written(collection_ids)
        for collection_id, vector_index in written.items():
            if vector_index.name not in self._labelled and self._checker.label(collection_id):
                self._labelled.add(vector_index.name)
        self._labelled.intersection_update(one.name for one in written.values())
        if self._rounds.rests:
            return
        searched = self._checker.searches.lately()
        self._rounds.turn(turn_s=timings.CHECK_SHARED_TURN_S if searched else timings.CHECK_TURN_S)
        if self._walking is not None:
            self._catalogue.repairs.keep_check(self._walking.standing(reports=False))

    def _walk(self) -> Iterator[Step]:
        """Walk to the end, from where a walk was left, and log what is found, if anything."""
        repairs = self._catalogue.repairs
        walk = self._walking = self._checker.walk(
            None, repair=True, adopt=False, patient=True, after=repairs.check_stands_at()
        )
        told = 0
        for step in walk:
            yield step
            for report in walk.reports[told:]:
                _tell(report)
            told = len(walk.reports)
        for report in walk.reports[told:]:
            _tell(report)
        self._walking = None
        repairs.keep_check(None)


def _tell(report: Report) -> None:
    """Log what was found of a collection; nothing where all agrees."""
    if report.found:
        log.warning(
            "differences found",
            extra={
                "collection": report.collection, "differences": report.counts(),
                "left": report.left,
            },
        )  # fmt: skip


def start_background_check(stack: contextlib.ExitStack, storage: Storage, checker: Checker) -> None:
    """Take turns with the other ingestion workers at checking, until *stack* closes."""
    background_check = BackgroundCheck(checker, storage.catalogue)
    stack.enter_context(
        PeriodicService(
            storage, name="inspector", every_s=timings.CHECK_PAUSE_S, turn=background_check.turn
        )
    )


def start_maintenance(
    stack: contextlib.ExitStack,
    storage: Storage,
    vectors: VectorStore,
    *,
    most_documents: int,
    most_questions: int,
) -> None:
    """
    Rescue units, go on with long jobs, collect garbage, make room in Redis, until *stack* closes.

    In turns with other workers. *most_documents* and *most_questions* in batches may wait at a
    time.
    """
    rescuer, garbage_collector = Rescuer(storage), GarbageCollector(storage, vectors)
    long_jobs = LongJobs(
        storage.ledger, limit=most_documents, question_limit=most_questions,
        blobs=storage.blobs,
    )  # fmt: skip
    services = (
        PeriodicService(
            storage, name="sweeper", every_s=timings.RESCUE_S, turn=rescuer.turn,
            reached=rescuer.reached,
        ),
        PeriodicService(
            storage, name="shedder", every_s=timings.SHED_S, turn=Shedder(storage).turn
        ),
        PeriodicService(
            storage, name="long_jobs", every_s=timings.LONG_JOBS_S, turn=long_jobs.turn
        ),
        PeriodicService(
            storage, name="blobs", every_s=timings.BLOB_SWEEP_PAUSE_S,
            turn=BlobSweeper(storage).turn,
        ),
        PeriodicService(
            storage, name="janitor", every_s=timings.COLLECT_GARBAGE_S,
            turn=garbage_collector.turn,
        ),
    )  # fmt: skip
    for service in services:
        stack.enter_context(service)
    if archive := storage.ledger.archive:
        turn = Archiver(storage, archive).turn
        stack.enter_context(
            PeriodicService(storage, name="archiver", every_s=timings.ARCHIVE_S, turn=turn)
        )
