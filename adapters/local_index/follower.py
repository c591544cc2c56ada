"""The follower: keeps this replica's sparse indexes in step with the vector store."""

import fcntl
import logging
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
from redis import Redis
from redis.exceptions import RedisError

from adapters.local_index.follower_lag import lag
from adapters.local_index.index_audit import Auditor
from adapters.local_index.local_index import LocalIndex, NothingThere
from adapters.local_index.tantivy_index import IndexUnusable
from corpus.catalogue.catalogue import Catalogue
from corpus.change_log import ChangeLog, Entry, not_before
from protocol import timings
from protocol.keys import key
from rag import sentence_codes
from rag.documents import chunk_id
from rag.errors import Broken, StoreUnavailable
from rag.metadata.filters import Filter
from rag.ports import Look, StoredChunk, Vectors, VectorStore
from rag.reading_ports import Matching, ReplicaIndex
from rag.sentence_codes import SentenceCosines
from runtime.turns import aside

log = logging.getLogger(__name__)

#: Chunks of the vector store by their id, each with its vector.
Fetched = dict[str, tuple[StoredChunk, Vectors]]

SLOTS = 64
#: Chunks fetched from the vector store at once while an index is rebuilt.
FETCH = 1_000
#: Entries that follow the first so closely are applied with it, and commits keep this distance.
GATHER_S = 0.01
COMMIT_S = 0.1


class Slot:
    """A numbered folder for one replica's indexes, locked, so that a restart finds its own."""

    def __init__(self, folder: Path) -> None:
        self.number, self.folder, self._lock = self._take(folder)

    @property
    def name(self) -> str:
        """How the replica is called among the followers."""
        return f"{socket.gethostname()}/{self.number}"

    def close(self) -> None:
        """Let another process have the slot."""
        self._lock.close()

    @staticmethod
    def _take(folder: Path) -> tuple[int, Path, IO[str]]:
        """Lock the first free slot; the kernel frees it when the process dies."""
        for number in range(SLOTS):
            slot = folder / str(number)
            slot.mkdir(parents=True, exist_ok=True)
            lock = (slot / "lock").open("w")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.close()
                continue
            return number, slot, lock
        raise Broken(f"all {SLOTS} index slots in {folder} are taken")


