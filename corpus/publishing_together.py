"""Publishing several small documents at once: the steps of each, and one call for all of a step."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
from redis.exceptions import RedisError

from corpus.change_log import not_before
from corpus.publishing import BATCH, Publisher
from jobs.companies import Company
from jobs.leases import Lease
from jobs.ledger import CollectionGone
from rag.errors import Broken, EmbedderMismatch, Retryable, Unreadable
from rag.ports import Edition, StoredChunk, Vectors

#: What says nothing of the documents that it happened to: no use in trying one by one.
_NOT_THEIR_FAULT: Final = (Broken, Retryable, RedisError)


@dataclass(slots=True)
class _Work:
    """A document on its way."""

    lease: Lease
    edition: str
    manifest: dict[str, Any]
    stored: list[StoredChunk]
    entry: str = ""
    ms: float = 0.0


def publish_together(publisher: Publisher, company: Company) -> None:
    """
    Run the publish stage of a company's documents: upsert, log, wait, flip, as for one document.

    Documents of up to BATCH chunks together share each call; a larger one goes by itself.
    """
    ready = _prepared(publisher, company)
    for group in _groups(ready):
        if len(group) == 1 and len(group[0].stored) > BATCH:
            for lease, _ in company.each(publisher.publish, [group[0].lease]):
                company.part(lease)
            continue
        _publish(publisher, company, group)


def _prepared(publisher: Publisher, company: Company) -> list[_Work]:
    """Read the documents; those of a deleted collection end here."""
    there: dict[str, Edition | None] = {}

    def prepare(lease: Lease) -> _Work | None:
        incarnation = lease.unit.incarnation
        if incarnation not in there:
            try:
                there[incarnation] = publisher.prepare(incarnation)
            except EmbedderMismatch as error:
                raise Unreadable("embedder_mismatch", str(error)) from error
        edition = there[incarnation]
        if edition is None:
            lease.flip(entry="", document={}, fields={})  # refused there
            return None
        return _Work(lease, edition.name, *publisher.read(lease))

    ready = []
    for lease, work in company.each(prepare):
        if work is None:
            company.part(lease)
        else:
            ready.append(work)
    return ready


def _publish(publisher: Publisher, company: Company, group: list[_Work]) -> None:
    """Publish a group, or its documents one by one where one of them may be at fault."""
    try:
        _upsert(publisher, company, group)
    except Exception as error:  # noqa: BLE001 - what it is decides how the units end
        if len(group) > 1 and not isinstance(error, _NOT_THEIR_FAULT):
            for work in group:
                _publish(publisher, company, [work])
            return
        for work in group:
            company.part(work.lease, error)
        return
    _make_visible(publisher, company, group)


def _upsert(publisher: Publisher, company: Company, group: Sequence[_Work]) -> None:
    """Embed and write the chunks of a group."""
    began = time.perf_counter()
    waiting = [(work, chunk) for work in group for chunk in work.stored]
    count = len(waiting)
    done: list[tuple[_Work, StoredChunk, Vectors]] = []
    gone: set[int] = set()
    while waiting:
        batch, waiting = publisher.parted(waiting)
        chunks, vectors = publisher.embed([chunk for _, chunk in batch])
        done += zip((work for work, _ in batch), chunks, vectors, strict=True)
        gone = {id(work) for work in group if not company.still(work.lease)}
        waiting = [one for one in waiting if id(one[0]) not in gone]
    rows: dict[str, list[tuple[StoredChunk, Vectors]]] = {}
    for work, chunk, vector in done:
        if id(work) not in gone:
            rows.setdefault(work.edition, []).append((chunk, vector))
    for edition, some in rows.items():
        publisher.upsert(edition, [chunk for chunk, _ in some], np.array([v for _, v in some]))
    spent = (time.perf_counter() - began) * 1000 / max(1, count)
    for work in group:
        work.ms = spent * len(work.stored)


def _make_visible(publisher: Publisher, company: Company, group: Iterable[_Work]) -> None:
    """Log, wait and flip what of a group is still wanted."""
    group = [work for work in group if company.still(work.lease)]
    ledger = group[0].lease.ledger if group else None
    if ledger is None:
        return
    entries = _trip(group, lambda: ledger.log_add_many([(w.lease.unit, w.edition) for w in group]))
    last: dict[str, str] = {}
    for work, entry in zip(group, entries, strict=True):
        if isinstance(entry, CollectionGone):
            work.entry = ""  # its flip is refused, and says why
        elif isinstance(entry, Exception):
            company.part(work.lease, entry)
        else:
            work.entry = entry
            incarnation = work.lease.unit.incarnation
            if incarnation not in last or not_before(entry, last[incarnation]):
                last[incarnation] = entry
    seen = {
        incarnation: publisher.wait(incarnation, entry, give_up=lambda: None)
        for incarnation, entry in last.items()
    }
    group = [work for work in group if company.still(work.lease)]
    flips = [
        (
            work.lease.unit,
            work.entry,
            publisher.record(work.lease, work.manifest) if work.entry else {},
            {"ms_embed": round(work.ms, 2)}
            | ({} if seen.get(work.lease.unit.incarnation) else {"sparse": "pending"}),
        )
        for work in group
    ]
    outcomes = _trip(group, lambda: ledger.flip_many(flips))
    for work, flip, outcome in zip(group, flips, outcomes, strict=True):
        if outcome == "held":
            _, entry, document, fields = flip
            step = partial(Lease.flip, entry=entry, document=document, fields=fields)
            for lease, _ in company.each(step, [work.lease]):
                company.part(lease)
        elif isinstance(outcome, Exception):
            company.part(work.lease, outcome)
        else:
            work.lease.conclude("finished", outcome=outcome)
            company.part(work.lease)


def _trip(
    group: Sequence[_Work], call: Callable[[], list[str | Exception]]
) -> list[str | Exception]:
    """Make one trip to the ledger; where Redis is away, that is the answer for each."""
    try:
        return call() if group else []
    except RedisError as error:
        return [error] * len(group)


def _groups(ready: Iterable[_Work]) -> Iterator[list[_Work]]:
    """Put documents together that have up to BATCH chunks in sum."""
    group: list[_Work] = []
    chunks = 0
    for work in ready:
        if group and chunks + len(work.stored) > BATCH:
            yield group
            group, chunks = [], 0
        group.append(work)
        chunks += len(work.stored)
    if group:
        yield group
