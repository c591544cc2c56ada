"""
Whether a history keeps what the service promises.

The documents are checked as registers with one writer each: a read shows a revision that may have
been current at some moment between its beginning and its end (linearizability; M. Herlihy, J. Wing,
"Linearizability: a correctness condition for concurrent objects", 1990).
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from chaos.checks.final_state import FinalState
from chaos.history import (
    TAKEN,
    Accepted,
    Answered,
    Cancelled,
    Forgotten,
    Read,
    Record,
    Seen,
    Victim,
    Write,
)
from protocol import timings

#: How long after its deadline a job may end.
GRACE_S: Final = 60.0
#: How long after the death of its worker a unit may wait, where nothing else is wrong.
WENT_ON_S: Final = 45.0
#: A job with a shorter deadline may expire while something is away.
PATIENT_S: Final = 60.0
#: States that a job without faults of its own may end in.
GOOD: Final = frozenset({"succeeded", "cancelled"})
#: How a document may fail that kills its workers.
DEADLY: Final = "failed: too_many_attempts"


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken: which one, and by what."""

    promise: str
    told: str


#: Every promise that is checked, in the order in which they are told.
PROMISES: Final = (
    "lost",  # an acknowledged job that never ended, or whose end was soon forgotten
    "late",  # one that ended too long after its deadline
    "twice",  # one that ended more than once
    "changed_after_final",
    "uncancelled",  # one that was told to be cancelled, and ended otherwise
    "stalled",  # a unit that nobody went on with after its worker was killed
    "innocent_failed",  # a job or a document that failed though nothing was wrong with it
    "half_documents",
    "two_versions",
    "wrong_reads",  # a revision that was not current, or not any more
    "missing_documents",
    "wrong_index",  # at the end the index is not the set of successful writes
    "wrong_search",  # at the end a search does not find exactly what is listed
    "wrong_vectors",  # at the end the rows of Chroma are not those of the catalogue
    "server_errors",
)


def check(history: Iterable[Record], final: FinalState) -> list[Violation]:
    """
    Return every violation of a promise.

    Args:
        history: What clients saw.

        final: What is there at the end.
    """
    records = list(history)
    writes: dict[str, list[Write]] = defaultdict(list)
    for record in records:
        if isinstance(record, Write):
            writes[record.document].append(record)
    for of_one in writes.values():
        of_one.sort(key=lambda write: write.revision)
    return [
        *_jobs(records, writes),
        *_documents(writes),
        *(found for read in records if isinstance(read, Read)
          for found in _read(read, writes[read.document])),
        *_index(writes, final.index),
        *_searches(final),
        *(Violation("wrong_vectors", f"{row} is in Chroma alone") for row in final.extra_rows),
        *(Violation("wrong_vectors", f"{row} is not in Chroma") for row in final.missing_rows),
        *_stalled(records),
        *(Violation("server_errors", f"{one.status} on {one.call}: {one.detail}")
          for one in records if isinstance(one, Answered) and one.status == 500),  # noqa: PLR2004
    ]  # fmt: skip


def _jobs(records: Sequence[Record], writes: Mapping[str, Sequence[Write]]) -> Iterator[Violation]:
    seen: dict[str, list[Seen]] = defaultdict(list)
    for record in records:
        if isinstance(record, Seen):
            seen[record.job].append(record)
    cancelled = {record.job for record in records if isinstance(record, Cancelled)}
    forgotten = {record.job: record.at for record in records if isinstance(record, Forgotten)}
    for job in (record for record in records if isinstance(record, Accepted)):
        told = f"{job.kind} {job.job}"
        if not (looks := seen.get(job.job)):
            yield from _unseen(job, forgotten.get(job.job))
            continue
        first = looks[0]
        yield from _end(job, first, cancelled=job.job in cancelled)
        for before, look in pairwise([first, *looks]):
            if changed := _changed(before, look, writes):
                yield Violation("changed_after_final", f"{told} {changed}")
            if look.ends != 1:
                yield Violation("twice", f"{told} has {look.ends} ends in its events")


def _changed(before: Seen, look: Seen, writes: Mapping[str, Sequence[Write]]) -> str:
    """Tell how an ended job changed that must not; a delete withholds what was quoted."""
    if (look.state, look.frame) != (before.state, before.frame):
        return f"was {before.state}, then {look.state}"
    was, now = set(before.withheld), set(look.withheld)
    if now == was:
        return "" if look.digest == before.digest else f"says otherwise, {look.state} as before"
    if back := was - now:
        return f"quotes {', '.join(sorted(back))} again, which was deleted"
    for document in sorted(now - was):
        if not any(write.deletes and write.began <= look.at for write in writes[document]):
            return f"withholds {document}, which nobody deleted"
    return ""


