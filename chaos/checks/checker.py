"""
Whether a history keeps what the service promises.

The documents are checked as registers with one writer each: a read shows a revision that may have
been current at some moment between its beginning and its end (linearizability; M. Herlihy, J. Wing,
"Linearizability: a correctness condition for concurrent objects", 1990).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chaos.history import TAKEN, Accepted, Answered, Read, Record, Seen, Write

#: How long after its deadline a job may end.
GRACE_S: Final = 60.0
#: States that a job without faults of its own may end in.
GOOD: Final = frozenset({"succeeded", "cancelled"})


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken: which one, and by what."""

    promise: str
    told: str


#: Every promise that is checked, in the order in which they are told.
PROMISES: Final = (
    "lost",  # an acknowledged job that never ended
    "late",  # one that ended too long after its deadline
    "twice",  # one that ended more than once
    "changed_after_final",
    "innocent_failed",  # a job or a document that failed though nothing was wrong with it
    "half_documents",
    "two_versions",
    "wrong_reads",  # a revision that was not current, or not any more
    "missing_documents",
    "wrong_index",  # at the end the index is not the set of successful writes
    "server_errors",
)


def check(history: Iterable[Record], index: Mapping[str, int]) -> list[Violation]:
    """
    Return every violation of a promise.

    Args:
        history: What clients saw.

        index: The documents that the collection lists at the end: the revision of each text.
    """
    records = list(history)
    writes: dict[str, list[Write]] = defaultdict(list)
    for record in records:
        if isinstance(record, Write):
            writes[record.document].append(record)
    for of_one in writes.values():
        of_one.sort(key=lambda write: write.revision)
    return [
        *_jobs(records),
        *_documents(writes),
        *(found for read in records if isinstance(read, Read)
          for found in _read(read, writes[read.document])),
        *_index(writes, index),
        *(Violation("server_errors", f"{one.status} on {one.call}: {one.detail}")
          for one in records if isinstance(one, Answered) and one.status == 500),  # noqa: PLR2004
    ]  # fmt: skip


def _jobs(records: Sequence[Record]) -> Iterator[Violation]:
    seen: dict[str, list[Seen]] = defaultdict(list)
    for record in records:
        if isinstance(record, Seen):
            seen[record.job].append(record)
    for job in (record for record in records if isinstance(record, Accepted)):
        told = f"{job.kind} {job.job}"
        if not (looks := seen.get(job.job)):
            yield Violation("lost", f"{told}, accepted at {job.at:.1f} s, never ended")
            continue
        first = looks[0]
        if first.at > job.at + job.deadline_s + GRACE_S:
            yield Violation("late", f"{told} ended {first.at - job.at:.0f} s after it was accepted")
        for look in looks:
            if (look.state, look.digest) != (first.state, first.digest):
                yield Violation(
                    "changed_after_final", f"{told} was {first.state}, then {look.state}"
                )
            if look.ends != 1:
                yield Violation("twice", f"{told} has {look.ends} ends in its events")
        if first.state not in GOOD and job.kind != "ingest":
            yield Violation("innocent_failed", f"{told} is {first.state}: {first.error}")


def _documents(writes: Mapping[str, Sequence[Write]]) -> Iterator[Violation]:
    """Yield each write that failed by itself, or was replaced by a newer one that is not there."""
    for document, of_one in writes.items():
        for write in of_one:
            told = f"revision {write.revision} of {document} is {write.outcome}"
            failed = write.outcome.startswith("failed") or write.outcome in ("expired", "cancelled")
            if failed and not write.poisoned:
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
    if len(read.revisions) > 1 and read.how == "search":
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