class Follower:
    """
    Follow the change log of every collection, and answer sparse searches from what is applied.

    The index is derived and local: lost, corrupt, of another version, or behind the log's
    beginning, it is built anew beside the old one and swapped. A search that would miss a flipped
    document waits up to 200 ms, then does without.

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
        self._vectors = vectors
        self._open_index = open_index
        self._indexes: dict[str, ReplicaIndex] = {}
        self._audited: dict[str, set[str]] = {}  # tickets of checks that were answered
        self._news = "0-0"  # the last announcement of a collection that was heeded
        self._rebuilding = ""  # the incarnation whose index is being built anew
        self._committed_at = float("-inf")
        self._applied = threading.Condition()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._follow_for_ever, name="follower", daemon=True)

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
        self._closing.set()
        self._thread.join(timeout=10)
        try:
            self._change_log.leave(self._slot.name)
            for incarnation in self._indexes:
                self._change_log.unfollow(incarnation, self._slot.name)
        except RedisError as away:
            log.debug("not signed off", extra={"reason": str(away)})
        for index in self._indexes.values():
            index.close()
        self._slot.close()

    @property
    def alive(self) -> bool:
        """Whether the following thread runs."""
        return self._thread.is_alive()

    def report(self) -> dict[str, Any]:
        """Return how far this replica is behind, for the heartbeat; see `follower_lag`."""
        return lag(
            self._redis,
            collections=self._catalogue.collections.incarnations(),
            cursors={name: index.cursor or "0-0" for name, index in list(self._indexes.items())},
            rebuilding=self._rebuilding,
        )

    def search(
        self, incarnation: str, query: str, *, limit: int, look: Look | None = None
    ) -> list[tuple[str, float]] | None:
        """Search this replica's index; None where it lacks a document flipped before *look*."""
        newest = look.entry if look else self._change_log.last_add(incarnation)
        if newest == "0-0":
            return []
        index = self._in_step(incarnation, newest)
        return None if index is None else index.search(query, limit=limit)

    def select(
        self, incarnation: str, wanted: Filter, *, look: Look | None = None
    ) -> Matching | None:
        """Return what matches a filter; None where a document flipped before *look* is lacking."""
        if look is not None:
            newest, epoch = look.entry, look.epoch
        else:
            newest, epoch = self._change_log.newest(incarnation)
        if newest == "0-0":
            return NothingThere()
        index = self._in_step(incarnation, newest)
        # Of another epoch, its vectors may be another embedder's.
        return None if index is None or index.log_epoch != epoch else index.select(wanted)

    def whole(self, incarnation: str, look: Look) -> Matching | None:
        """Return all chunks; None where one flipped before *look* is lacking at this moment."""
        index = self._indexes.get(incarnation)
        if index is None or index.log_epoch != look.epoch or not self._has(incarnation, look.entry):
            return None
        return index.select(None)

    def chunks(self, incarnation: str, chunk_ids: Sequence[str]) -> dict[str, StoredChunk]:
        """Return those chunks that this replica holds, by id."""
        index = self._indexes.get(incarnation)
        return {} if index is None else index.chunks(chunk_ids)

    def vectors(self, incarnation: str, chunk_ids: Sequence[str]) -> tuple[list[str], Vectors]:
        """Return the ids of those chunks that this replica holds, with their vectors."""
        index = self._indexes.get(incarnation)
        return ([], np.zeros((0, 0), np.float32)) if index is None else index.vectors(chunk_ids)

    def sentences(
        self, incarnation: str, chunk_ids: Sequence[str], question: Vectors
    ) -> dict[str, SentenceCosines]:
        """Return how near the sentences of chunks that this replica holds are to a question."""
        index = self._indexes.get(incarnation)
        if index is None:
            return {}
        chunks = index.chunks(chunk_ids)
        names, vectors = index.vectors(list(chunks))
        found = {
            name: sentence_codes.cosines(chunks[name].sentences, vector, question)
            for name, vector in zip(names, vectors, strict=True)
        }
        return {name: near for name, near in found.items() if near is not None}

    def counts(self) -> dict[str, int]:
        """Return how many chunks this replica's indexes hold, by incarnation."""
        return {incarnation: index.count() for incarnation, index in [*self._indexes.items()]}

    def _in_step(self, incarnation: str, newest: str) -> ReplicaIndex | None:
        """Return the index that has applied the entry *newest*, waiting for it a moment."""
        if not self._has(incarnation, newest):
            with aside(), self._applied:
                self._applied.wait_for(
                    lambda: self._has(incarnation, newest), timeout=timings.SPARSE_WAIT_S
                )
        with self._applied:
            return self._indexes[incarnation] if self._has(incarnation, newest) else None

    def _has(self, incarnation: str, entry: str) -> bool:
        """Tell whether this replica has applied *entry*."""
        index = self._indexes.get(incarnation)
        return index is not None and bool(index.cursor) and not_before(index.cursor, entry)

    def _follow_for_ever(self) -> None:
        """Apply what the logs say until closed; what is away is waited for."""
        due = 0.0
        while not self._closing.is_set():
            try:
                if time.monotonic() >= due:
                    self._open_and_sign()
                    due = time.monotonic() + timings.RENEW_S
                self._apply_waiting()
            except (RedisError, StoreUnavailable) as error:
                log.warning("following interrupted", extra={"reason": str(error)})
                self._closing.wait(1.0)
            except Exception:
                # The thread must outlive a fault in one collection; it is tried again.
                log.exception("following failed")
                self._closing.wait(5.0)

    def _open_and_sign(self) -> None:
        """Open the indexes of new collections, drop those of old ones, say how far all are."""
        self._news = self._change_log.newest_news()
        self._change_log.attend(self._slot.name)
        wanted = set(self._catalogue.collections.incarnations().values())
        for gone in [name for name in self._indexes if name not in wanted]:
            with self._applied:
                self._indexes.pop(gone).close()
            shutil.rmtree(self._slot.folder / gone, ignore_errors=True)
        for folder in self._slot.folder.iterdir():
            if folder.is_dir() and folder.name.removesuffix(".new") not in wanted:
                shutil.rmtree(folder, ignore_errors=True)
        for incarnation in wanted:
            self._sign(incarnation)

    def _sign(self, incarnation: str) -> None:
        """Say that this replica is alive and how far it is, rebuilding an index that is not."""
        index = self._indexes.get(incarnation)
        if index is None:
            try:
                index = self._open_index(self._slot.folder / incarnation)
            except IndexUnusable as error:
                log.warning(
                    "index unusable", extra={"incarnation": incarnation, "reason": str(error)}
                )
                self._rebuild(incarnation)
                return
        usable = None
        try:
            usable = self._usable(incarnation, index)
        finally:
            # Opened here and not taken: its files must not stay open.
            if not usable and self._indexes.get(incarnation) is not index:
                index.close()
        if usable and index.intact():
            self._swap_in(incarnation, index)
        elif usable is not None:
            self._rebuild(incarnation)
        self._audit(incarnation)

    def _audit(self, incarnation: str) -> None:
        """Compare an index with the catalogue for each check that asks for it."""
        asked = self._change_log.audits(incarnation)
        done = self._audited.setdefault(incarnation, set())
        done.intersection_update(asked)
        for ticket, repair in asked.items():
            if ticket in done or incarnation not in self._indexes:
                continue
            self._apply(incarnation, self._indexes[incarnation])
            auditor = Auditor(
                self._slot.name, catalogue=self._catalogue, change_log=self._change_log,
                fetch=partial(self._generation, incarnation),
            )  # fmt: skip
            answer = auditor.audit(incarnation, self._indexes[incarnation], repair=repair)
            if answer.rebuild:
                self._rebuild(incarnation)
            self._change_log.answer_audit(ticket, self._slot.name, answer.as_json())
            done.add(ticket)

    def _usable(self, incarnation: str, index: ReplicaIndex) -> bool | None:
        """Say how far an index is; tells whether the log still has all it lacks, None if gone."""
        answer = self._change_log.follow(incarnation, self._slot.name, index.cursor)
        if answer is None:
            return None
        epoch, trimmed_to = answer
        return index.log_epoch == epoch and not_before(index.cursor or "0-0", trimmed_to)

    def _apply_waiting(self) -> None:
        """Wait a moment for entries of any log, and apply them in one commit per collection."""
        cursors = {key("log", name): index.cursor or "0-0" for name, index in self._indexes.items()}
        streams = self._redis.xread(cursors | {key("news"): self._news}, count=1, block=500)
        if streams:
            # Entries of one publish follow each other closely, and a commit costs as much for one.
            self._closing.wait(max(GATHER_S, self._committed_at + COMMIT_S - time.monotonic()))
        for stream, _ in streams or []:
            if stream == key("news"):
                self._open_and_sign()
                continue
            incarnation = stream.rsplit(":", 1)[-1]
            index = self._indexes.get(incarnation)
            if index is not None:
                self._apply(incarnation, index)

    def _apply(self, incarnation: str, index: ReplicaIndex) -> None:
        """Apply entries after the cursor, then commit them and say so."""
        entries = self._change_log.read(incarnation, index.cursor or "0-0")
        if not entries:
            return
        # Looked at after the read: what was trimmed before it, while this process slept, would
        # otherwise be skipped for good.
        usable = self._usable(incarnation, index)
        if not usable:
            if usable is not None:
                self._rebuild(incarnation)
            return
        for group in _groups(entries):
            # One call for all of them: for each alone, the call would be most of what it costs.
            wanted = [(e.document, e.generation, e.chunks) for e in group if e.op == "add"]
            fetched = self._fetch(incarnation, wanted)
            for entry in group:
                if entry.op == "drop":
                    index.remove(entry.document, entry.generation)
                else:
                    self._add(incarnation, index, entry, fetched)
        epoch = index.log_epoch
        index.commit(cursor=entries[-1].id, log_epoch=epoch)
        self._committed_at = time.monotonic()
        self._change_log.follow(incarnation, self._slot.name, index.cursor)
        with self._applied:
            self._applied.notify_all()

    def _add(self, incarnation: str, index: ReplicaIndex, entry: Entry, fetched: Fetched) -> None:
        """Add a generation's chunks, unless it is neither open nor current: they may be gone."""
        names = [chunk_id(entry.document, entry.generation, n) for n in range(entry.chunks)]
        chunks, vectors = _in_order(fetched, names)
        if len(chunks) == entry.chunks:
            index.add(chunks, vectors)
            return
        generations = self._catalogue.generations
        current = generations.current_of(incarnation, entry.document)
        if generations.is_open(incarnation, entry.document, entry.generation) or (
            current is not None and current.generation == entry.generation
        ):
            # Never short in order: somebody removed rows behind our back.
            log.error(
                "chunks are missing from the vector store",
                extra={
                    "incarnation": incarnation,
                    "document_id": entry.document,
                    "expected": entry.chunks,
                    "found": len(chunks),
                },
            )
            index.add(chunks, vectors)

    def _fetch(self, incarnation: str, generations: Iterable[tuple[str, int, int]]) -> Fetched:
        """Fetch exactly the ids of generations, with their vectors; what is gone is left out."""
        # A generation may be told twice: by a publish that was killed and ran again, by a repair.
        names = [
            chunk_id(document, generation, n)
            for document, generation, chunks in dict.fromkeys(generations)
            for n in range(chunks)
        ]
        found: Fetched = {}
        for first in range(0, len(names), FETCH):
            chunks, vectors = self._vectors.get_with_vectors(
                incarnation, names[first : first + FETCH]
            )
            found |= {c.chunk_id: (c, v) for c, v in zip(chunks, vectors, strict=True)}
        return found

    def _generation(
        self, incarnation: str, document: str, generation: int, chunks: int
    ) -> tuple[list[StoredChunk], Vectors]:
        """Fetch what there is of one generation, in order."""
        fetched = self._fetch(incarnation, [(document, generation, chunks)])
        return _in_order(fetched, fetched)

    def _rebuild(self, incarnation: str) -> None:
        """Build an index beside the old one and swap (docs/protocol.md, A follower)."""
        start = self._change_log.rebuild_start(incarnation, self._slot.name)
        if start is None:
            return
        self._rebuilding = incarnation
        log.info("index rebuild begins", extra={"incarnation": incarnation})
        fresh = self._slot.folder / f"{incarnation}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        index = self._open_index(fresh)
        for batch in _batches(self._current(incarnation)):
            self._add_many(incarnation, index, batch)
            self._change_log.follow(incarnation, self._slot.name, start.cursor)
            if self._closing.is_set():
                index.close()
                return
        # An add before the cursor whose flip came after the scan would be lost otherwise.
        for document, generation, chunks in start.pending:
            entry = Entry(start.cursor, "add", document, generation, chunks)
            fetched = self._fetch(incarnation, [(document, generation, chunks)])
            self._add(incarnation, index, entry, fetched)
        index.commit(cursor=start.cursor, log_epoch=start.log_epoch)
        index.close()
        place = self._slot.folder / incarnation
        with self._applied:
            old = self._indexes.pop(incarnation, None)
            if old is not None:
                old.close()
            shutil.rmtree(place, ignore_errors=True)
            fresh.rename(place)
            self._indexes[incarnation] = self._open_index(place)
            self._applied.notify_all()
        self._rebuilding = ""
        log.info("index rebuilt", extra={"incarnation": incarnation})

    def _current(self, incarnation: str) -> Iterator[tuple[str, int, int]]:
        """Yield every current generation that has chunks."""
        for document, current in self._catalogue.generations.every_current(incarnation):
            if current.chunks:
                yield document, current.generation, current.chunks

    def _add_many(
        self, incarnation: str, index: ReplicaIndex, batch: Sequence[tuple[str, int, int]]
    ) -> None:
        """Fetch and add the chunks of several small documents, or of one large one."""
        fetched = self._fetch(incarnation, batch)
        # In one call: adding a part of a generation replaces the part before it.
        index.add(*_in_order(fetched, fetched))

    def _swap_in(self, incarnation: str, index: ReplicaIndex) -> None:
        """Let searches see an index that was opened."""
        with self._applied:
            self._indexes[incarnation] = index
            self._applied.notify_all()


def _batches(
    documents: Iterator[tuple[str, int, int]],
) -> Iterator[list[tuple[str, int, int]]]:
    """Group documents so that a group has about FETCH chunks."""
    batch: list[tuple[str, int, int]] = []
    chunks = 0
    for document in documents:
        batch.append(document)
        chunks += document[2]
        if chunks >= FETCH:
            yield batch
            batch, chunks = [], 0
    if batch:
        yield batch


def _in_order(fetched: Fetched, names: Iterable[str]) -> tuple[list[StoredChunk], Vectors]:
    """Return the chunks called *names* that were there, and their vectors."""
    found = [fetched[name] for name in names if name in fetched]
    vectors = [vector for _, vector in found]
    return [chunk for chunk, _ in found], (
        np.stack(vectors) if vectors else np.zeros((0, 0), dtype=np.float32)
    )


def _groups(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Cut entries into groups that add about FETCH chunks, in their order."""
    group: list[Entry] = []
    chunks = 0
    for entry in entries:
        group.append(entry)
        chunks += entry.chunks if entry.op == "add" else 0
        if chunks >= FETCH:
            yield group
            group, chunks = [], 0
    if group:
        yield group