def _unseen(job: Accepted, forgotten: float | None) -> Iterator[Violation]:
    """Yield what is wrong with a job whose end no client saw: a full Redis keeps ends so long."""
    told = f"{job.kind} {job.job}, accepted at {job.at:.1f} s,"
    if forgotten is None:
        yield Violation("lost", f"{told} never ended")
    elif forgotten - job.at < timings.SHED_AFTER_S:
        yield Violation("lost", f"{told} was forgotten by {forgotten:.1f} s")


def _end(job: Accepted, first: Seen, *, cancelled: bool) -> Iterator[Violation]:
    """Yield what is wrong with how a job ended."""
    told = f"{job.kind} {job.job}"
    # A client may hear of an end long after it: while the web server is away.
    took_s = min(first.at - job.at, first.took_s or math.inf)
    if took_s > job.deadline_s + GRACE_S:
        yield Violation("late", f"{told} ended {took_s:.0f} s after it was accepted")
    if cancelled and first.state != "cancelled":
        yield Violation("uncancelled", f"{told} was cancelled, then {first.state}")
    hasty = first.state == "expired" and job.deadline_s < PATIENT_S
    if first.state not in GOOD and job.kind != "ingest" and not hasty:
        yield Violation("innocent_failed", f"{told} is {first.state}: {first.error}")


def _stalled(records: Sequence[Record]) -> Iterator[Violation]:
    """Yield each unit that waited too long after its worker was killed, or still does."""
    for one in records:
        if isinstance(one, Victim) and (one.waited_s > WENT_ON_S or not one.went_on):
            told = f"{one.unit}, whose worker was killed at {one.at:.1f} s"
            yield Violation("stalled", f"{told}, waited {one.waited_s:.0f} s")


def _documents(writes: Mapping[str, Sequence[Write]]) -> Iterator[Violation]:
    """Yield each write that failed by itself, or was replaced by a newer one that is not there."""
    for document, of_one in writes.items():
        for write in of_one:
            told = f"revision {write.revision} of {document} is {write.outcome}"
            failed = write.outcome.startswith("failed") or write.outcome in ("expired", "cancelled")
            if failed and not (write.poisoned and write.outcome == DEADLY):
                yield Violation("innocent_failed", told)
            newer = any(other.revision > write.revision for other in of_one)
            if write.outcome == "superseded" and not newer:
                yield Violation("wrong_index", f"{told}, and there is no newer one")


def possible(read: Read, writes: Sequence[Write]) -> tuple[set[int], bool]:
    """
    Return which revisions *read* may show, and whether it may show that there is no document.

    A revision may be seen once its write was sent, until a newer one was known to be taken before
    the read began.
    """
    taken = [write for write in writes if write.outcome in TAKEN]
    sure = max((write.revision for write in taken if write.known < read.began), default=0)
    possibly = [write for write in taken if write.revision >= sure and write.began <= read.ended]
    shown = {write.revision for write in possibly if not write.deletes}
    absent = sure == 0 or any(write.deletes for write in possibly)
    return shown, absent


def _read(read: Read, writes: Sequence[Write]) -> Iterator[Violation]:
    may, absent = possible(read, writes)
    told = f"{read.how} at {read.began:.1f} s of {read.document}: {list(read.revisions)}"
    if len(read.revisions) > 1:
        yield Violation("two_versions", told)
    for revision in read.revisions:
        if revision not in may:
            yield Violation("wrong_reads", f"{told}, possible are {sorted(may)}")
        chunks = next((one.chunks for one in writes if one.revision == revision), 0)
        if read.how == "search" and read.whole and read.chunks != chunks:
            yield Violation("half_documents", f"{told}, {read.chunks} of {chunks} chunks")
    if read.how == "search" and read.whole and not read.revisions and not absent:
        yield Violation("missing_documents", f"{told}, possible are {sorted(may)}")


def _index(writes: Mapping[str, Sequence[Write]], index: Mapping[str, int]) -> Iterator[Violation]:
    for document in sorted(writes.keys() | index.keys()):
        taken = [one for one in writes.get(document, ()) if one.outcome in TAKEN]
        last = taken[-1] if taken else None
        want = 0 if last is None or last.deletes else last.revision
        if index.get(document, 0) != want:
            yield Violation(
                "wrong_index", f"{document} is at revision {index.get(document, 0)}, not {want}"
            )


def _searches(final: FinalState) -> Iterator[Violation]:
    """Yield each document of which a search finds other chunks than the list shows."""
    for mode, of_each in final.found.items():
        for document, found in of_each.items():
            there = document in final.index
            want = ((final.index[document],) if there else (), final.chunks.get(document, 0))
            if found != want:
                yield Violation("wrong_search", f"{mode} of {document}: {found}, not {want}")
